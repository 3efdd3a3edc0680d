"""The space of NAS-Bench-201: 15,625 topologies, each a network and a member."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

from tgas_neuro.architecture.nasbench201.genotype import (
    EDGES,
    OPERATION_NAMES,
    NASBench201Genotype,
)
from tgas_neuro.architecture.nasbench201.layout import NetworkLayout, build_layout
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype, Space, check_choices
from tgas_neuro.runtime.errors import check_choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tgas_neuro.architecture.network import GenotypeNetwork


@dataclass(frozen=True)
class NASBench201Space(Space[NASBench201Genotype]):
    """Five operations on each of six edges between four nodes (Dong & Yang 2020, ICLR).

    It grows node by node: in stage k edges enter nodes 1 to k, and node 3, unless it is among
    them, is a copy of node k (skip_connect); all other edges are none. So 5 topologies of stage 1
    grow into 125 of stage 2, and these into the other 15,495. Every topology has exactly one stage,
    and all of them are members.
    """

    name: ClassVar[str] = "nasbench201"
    about: ClassVar[str] = "the 15,625 cells of NAS-Bench-201"
    cheapest: ClassVar[dict[str, Any]] = {
        "space": "nasbench201",
        "architecture": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    }
    holder: ClassVar[str] = "parts"

    @property
    def stages(self) -> int:
        """Three, one for each node after the input."""
        return 3

    @staticmethod
    def read(content: Any, name: str) -> NASBench201Genotype:
        """Read a genotype from JSON content."""
        return NASBench201Genotype.from_json(content, name)

    @staticmethod
    def build_layout(genotype: NASBench201Genotype, skeleton: Skeleton) -> NetworkLayout:
        """Layout of a genotype's network at the size of a skeleton."""
        return build_layout(genotype, skeleton)

    @staticmethod
    def build_module(genotype: NASBench201Genotype, skeleton: Skeleton) -> "GenotypeNetwork":
        """The network as a module."""
        from tgas_neuro.architecture.nasbench201.network import NASBench201Network

        return NASBench201Network(genotype, skeleton)

    @staticmethod
    def describe(genotype: NASBench201Genotype) -> list[str]:
        """Describe every node as the sum of the operations that enter it."""
        entering: dict[int, list[str]] = {}
        for (start, end), operation in zip(EDGES, genotype.operations, strict=True):
            entering.setdefault(end, []).append(f"{operation}(node {start})")
        return [f"node {end} = {' + '.join(found)}" for end, found in entering.items()]

    @staticmethod
    def calc_drawing_size(genotype: NASBench201Genotype) -> tuple[float, float]:
        """Width and height [inch] of the drawing, the same for all topologies."""
        from tgas_neuro.architecture.nasbench201.drawing import SIZE

        return SIZE

    @staticmethod
    def draw(genotype: NASBench201Genotype, figure: "Figure", title: str) -> None:
        """Draw the four nodes and the operations between them."""
        from tgas_neuro.architecture.nasbench201.drawing import plot_nasbench201

        plot_nasbench201(genotype, figure.subplots(), title)

    def choices(self) -> dict[str, int]:
        """The operation on each edge: ``"edge_0_1"``, from node 0 to node 1, has 5 values."""
        return {f"edge_{start}_{end}": len(OPERATION_NAMES) for start, end in EDGES}

    def from_choices(self, values: Mapping[str, int]) -> NASBench201Genotype:
        """The genotype with these values of the choices, in the order of `OPERATION_NAMES`."""
        values = check_choices(self, values)
        return _build(OPERATION_NAMES[values[name]] for name in self.choices())

    def to_choices(self, genotype: NASBench201Genotype) -> dict[str, int]:
        """Values of the choices that give this genotype (see `validate` for errors)."""
        self.validate(genotype)
        return {
            name: OPERATION_NAMES.index(operation)
            for name, operation in zip(self.choices(), genotype.operations, strict=True)
        }

    def get_stage(self, genotype: Genotype) -> int | None:
        """The first stage that has it; None for a genotype that is not of this space."""
        if not isinstance(genotype, NASBench201Genotype):
            return None
        return next(
            nodes
            for nodes in (1, 2, 3)
            if _fill_up(genotype.operations[: _count_edges(nodes)]) == genotype.operations
        )

    def grow(self, genotype: NASBench201Genotype | None) -> Iterator[NASBench201Genotype]:
        """All genotypes with one node more; none from one of the last stage."""
        nodes = 1 + (0 if genotype is None else self.get_stage(genotype) or 0)
        if nodes > self.stages:
            return
        kept = () if genotype is None else genotype.operations[: _count_edges(nodes - 1)]
        for entering in product(OPERATION_NAMES, repeat=nodes):
            grown = _build(_fill_up((*kept, *entering)))
            if self.get_stage(grown) == nodes:
                yield grown

    def validate(self, genotype: Genotype) -> NASBench201Genotype:
        """Return a genotype of this space; `UserError` for one of another."""
        check_choice("genotype: space", genotype.space, ["nasbench201"])
        assert isinstance(genotype, NASBench201Genotype)
        return genotype


def _build(operations: Iterable[str]) -> NASBench201Genotype:
    return NASBench201Genotype("nasbench201", tuple(operations))


def _count_edges(nodes: int) -> int:
    """Edges that enter the first so many nodes after the input."""
    return nodes * (nodes + 1) // 2


def _fill_up(operations: tuple[str, ...]) -> tuple[str, ...]:
    """All six operations, given those that enter the first nodes: node 3 copies the last one."""
    filled = list(operations) + ["none"] * (len(EDGES) - len(operations))
    for nodes in (1, 2):
        if len(operations) == _count_edges(nodes):
            filled[EDGES.index((nodes, 3))] = "skip_connect"
    return tuple(filled)
