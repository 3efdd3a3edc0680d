"""A chain: the layers of a plain convolutional network, as frozen data with sizes and cost."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from tgas_neuro.architecture.skeleton import (
    Complexity,
    ConvLayout,
    Skeleton,
    build_stem_layout,
    calc_linear,
)
from tgas_neuro.runtime.errors import UserError, check_choice, check_keys, check_list
from tgas_neuro.runtime.files import calc_digest

WIDTHS = (1, 2, 4, 8)
KERNELS = (3, 1, 5, 7)  # the usual one first: a choice that was never made counts as the first
STRIDES = (1, 2)
MAX_LAYERS = 50


@dataclass(frozen=True)
class ChainLayer:
    """Convolution, batch normalisation, ReLU.

    Attributes
    ----------
    width
        Filters, in multiples of the skeleton's `filters`: one of `WIDTHS`.
    kernel
        Height and width of the convolution [px]: one of `KERNELS`.
    stride
        1, or 2, which halves the image, rounded up; an image of one pixel stays one pixel.
    skip
        The earlier output that is concatenated with the one before the layer, or None: 0 is the
        stem's, 1 + k that of layer k. In layer k it is less than k.
    """

    width: int
    kernel: int
    stride: int
    skip: int | None = None


@dataclass(frozen=True)
class ChainGenotype:
    """A plain convolutional network up to its size (the size is the `Skeleton`'s).

    Attributes
    ----------
    space
        The search space that it belongs to: "chain".
    layers
        1 to `MAX_LAYERS`, from input to output.

    Raises
    ------
    UserError
        A layer is malformed, or there are too few or too many.
    """

    space: str
    layers: tuple[ChainLayer, ...]

    def __post_init__(self):
        check_choice("genotype: space", self.space, ["chain"])
        check_layers(self.layers, "genotype: layers")

    def canonical(self) -> "ChainGenotype":
        """Itself: there is one way to tell a chain."""
        return self

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits, different for different chains."""
        return calc_digest(self.to_json())[:16]

    def to_json(self) -> dict[str, Any]:
        """As what `from_json` reads: only dicts, lists, strings, integers and null."""
        return {"space": self.space, "layers": [asdict(layer) for layer in self.layers]}

    @classmethod
    def from_json(cls, content: Any, name: str = "genotype") -> "ChainGenotype":
        """The genotype that `to_json` wrote.

        Parameters
        ----------
        content
            ``{"space": "chain", "layers": [{"width": 1, "kernel": 3, "stride": 2, "skip": null},
            ...]}``.
        name
            The file or key that it comes from, for messages.

        Raises
        ------
        UserError
            Naming the field, its value and what is allowed.
        """
        check_keys(content, name, ("space", "layers"))
        check_choice(f"{name}: space", content["space"], ["chain"])
        check_list(content["layers"], f"{name}: layers")
        for number, layer in enumerate(content["layers"]):
            check_keys(layer, f"{name}: layers[{number}]", ("width", "kernel", "stride", "skip"))
        layers = tuple(ChainLayer(**layer) for layer in content["layers"])
        check_layers(layers, f"{name}: layers")
        return cls(content["space"], layers)


def check_layers(layers: tuple[ChainLayer, ...], name: str) -> None:
    """Raise `UserError` unless the layers are well formed; `name` is where they come from."""
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise UserError(f"{name}: {len(layers)} layers; a chain has 1 to {MAX_LAYERS}")
    for number, layer in enumerate(layers):
        where = f"{name}[{number}]"
        for key, allowed in (("width", WIDTHS), ("kernel", KERNELS), ("stride", STRIDES)):
            value = getattr(layer, key)
            # 1.0 and True equal 1, but are other JSON, and so another hash.
            if type(value) is not int:
                raise UserError(f"{where}.{key}: {value!r} is not one of: {list(allowed)}")
            check_choice(f"{where}.{key}", value, allowed)
        _check_skip(layer.skip, number, f"{where}.skip")


def _check_skip(skip: Any, number: int, name: str) -> None:
    if skip is None or (type(skip) is int and 0 <= skip < number):
        return
    if number == 0:
        raise UserError(f"{name}: {skip!r}; the first layer has nothing to skip, give it null")
    raise UserError(
        f"{name}: {skip!r} is neither null nor one of 0 to {number - 1} (0 the stem, 1 + k an "
        f"earlier layer k; the one right before is read anyway)"
    )


@dataclass(frozen=True)
class LayerLayout:
    """A layer in its place.

    Attributes
    ----------
    name
        "layer_0", "layer_1", ...
    conv
        Its convolution; its input channels are those of all that it reads.
    skip
        The output that is concatenated with the one before, or None (see `ChainLayer`).
    step
        Of the skipped output every `step`-th row and column is read, which makes it as large as
        the one before the layer.
    """

    name: str
    conv: ConvLayout
    skip: int | None
    step: int


@dataclass(frozen=True)
class NetworkLayout:
    """Stem, layers, then global average pool and a linear layer."""

    stem: tuple[ConvLayout, ...]
    layers: tuple[LayerLayout, ...]
    n_classes: int

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.layers[-1].conv.channels_out

    @property
    def path_depths(self) -> tuple[float, ...]:
        """None: a chain adds nothing up, so that there is no path to drop."""
        return ()

    @property
    def layer_stages(self) -> tuple[tuple[str, ...], ...]:
        """Names of the layers after the stem, as of a single stage: it has no others."""
        return (tuple(layer.name for layer in self.layers),)

    @property
    def last_before_reduction(self) -> None:
        """None: a chain has no stages."""
        return None

    def calc_cost(self) -> Complexity:
        """The sum over all parts."""
        costs = [conv.calc_cost() for conv in (*self.stem, *(layer.conv for layer in self.layers))]
        return sum(costs, calc_linear(self.features, self.n_classes))


def build_layout(genotype: ChainGenotype, skeleton: Skeleton) -> NetworkLayout:
    """The layout of a genotype's network.

    Skips are concatenated, as in Zoph & Le (2017, ICLR, section 3.3). There a smaller output is
    padded with zeros; here the larger one is subsampled, as by a convolution 1x1 of that stride, so
    that no layer sees zeros of no meaning.
    """
    stem = build_stem_layout(skeleton)
    # Channels of every output, and how many of the image's pixels in a row are one of its own.
    outputs = [(stem[-1].channels_out, 1)]
    size = stem[-1].size_out
    layers = []
    for number, layer in enumerate(genotype.layers):
        channels_in, reduction = outputs[-1]
        step = 1
        if layer.skip is not None:
            channels_in += outputs[layer.skip][0]
            step = reduction // outputs[layer.skip][1]
        filters = layer.width * skeleton.filters
        conv = ConvLayout(channels_in, filters, layer.kernel, layer.stride, size)
        layers.append(LayerLayout(f"layer_{number}", conv, layer.skip, step))
        outputs.append((filters, reduction * layer.stride))
        size = conv.size_out
    return NetworkLayout(stem, tuple(layers), skeleton.n_classes)
