"""The genotype: what a cell network is made of, as frozen data; what each operation costs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tgas_neuro.architecture.cell.canonical import Row, calc_canonical_form
from tgas_neuro.architecture.skeleton import Complexity, calc_conv_bn, calc_depthwise
from tgas_neuro.runtime.errors import UserError, check_choice, check_keys, check_list
from tgas_neuro.runtime.files import calc_digest

# In the order of PNAS (Liu et al. 2018, ECCV, section 3.1). NASNet-A needs no other.
OPERATION_NAMES = (
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "conv_1x7_7x1",
    "identity",
    "avg_pool_3x3",
    "max_pool_3x3",
    "dil_conv_3x3",
)
N_INPUTS = 2
# The canonical order of tied blocks is searched for; this bounds the search.
MAX_BLOCKS = 12


@dataclass(frozen=True)
class Block:
    """Two operations, each on one state of the cell, whose outputs are added.

    Attributes
    ----------
    inputs
        The states that are read: 0 is the output of the cell before the previous one, 1 that
        of the previous cell, 2 + b that of block b of the same cell.
    operations
        One of `OPERATION_NAMES` for each input.
    """

    inputs: tuple[int, int]
    operations: tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """A cell: its blocks in topological order and the states whose concatenation it puts out.

    Attributes
    ----------
    blocks
        1 to `MAX_BLOCKS`; every block is read by another one or concatenated. A reduction cell may
        have none: it then only halves what it concatenates.
    concat
        At least one state, each once, numbered as the inputs of a block; may hold 0 and 1.
    """

    blocks: tuple[Block, ...]
    concat: tuple[int, ...]

    def canonical(self) -> "Cell":
        """The same cell with blocks, branches and concatenation in canonical order."""
        return self._canonical

    @cached_property
    def _canonical(self) -> "Cell":
        given: list[Row] = []
        for block in self.blocks:
            one, other = zip(block.inputs, block.operations, strict=True)
            given.append((one, other))
        rows, concat = calc_canonical_form(given, self.concat)
        blocks = tuple(
            Block(inputs=(first[0], second[0]), operations=(first[1], second[1]))
            for first, second in rows
        )
        return Cell(blocks, concat)


@dataclass(frozen=True)
class CellGenotype:
    """A cell network up to its size (the size is the `Skeleton`'s).

    Attributes
    ----------
    space
        The search space that it belongs to: "cell".
    normal
        The cell that is repeated.
    reduction
        The cell of stride 2, or None where the normal cell, with stride 2, takes its place.

    Raises
    ------
    UserError
        A cell is malformed.
    """

    space: str
    normal: Cell
    reduction: Cell | None = None

    def __post_init__(self):
        check_choice("genotype: space", self.space, ["cell"])
        check_cell(self.normal, "genotype: normal")
        if self.reduction is not None:
            check_cell(self.reduction, "genotype: reduction", fewest=0)

    def canonical(self) -> "CellGenotype":
        """The same network with blocks and branches in canonical order.

        Networks are built from it, so that genotypes of the same hash have the same
        parameters in the same order. A reduction cell equal to the normal one is left out.
        """
        return self._canonical

    @cached_property
    def _canonical(self) -> "CellGenotype":
        normal = self.normal.canonical()
        reduction = None if self.reduction is None else self.reduction.canonical()
        return CellGenotype(self.space, normal, None if reduction == normal else reduction)

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits, equal for the same network up to the order of its blocks."""
        return calc_digest(self.canonical().to_json())[:16]

    def to_json(self) -> dict[str, Any]:
        """As what `from_json` reads: only dicts, lists, strings and integers."""
        content = {"space": self.space, "normal": _cell_to_json(self.normal)}
        if self.reduction is not None:
            content["reduction"] = _cell_to_json(self.reduction)
        return content

    @classmethod
    def from_json(cls, content: Any, name: str = "genotype") -> "CellGenotype":
        """The genotype that `to_json` wrote.

        Parameters
        ----------
        content
            ``{"space": "cell", "normal": {"blocks": [{"inputs": [0, 1], "operations":
            ["identity", "max_pool_3x3"]}, ...], "concat": [2, ...]}}`` and, if there is one,
            ``"reduction"`` like ``"normal"``.
        name
            The file or key that it comes from, for messages.

        Raises
        ------
        UserError
            Naming the field, its value and what is allowed.
        """
        check_keys(content, name, ("space", "normal"), ("reduction",))
        check_choice(f"{name}: space", content["space"], ["cell"])
        normal = _cell_from_json(content["normal"], f"{name}: normal", fewest=1)
        reduction = content.get("reduction")
        if reduction is not None:
            reduction = _cell_from_json(reduction, f"{name}: reduction", fewest=0)
        return cls(content["space"], normal, reduction)


def list_unused(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    """The states of the blocks that no other block reads (not the cell's inputs)."""
    read = {state for block in blocks for state in block.inputs}
    return tuple(state for state in range(N_INPUTS, N_INPUTS + len(blocks)) if state not in read)


def check_cell(cell: Cell, name: str, fewest: int = 1) -> None:
    """Raise `UserError` unless the cell is well formed.

    `name` is where it comes from, `fewest` how many blocks it must have.
    """
    n_blocks = len(cell.blocks)
    if not fewest <= n_blocks <= MAX_BLOCKS:
        raise UserError(f"{name}.blocks: {n_blocks} blocks; a cell has {fewest} to {MAX_BLOCKS}")
    for b, block in enumerate(cell.blocks):
        where = f"{name}.blocks[{b}]"
        _check_pair(block.inputs, f"{where}.inputs")
        _check_pair(block.operations, f"{where}.operations")
        for branch, (state, operation) in enumerate(
            zip(block.inputs, block.operations, strict=True)
        ):
            _check_state(state, N_INPUTS + b - 1, f"{where}.inputs[{branch}]", f"block {b}")
            check_choice(f"{where}.operations[{branch}]", operation, OPERATION_NAMES)
    _check_concat(cell, f"{name}.concat")


def _check_concat(cell: Cell, name: str) -> None:
    if len(cell.concat) == 0:
        raise UserError(f"{name}: empty; name at least one state, for example {[N_INPUTS - 1]}")
    for place, state in enumerate(cell.concat):
        _check_state(state, N_INPUTS + len(cell.blocks) - 1, f"{name}[{place}]", "concat")
        if state in cell.concat[:place]:
            raise UserError(f"{name}[{place}]: {state} is there twice; name each state once")
    lost = [state for state in list_unused(cell.blocks) if state not in cell.concat]
    if lost:
        raise UserError(
            f"{name}: {list(cell.concat)} leaves out {lost[0]}, which no block reads; "
            f"add {lost[0]} or remove block {lost[0] - N_INPUTS}"
        )


def _check_state(state: Any, last: int, name: str, reader: str) -> None:
    if not isinstance(state, int) or isinstance(state, bool):
        raise UserError(f"{name}: {state!r} is not an integer; {reader} may name 0 to {last}")
    if not 0 <= state <= last:
        raise UserError(
            f"{name}: {state} is out of range; {reader} may name 0 to {last} "
            "(0 and 1 the cell's inputs, 2 + b an earlier block b)"
        )


def _check_pair(values: Any, name: str) -> None:
    if len(values) != 2:
        raise UserError(f"{name}: {list(values)!r} has {len(values)} entries; a block has 2")


def _cell_to_json(cell: Cell) -> dict[str, Any]:
    blocks = [
        {"inputs": list(block.inputs), "operations": list(block.operations)}
        for block in cell.blocks
    ]
    return {"blocks": blocks, "concat": list(cell.concat)}


def _cell_from_json(content: Any, name: str, fewest: int) -> Cell:
    check_keys(content, name, ("blocks", "concat"))
    check_list(content["blocks"], f"{name}.blocks")
    check_list(content["concat"], f"{name}.concat")
    blocks = []
    for b, block in enumerate(content["blocks"]):
        where = f"{name}.blocks[{b}]"
        check_keys(block, where, ("inputs", "operations"))
        for key in ("inputs", "operations"):
            check_list(block[key], f"{where}.{key}")
        blocks.append(Block(tuple(block["inputs"]), tuple(block["operations"])))
    cell = Cell(tuple(blocks), tuple(content["concat"]))
    check_cell(cell, name, fewest)
    return cell


if TYPE_CHECKING:
    from tgas_neuro.architecture.cell.layout import OperationLayout


def calc_operation_cost(operation: "OperationLayout") -> Complexity:
    """Parameters and multiply-adds of an operation in its place."""
    return COSTS[operation.name](operation)


def _separable(kernel: int) -> Callable[["OperationLayout"], Complexity]:
    def cost(op: "OperationLayout") -> Complexity:
        positions = op.size_out**2
        return (
            calc_depthwise(op.channels_in, kernel**2, positions)
            + calc_conv_bn(op.channels_in, op.channels_out, 1, positions)
            + calc_depthwise(op.channels_out, kernel**2, positions)
            + calc_conv_bn(op.channels_out, op.channels_out, 1, positions)
        )

    return cost


def _conv(kernel: int) -> Callable[["OperationLayout"], Complexity]:
    def cost(op: "OperationLayout") -> Complexity:
        return calc_conv_bn(op.channels_in, op.channels_out, kernel**2, op.size_out**2)

    return cost


def _conv_1x7_7x1(op: "OperationLayout") -> Complexity:
    # The row of seven strides over columns only: its output is still as high as its input.
    first = calc_conv_bn(op.channels_in, op.channels_out, 7, op.size_in * op.size_out)
    return first + calc_conv_bn(op.channels_out, op.channels_out, 7, op.size_out**2)


def _identity(op: "OperationLayout") -> Complexity:
    if op.stride == 1 and op.channels_in == op.channels_out:
        return Complexity(0, 0)
    return _conv(1)(op)


def _pool(op: "OperationLayout") -> Complexity:
    return Complexity(0, 0) if op.channels_in == op.channels_out else _conv(1)(op)


COSTS: dict[str, Callable[["OperationLayout"], Complexity]] = {
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
    "sep_conv_7x7": _separable(7),
    "conv_1x7_7x1": _conv_1x7_7x1,
    "identity": _identity,
    "avg_pool_3x3": _pool,
    "max_pool_3x3": _pool,
    "dil_conv_3x3": _conv(3),
    # Adjustments of a cell's inputs. The two halves of a factorized reduction make together
    # as many channels, from as many positions, as one convolution 1x1 of stride 2.
    "conv_1x1": _conv(1),
    "factorized_reduction": _conv(1),
}
