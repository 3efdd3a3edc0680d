"""The layout of a NAS-Bench-201 network: stem, cells, residual blocks, with channels and sizes."""

from dataclasses import dataclass

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.skeleton import (
    Complexity,
    ConvLayout,
    Skeleton,
    build_stem_layout,
    calc_linear,
)

KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


@dataclass(frozen=True)
class CellLayout:
    """A cell in its place.

    Attributes
    ----------
    name
        "cell_0", "cell_1", ...
    channels, size
        Channels of every node; height and width [px].
    operations
        Names on the six edges.
    convs
        The convolution on each edge, or None.
    """

    name: str
    channels: int
    size: int
    operations: tuple[str, ...]
    convs: tuple[ConvLayout | None, ...]

    @property
    def paths(self) -> list[int]:
        """The edges that drop path may drop: convolutions and pools."""
        return [
            edge
            for edge, operation in enumerate(self.operations)
            if operation not in ("none", "skip_connect")
        ]

    def calc_cost(self) -> Complexity:
        """The cost of its convolutions, also of those that lead nowhere: they are built too."""
        costs = [conv.calc_cost() for conv in self.convs if conv is not None]
        return sum(costs, Complexity(0, 0))


@dataclass(frozen=True)
class ReductionLayout:
    """A residual block of stride 2 between two stages.

    Attributes
    ----------
    name
        "reduction_0", "reduction_1", ...
    convs
        Two convolutions 3x3, the first of stride 2.
    shortcut
        The convolution 1x1, without normalisation, after an average over 2x2 positions.
    """

    name: str
    convs: tuple[ConvLayout, ConvLayout]
    shortcut: ConvLayout

    @property
    def paths(self) -> list[int]:
        """None: its two convolutions in a row are no part that cells have."""
        return []

    def calc_cost(self) -> Complexity:
        """The cost of its three convolutions."""
        plain = self.shortcut.calc_cost()
        shortcut = Complexity(plain.params - 2 * self.shortcut.channels_out, plain.macs)
        return self.convs[0].calc_cost() + self.convs[1].calc_cost() + shortcut


@dataclass(frozen=True)
class NetworkLayout:
    """Stem, parts in order, then normalisation, ReLU, global average pool, linear layer."""

    stem: tuple[ConvLayout, ...]
    parts: tuple[CellLayout | ReductionLayout, ...]
    features: int
    n_classes: int

    @property
    def path_depths(self) -> tuple[float, ...]:
        """How deep the part of every path lies, in (0, 1]; 1 is the last part."""
        return tuple(
            (number + 1) / len(self.parts)
            for number, part in enumerate(self.parts)
            for _ in part.paths
        )

    @property
    def layer_stages(self) -> tuple[tuple[str, ...], ...]:
        """Names of the layers after the stem, of one stage after the other.

        A stage after the first begins with its residual block.
        """
        stages: list[list[str]] = [[]]
        for part in self.parts:
            if isinstance(part, ReductionLayout):
                stages.append([])
            stages[-1].append(part.name)
        return tuple(map(tuple, stages))

    @property
    def last_before_reduction(self) -> tuple[str, int, int] | None:
        """Name, channels and size [px] of the output that the last reduction reads, or None."""
        for number in range(len(self.parts) - 1, 0, -1):
            part = self.parts[number]
            if isinstance(part, ReductionLayout):
                reduction = part.convs[0]
                return self.parts[number - 1].name, reduction.channels_in, reduction.size_in
        return None

    def calc_cost(self) -> Complexity:
        """The sum over all parts."""
        costs = [part.calc_cost() for part in (*self.stem, *self.parts)]
        last = Complexity(2 * self.features, 0)
        return sum(costs, last) + calc_linear(self.features, self.n_classes)


def build_layout(genotype: NASBench201Genotype, skeleton: Skeleton) -> NetworkLayout:
    """The layout of a genotype's network, the benchmark's for its skeleton (see `Skeleton`).

    The benchmark has 16 filters, 5 cells a stage, 3 stages, 32 pixels, the cifar stem. With
    ``downsampling="within"`` the residual block takes the place of a later stage's first cell.
    """
    stem = build_stem_layout(skeleton)
    channels, size = stem[-1].channels_out, stem[-1].size_out
    parts: list[CellLayout | ReductionLayout] = []
    n_cells = 0
    for stage in range(skeleton.stages):
        if stage > 0:
            reduction = _build_reduction(f"reduction_{stage - 1}", channels, size)
            parts.append(reduction)
            channels, size = 2 * channels, reduction.convs[1].size_out
        replaced = stage > 0 and skeleton.downsampling == "within"
        for _ in range(skeleton.cells_per_stage - replaced):
            parts.append(_build_cell(genotype.operations, f"cell_{n_cells}", channels, size))
            n_cells += 1
    return NetworkLayout(stem, tuple(parts), channels, skeleton.n_classes)


def _build_cell(operations: tuple[str, ...], name: str, channels: int, size: int) -> CellLayout:
    convs = tuple(
        ConvLayout(channels, channels, KERNELS[operation], 1, size)
        if operation in KERNELS
        else None
        for operation in operations
    )
    return CellLayout(name, channels, size, operations, convs)


def _build_reduction(name: str, channels: int, size: int) -> ReductionLayout:
    first = ConvLayout(channels, 2 * channels, 3, 2, size)
    second = ConvLayout(2 * channels, 2 * channels, 3, 1, first.size_out)
    shortcut = ConvLayout(channels, 2 * channels, 1, 1, first.size_out)
    return ReductionLayout(name, (first, second), shortcut)
