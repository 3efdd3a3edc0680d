"""The cell spaces of PNAS and NASNet: blocks of two inputs and two operations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any, ClassVar

from tgas_neuro.architecture.cell.genotype import (
    MAX_BLOCKS,
    N_INPUTS,
    OPERATION_NAMES,
    Block,
    Cell,
    CellGenotype,
    list_unused,
)
from tgas_neuro.architecture.cell.layout import NetworkLayout, build_layout
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype, Space, check_choices
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.section import Section, key
from tgas_neuro.runtime.errors import UserError, check_choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tgas_neuro.architecture.network import GenotypeNetwork

INPUTS = ("cell before the previous", "previous cell")
# What a reduction cell is before it has any block: the output of the cell before, halved.
EMPTY_REDUCTION = Cell(blocks=(), concat=(1,))


class CellOptions(Section):
    """Options of the space cell."""

    blocks: int = key(5, "Blocks of a cell.", decides=True, ge=1, le=MAX_BLOCKS)
    reduction: bool = key(
        False,
        "false: one cell for both strides, as in Progressive NAS; true: a normal and a reduction "
        "cell, as in NASNet.",
        decides=True,
    )


@dataclass(frozen=True)
class CellSpace(Space[CellGenotype]):
    """Cells of so many blocks, one for both strides or a normal and a reduction cell.

    A block reads two of the states before it (the cell's two inputs, the earlier blocks) with
    two of the eight operations; the blocks that no other reads are concatenated. One cell for both
    strides is the space of PNAS (Liu et al. 2018, ECCV, section 3.1): with five blocks there are
    about 5.6e14 ways to choose, not counting symmetries. Two are the space of NASNet (Zoph et al.
    2018, CVPR, section 3).

    Attributes
    ----------
    blocks
        Blocks in a cell, 1 to `MAX_BLOCKS`.
    reduction
        Whether the cell of stride 2 is another one than the normal cell.
    """

    name: ClassVar[str] = "cell"
    about: ClassVar[str] = "cells of blocks, as in NASNet and Progressive NAS"
    options: ClassVar[type[Section] | None] = CellOptions
    cheapest: ClassVar[dict[str, Any]] = {
        "space": "cell",
        "normal": {
            "blocks": [{"inputs": [1, 1], "operations": ["max_pool_3x3", "max_pool_3x3"]}],
            "concat": [2],
        },
    }
    holder: ClassVar[str] = "cells"
    free_stem: ClassVar[bool] = True

    blocks: int = 5
    reduction: bool = False

    def __post_init__(self) -> None:
        given = {"blocks": self.blocks, "reduction": self.reduction}
        check_section(CellOptions, given, "space cell")

    @staticmethod
    def read(content: Any, name: str) -> CellGenotype:
        """Read a genotype from JSON content."""
        return CellGenotype.from_json(content, name)

    @staticmethod
    def build_layout(genotype: CellGenotype, skeleton: Skeleton) -> NetworkLayout:
        """Layout of a genotype's network at the size of a skeleton."""
        return build_layout(genotype, skeleton)

    @staticmethod
    def build_module(genotype: CellGenotype, skeleton: Skeleton) -> "GenotypeNetwork":
        """The network as a module."""
        from tgas_neuro.architecture.cell.network import CellNetwork

        return CellNetwork(genotype, skeleton)

    @staticmethod
    def describe(genotype: CellGenotype) -> list[str]:
        """Describe the inputs and operations of every block of the cells."""
        lines = _describe_cell("normal cell", genotype.normal)
        if genotype.reduction is not None:
            lines += _describe_cell("reduction cell", genotype.reduction)
        return lines

    @staticmethod
    def calc_drawing_size(genotype: CellGenotype) -> tuple[float, float]:
        """Width and height [inch] of the cells, one below the other."""
        from tgas_neuro.architecture.cell.drawing import calc_cells_size

        return calc_cells_size(genotype)

    @staticmethod
    def draw(genotype: CellGenotype, figure: "Figure", title: str) -> None:
        """Draw the normal cell and, if there is one, the reduction cell below it."""
        from tgas_neuro.architecture.cell.drawing import draw_cells

        draw_cells(genotype, figure, title)

    @classmethod
    def list_stem_layers(cls, skeleton: Skeleton) -> tuple[str, ...]:
        """The two cells of the imagenet stem."""
        return ("stem_cell_0", "stem_cell_1") if skeleton.stem == "imagenet" else ()

    def choices(self) -> dict[str, int]:
        """Every choice by name and its number of values: ``"block2.input1"`` has 4.

        With a reduction cell ``"normal.block2.input1"`` and so on, those of the normal cell first.
        """
        choices = {}
        for prefix in self._prefixes():
            for b in range(self.blocks):
                for branch in (1, 2):
                    choices[f"{prefix}block{b}.input{branch}"] = N_INPUTS + b
                    choices[f"{prefix}block{b}.operation{branch}"] = len(OPERATION_NAMES)
        return choices

    def from_choices(self, values: Mapping[str, int]) -> CellGenotype:
        """The genotype with these values of the choices, each from 0 to its number less one."""
        values = check_choices(self, values)
        cells = []
        for prefix in self._prefixes():
            blocks = []
            for b in range(self.blocks):
                name = f"{prefix}block{b}"
                inputs = (values[f"{name}.input1"], values[f"{name}.input2"])
                operations = (
                    OPERATION_NAMES[values[f"{name}.operation1"]],
                    OPERATION_NAMES[values[f"{name}.operation2"]],
                )
                blocks.append(Block(inputs, operations))
            cells.append(_build_cell(tuple(blocks)))
        return CellGenotype("cell", *cells)

    def to_choices(self, genotype: CellGenotype) -> dict[str, int]:
        """Values of the choices that give this genotype (see `validate` for errors)."""
        self._check_form(genotype)
        values = {}
        for prefix, cell in zip(self._prefixes(), self._list_cells(genotype), strict=True):
            for b, block in enumerate(cell.blocks):
                name = f"{prefix}block{b}"
                for i in (1, 2):
                    values[f"{name}.input{i}"] = block.inputs[i - 1]
                    values[f"{name}.operation{i}"] = OPERATION_NAMES.index(block.operations[i - 1])
        return values

    @property
    def stages(self) -> int:
        """As many as blocks, of all cells: they grow by one block at a time, as in PNAS."""
        return self.blocks * len(self._prefixes())

    def get_stage(self, genotype: Genotype) -> int | None:
        """The number of its blocks, of all cells; None if it is not of this space."""
        try:
            cells = self._list_cells(self._check_form(genotype))
        except UserError:
            return None
        return sum(len(cell.blocks) for cell in cells)

    def grow(self, genotype: CellGenotype | None) -> Iterator[CellGenotype]:
        """All genotypes with one block more (Liu et al. 2018, section 3.2), each network once.

        Normal and reduction cell grow in turn, the normal one first: together they would have a
        million expansions from four blocks each, in turn there are 1,176 at most. A reduction cell
        without blocks is `EMPTY_REDUCTION`.
        """
        if genotype is None:
            cells = [Cell((), ()), *([EMPTY_REDUCTION] if self.reduction else [])]
        else:
            self._check_form(genotype)
            cells = self._list_cells(genotype)
        growing = min(range(len(cells)), key=lambda number: len(cells[number].blocks))
        blocks = cells[growing].blocks
        if len(blocks) == self.blocks:
            return
        branches = list(product(range(N_INPUTS + len(blocks)), OPERATION_NAMES))
        known = set()
        for one, other in combinations_with_replacement(branches, 2):
            grown = (*blocks, Block((one[0], other[0]), (one[1], other[1])))
            cells[growing] = _build_cell(grown)
            found = CellGenotype("cell", *cells)
            if found.hash not in known:
                known.add(found.hash)
                yield found

    def validate(self, genotype: Genotype) -> CellGenotype:
        """Check that a genotype is in this space and return it.

        Raises
        ------
        UserError
            It is of another space, has another number of blocks, a reduction cell where there is
            none, or another concatenation than its unused blocks.
        """
        checked = self._check_form(genotype)
        for name, cell in zip(("normal", "reduction"), self._list_cells(checked), strict=False):
            if len(cell.blocks) != self.blocks:
                raise UserError(
                    f"genotype: {name}.blocks: {len(cell.blocks)} blocks; this space has "
                    f"{self.blocks}"
                )
        return checked

    def _prefixes(self) -> tuple[str, ...]:
        return ("normal.", "reduction.") if self.reduction else ("",)

    def _list_cells(self, genotype: CellGenotype) -> list[Cell]:
        """The cells that are chosen; a reduction cell left out equals the normal one."""
        cells = [genotype.normal]
        return [*cells, genotype.reduction or genotype.normal] if self.reduction else cells

    def _check_form(self, genotype: Genotype) -> CellGenotype:
        """All that `validate` checks, but for the number of blocks, which may be smaller."""
        check_choice("genotype: space", genotype.space, ["cell"])
        assert isinstance(genotype, CellGenotype)
        if genotype.reduction is not None and not self.reduction:
            raise UserError(
                "genotype: reduction: is given; cells of this space serve both strides, remove it"
            )
        cells = self._list_cells(genotype)
        for name, cell in zip(("normal", "reduction"), cells, strict=False):
            _check_cell(cell, self.blocks, f"genotype: {name}")
        if len(cells[0].blocks) - len(cells[-1].blocks) not in (0, 1):
            raise UserError(
                f"genotype: reduction.blocks: {len(cells[-1].blocks)} blocks beside "
                f"{len(cells[0].blocks)} of the normal cell; they grow in turn, give it as many"
            )
        return genotype


def _describe_cell(name: str, cell: Cell) -> list[str]:
    lines = []
    for number, block in enumerate(cell.blocks):
        branches = [
            f"{operation}({_name_state(state)})"
            for state, operation in zip(block.inputs, block.operations, strict=True)
        ]
        lines.append(f"{name}: block {number} = {' + '.join(branches)}")
    joined = ", ".join(map(_name_state, cell.concat))
    return [*lines, f"{name}: output = concatenation of {joined}"]


def _name_state(state: int) -> str:
    return INPUTS[state] if state < N_INPUTS else f"block {state - N_INPUTS}"


def _build_cell(blocks: tuple[Block, ...]) -> Cell:
    return Cell(blocks, list_unused(blocks))


def _check_cell(cell: Cell, most_blocks: int, name: str) -> None:
    if len(cell.blocks) > most_blocks:
        raise UserError(f"{name}.blocks: {len(cell.blocks)} blocks; this space has {most_blocks}")
    unused = list_unused(cell.blocks) or EMPTY_REDUCTION.concat
    if set(cell.concat) != set(unused):
        raise UserError(
            f"{name}.concat: {list(cell.concat)}; cells of this space concatenate the blocks that "
            f"no other reads, here {list(unused)}"
        )
