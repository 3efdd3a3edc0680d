"""The layout of a cell network: every cell in its place, with channels, strides and sizes.

The layout is the one place where channels, strides and sizes are worked out; the network is
built from it and its cost is counted from it.
"""

from dataclasses import dataclass, replace

from tgas_neuro.architecture.cell.genotype import N_INPUTS, Cell, CellGenotype, calc_operation_cost
from tgas_neuro.architecture.skeleton import Complexity, Skeleton, calc_conv_bn, calc_linear


@dataclass(frozen=True)
class OperationLayout:
    """One operation: its name, channels, stride and the height and width of its input [px]."""

    name: str
    channels_in: int
    channels_out: int
    stride: int
    size_in: int

    @property
    def size_out(self) -> int:
        """Height and width of the output [px]: halved, rounded up, at stride 2."""
        return -(-self.size_in // self.stride)


@dataclass(frozen=True)
class StemLayout:
    """The first convolution, 3x3 without a ReLU before it."""

    channels_in: int
    channels_out: int
    stride: int
    padding: int
    size_out: int


@dataclass(frozen=True)
class BlockLayout:
    """A block: the states it reads and its two operations."""

    inputs: tuple[int, int]
    operations: tuple[OperationLayout, OperationLayout]


@dataclass(frozen=True)
class CellLayout:
    """A cell in its place.

    Attributes
    ----------
    name
        "cell_0", "cell_1", ...; "stem_cell_0", "stem_cell_1" in the imagenet stem.
    filters, stride
        Channels of every block; 1, or 2 for operations on the cell's inputs.
    channels_in, sizes_in
        Channels, and height and width [px], of the outputs of the cell before the previous
        one and of the previous cell, as they arrive.
    size_in, size_out, channels_out
        Height and width [px] after `adjust` and of the output; channels of the output.
    adjust
        What brings inputs 0 and 1 to F channels and one size; None where nothing reads the
        input, or where it is left as it is.
    blocks
        In canonical order.
    concat
        Pairs (state, adjustment or None), in order.
    """

    name: str
    filters: int
    stride: int
    channels_in: tuple[int, int]
    sizes_in: tuple[int, int]
    size_in: int
    size_out: int
    channels_out: int
    adjust: tuple[OperationLayout | None, OperationLayout | None]
    blocks: tuple[BlockLayout, ...]
    concat: tuple[tuple[int, OperationLayout | None], ...]

    @property
    def paths(self) -> list[tuple[int, int]]:
        """Block and branch of every operation that drop path may drop: all but identity.

        As in NASNet's code, where an identity that needs a convolution 1x1 is kept as well.
        """
        return [
            (number, branch)
            for number, block in enumerate(self.blocks)
            for branch, operation in enumerate(block.operations)
            if operation.name != "identity"
        ]

    def operations(self) -> list[OperationLayout]:
        """All operations of the cell: adjustments, blocks, concatenation."""
        found = [*self.adjust, *(op for block in self.blocks for op in block.operations)]
        found += [operation for _, operation in self.concat]
        return [operation for operation in found if operation is not None]


@dataclass(frozen=True)
class NetworkLayout:
    """A network: stem, cells in order, then ReLU, global average pool and a linear layer."""

    stem: StemLayout
    cells: tuple[CellLayout, ...]
    n_classes: int

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.cells[-1].channels_out

    @property
    def path_depths(self) -> tuple[float, ...]:
        """How deep the cell of every path lies, in (0, 1]; 1 is the last cell."""
        return tuple(
            (number + 1) / len(self.cells)
            for number, cell in enumerate(self.cells)
            for _ in cell.paths
        )

    @property
    def layer_stages(self) -> tuple[tuple[str, ...], ...]:
        """Names of the layers after the stem, of one stage after the other.

        A stage begins with its cell of stride 2, if it has one.
        """
        stages: list[list[str]] = [[]]
        for cell in self.cells:
            if cell.name.startswith("stem"):
                continue
            if cell.stride == 2:
                stages.append([])
            stages[-1].append(cell.name)
        return tuple(map(tuple, stages))

    @property
    def last_before_reduction(self) -> tuple[str, int, int] | None:
        """Name, channels and size [px] of the output that the last reduction reads, or None.

        Where NASNet and PNASNet-5 have their auxiliary head. The stem's cells are no reductions.
        """
        reductions = [
            number
            for number, cell in enumerate(self.cells)
            if cell.stride == 2 and not cell.name.startswith("stem")
        ]
        if not reductions:
            return None
        cell = self.cells[reductions[-1] - 1]
        return cell.name, cell.channels_out, cell.size_out

    def calc_cost(self) -> Complexity:
        """Parameters and multiply-adds: the sum over all parts."""
        stem = self.stem
        total = calc_conv_bn(stem.channels_in, stem.channels_out, 9, stem.size_out**2)
        for cell in self.cells:
            for operation in cell.operations():
                total += calc_operation_cost(operation)
        return total + calc_linear(self.features, self.n_classes)


def build_layout(genotype: CellGenotype, skeleton: Skeleton) -> NetworkLayout:
    """The layout of a genotype's network, the same for genotypes of the same hash.

    Each cell reads the two outputs before it (Zoph et al. 2018, CVPR, section 3). The first
    one reads the stem twice; in the imagenet stem its input 0 stays as wide as it is, as in
    the released networks.
    """
    genotype = genotype.canonical()
    reduction = genotype.reduction or genotype.normal
    stem = _build_stem_layout(skeleton)
    outputs = [(stem.channels_out, stem.size_out)] * 2
    cells: list[CellLayout] = []
    for name, filters, stride in _list_cells(skeleton):
        cell = reduction if stride == 2 else genotype.normal
        raw = not cells and skeleton.stem == "imagenet"
        cells.append(
            _build_cell_layout(cell, name, filters, stride, (outputs[-2], outputs[-1]), raw)
        )
        outputs.append((cells[-1].channels_out, cells[-1].size_out))
    return NetworkLayout(stem, tuple(cells), skeleton.n_classes)


def _build_stem_layout(skeleton: Skeleton) -> StemLayout:
    if skeleton.stem == "cifar":
        filters = skeleton.stem_filters or 3 * skeleton.filters
        return StemLayout(skeleton.channels, filters, 1, 1, skeleton.image_size)
    filters = skeleton.stem_filters or 96
    return StemLayout(skeleton.channels, filters, 2, 0, (skeleton.image_size - 3) // 2 + 1)


def _list_cells(skeleton: Skeleton) -> list[tuple[str, int, int]]:
    """Name, filters and stride of every cell."""
    sizes = []
    for stage in range(skeleton.stages):
        filters = skeleton.filters * 2**stage
        strides = [1] * skeleton.cells_per_stage
        if stage > 0 and skeleton.downsampling == "between":
            strides = [2, *strides]
        elif stage > 0:
            strides[0] = 2
        sizes += [(filters, stride) for stride in strides]
    cells = [(f"cell_{i}", filters, stride) for i, (filters, stride) in enumerate(sizes)]
    if skeleton.stem == "imagenet":
        quarter, half = skeleton.filters // 4, skeleton.filters // 2
        cells = [("stem_cell_0", quarter, 2), ("stem_cell_1", half, 2), *cells]
    return cells


def _build_cell_layout(
    cell: Cell,
    name: str,
    filters: int,
    stride: int,
    arriving: tuple[tuple[int, int], tuple[int, int]],
    raw: bool,
) -> CellLayout:
    read = {state for block in cell.blocks for state in block.inputs} | set(cell.concat)
    adjust, states = _adjust_inputs(filters, arriving, read, raw)
    blocks = []
    for block in cell.blocks:
        one, other = (
            OperationLayout(
                name=operation,
                channels_in=states[state][0],
                channels_out=filters,
                stride=stride if state < N_INPUTS else 1,
                size_in=states[state][1],
            )
            for state, operation in zip(block.inputs, block.operations, strict=True)
        )
        blocks.append(BlockLayout(block.inputs, (one, other)))
        states.append((filters, one.size_out))
    concat = tuple(
        (state, _adjust_concatenated(*states[state], filters, stride) if state < 2 else None)
        for state in cell.concat
    )
    return CellLayout(
        name=name,
        filters=filters,
        stride=stride,
        channels_in=(arriving[0][0], arriving[1][0]),
        sizes_in=(arriving[0][1], arriving[1][1]),
        size_in=arriving[1][1],
        size_out=-(-arriving[1][1] // stride),
        channels_out=filters * len(concat),
        adjust=adjust,
        blocks=tuple(blocks),
        concat=concat,
    )


def _adjust_inputs(
    filters: int, arriving: tuple[tuple[int, int], tuple[int, int]], read: set[int], raw: bool
) -> tuple[tuple[OperationLayout | None, OperationLayout | None], list[tuple[int, int]]]:
    """Adjustments of both inputs, and the channels and size of each after it."""
    size = arriving[1][1]
    adjust: list[OperationLayout | None] = []
    states = []
    for state, (channels, size_in) in enumerate(arriving):
        if state not in read or (raw and state == 0):
            adjust.append(None)
            states.append((channels, size_in))
            continue
        layout = OperationLayout("conv_1x1", channels, filters, 1, size_in)
        if size_in != size:
            layout = replace(layout, name="factorized_reduction", stride=2)
        adjust.append(layout)
        states.append((filters, layout.size_out))
    return (adjust[0], adjust[1]), states


def _adjust_concatenated(
    channels: int, size: int, filters: int, stride: int
) -> OperationLayout | None:
    """What a concatenated input of a cell needs to look like the output of a block."""
    if stride == 2:
        return OperationLayout("factorized_reduction", channels, filters, 2, size)
    if channels != filters:
        return OperationLayout("conv_1x1", channels, filters, 1, size)
    return None
