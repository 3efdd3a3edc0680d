"""The space of chains, the plain networks of the first teacher-guided search."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tgas_neuro.architecture.chain.genotype import (
    KERNELS,
    MAX_LAYERS,
    STRIDES,
    WIDTHS,
    ChainGenotype,
    ChainLayer,
    NetworkLayout,
    build_layout,
)
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype, Space, check_choices, encode_values
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.section import Section, key
from tgas_neuro.runtime.errors import UserError, check_choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tgas_neuro.architecture.network import GenotypeNetwork


class ChainOptions(Section):
    """Options of the space chain."""

    layers: int = key(
        10,
        "Most layers of a chain; how many it has is a choice.",
        decides=True,
        ge=1,
        le=MAX_LAYERS,
    )
    skips: bool = key(
        True,
        "Whether a layer may also read an earlier output than the one right before.",
        decides=True,
    )


@dataclass(frozen=True)
class ChainSpace(Space[ChainGenotype]):
    """Chains of up to so many layers (Bashivan et al. 2019, ICCV; Zoph & Le 2017, ICLR).

    How many layers there are is a choice, as are width, kernel, stride and skip of each. The
    choices of layers that are not there are ignored, and told as 0. A chain grows by one layer a
    stage; chains of every stage are members.

    Attributes
    ----------
    layers
        Most layers of a chain, 1 to `MAX_LAYERS`.
    skips
        Whether layers may also read an earlier output than the one right before.
    """

    name: ClassVar[str] = "chain"
    about: ClassVar[str] = "plain convolutional networks"
    options: ClassVar[type[Section] | None] = ChainOptions
    cheapest: ClassVar[dict[str, Any]] = {
        "space": "chain",
        "layers": [{"width": 1, "kernel": 1, "stride": 2, "skip": None}],
    }
    holder: ClassVar[str] = "chain"
    no_place: ClassVar[dict[str, str]] = {
        "drop_path": "adds no operations up, so that there is no path to drop",
        "auxiliary": "has no stages, before whose last one the auxiliary head would stand",
    }

    layers: int = 10
    skips: bool = True

    def __post_init__(self) -> None:
        given = {"layers": self.layers, "skips": self.skips}
        check_section(ChainOptions, given, "space chain")

    @staticmethod
    def read(content: Any, name: str) -> ChainGenotype:
        """Read a genotype from JSON content."""
        return ChainGenotype.from_json(content, name)

    @staticmethod
    def build_layout(genotype: ChainGenotype, skeleton: Skeleton) -> NetworkLayout:
        """Layout of a genotype's network at the size of a skeleton."""
        return build_layout(genotype, skeleton)

    @staticmethod
    def build_module(genotype: ChainGenotype, skeleton: Skeleton) -> "GenotypeNetwork":
        """The network as a module."""
        from tgas_neuro.architecture.chain.network import ChainNetwork

        return ChainNetwork(genotype, skeleton)

    @staticmethod
    def describe(genotype: ChainGenotype) -> list[str]:
        """Describe every layer: kernel, width, stride, and the outputs that it reads."""
        lines = []
        for number, layer in enumerate(genotype.layers):
            read = "stem" if number == 0 else f"layer {number - 1}"
            if layer.skip is not None:
                read += f", {'stem' if layer.skip == 0 else f'layer {layer.skip - 1}'}"
            lines.append(
                f"layer {number} = convolution {layer.kernel}x{layer.kernel}, {layer.width} F "
                f"filters, stride {layer.stride}, of {read}"
            )
        return lines

    @staticmethod
    def calc_drawing_size(genotype: ChainGenotype) -> tuple[float, float]:
        """Width and height [inch] of the drawing."""
        from tgas_neuro.architecture.chain.drawing import calc_chain_size

        return calc_chain_size(genotype)

    @staticmethod
    def draw(genotype: ChainGenotype, figure: "Figure", title: str) -> None:
        """Draw the layers in a row, with arcs for skips."""
        from tgas_neuro.architecture.chain.drawing import plot_chain

        plot_chain(genotype, figure.subplots(), title)

    def choices(self) -> dict[str, int]:
        """Every choice by name and its number of values: ``"layer3.skip"`` has 4, 0 for none."""
        choices = {"layers": self.layers}
        for number in range(self.layers):
            choices |= self._choices_of(number)
        return choices

    def from_choices(self, values: Mapping[str, int]) -> ChainGenotype:
        """The genotype with these values: ``"layers"`` is their number less one."""
        values = check_choices(self, values)
        layers = []
        for number in range(values["layers"] + 1):
            skip = values.get(f"layer{number}.skip", 0)
            layers.append(
                ChainLayer(
                    width=WIDTHS[values[f"layer{number}.width"]],
                    kernel=KERNELS[values[f"layer{number}.kernel"]],
                    stride=STRIDES[values[f"layer{number}.stride"]],
                    skip=skip - 1 if skip else None,
                )
            )
        return ChainGenotype("chain", tuple(layers))

    def to_choices(self, genotype: ChainGenotype) -> dict[str, int]:
        """Values of the choices that give this genotype (see `validate` for errors)."""
        return dict.fromkeys(self.choices(), 0) | self._list_made(genotype)

    def encode(self, genotype: ChainGenotype) -> np.ndarray:
        """All choices in one-hot code; those of layers that are not there are zero throughout."""
        return encode_values(self, self._list_made(genotype))

    @property
    def stages(self) -> int:
        """As many as layers."""
        return self.layers

    def get_stage(self, genotype: Genotype) -> int | None:
        """The number of its layers; None for a genotype that is not of this space."""
        try:
            return len(self.validate(genotype).layers)
        except UserError:
            return None

    def grow(self, genotype: ChainGenotype | None) -> Iterator[ChainGenotype]:
        """All chains with one layer more; none from one that has all its layers."""
        layers = () if genotype is None else genotype.layers
        if len(layers) == self.layers:
            return
        skips = [None, *range(len(layers))] if self.skips else [None]
        for values in product(WIDTHS, KERNELS, STRIDES, skips):
            yield ChainGenotype("chain", (*layers, ChainLayer(*values)))

    def validate(self, genotype: Genotype) -> ChainGenotype:
        """Check that a genotype is in this space and return it.

        Raises
        ------
        UserError
            It is of another space, has too many layers, or skips where there are none.
        """
        check_choice("genotype: space", genotype.space, ["chain"])
        assert isinstance(genotype, ChainGenotype)
        n_layers = len(genotype.layers)
        if n_layers > self.layers:
            raise UserError(
                f"genotype: layers: {n_layers} layers; this space has up to {self.layers}"
            )
        for number, layer in enumerate(genotype.layers):
            if layer.skip is not None and not self.skips:
                raise UserError(
                    f"genotype: layers[{number}].skip: {layer.skip}; this space has no skips, "
                    "give it null"
                )
        return genotype

    def _choices_of(self, number: int) -> dict[str, int]:
        name = f"layer{number}"
        choices = {
            f"{name}.width": len(WIDTHS),
            f"{name}.kernel": len(KERNELS),
            f"{name}.stride": len(STRIDES),
        }
        if self.skips and number > 0:
            choices[f"{name}.skip"] = 1 + number
        return choices

    def _list_made(self, genotype: ChainGenotype) -> dict[str, int]:
        """Values of the choices of the layers that are there."""
        self.validate(genotype)
        values = {"layers": len(genotype.layers) - 1}
        for number, layer in enumerate(genotype.layers):
            found = {
                "width": WIDTHS.index(layer.width),
                "kernel": KERNELS.index(layer.kernel),
                "stride": STRIDES.index(layer.stride),
                "skip": 0 if layer.skip is None else 1 + layer.skip,
            }
            values |= {name: found[name.split(".")[1]] for name in self._choices_of(number)}
        return values
