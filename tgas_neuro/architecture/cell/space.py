"""The cell space of PNAS: blocks of two inputs and two operations; unused blocks concatenated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, product

import numpy as np

from tgas_neuro.architecture.cell.genotype import (
    MAX_BLOCKS,
    N_INPUTS,
    OPERATION_NAMES,
    Block,
    Cell,
    CellGenotype,
    list_unused,
)
from tgas_neuro.architecture.choices import (
    check_choices,
    draw_choices,
    encode_choices,
    list_neighbours,
    mutate_choice,
)
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.errors import UserError, check_choice


@dataclass(frozen=True)
class CellSpace:
    """Cells of so many blocks, one for both strides (Liu et al. 2018, ECCV, section 3.1).

    A block reads two of the states before it (the cell's two inputs, the earlier blocks) with
    two of the eight operations; the blocks that no other reads are concatenated. With five
    blocks there are about 5.6e14 ways to choose, not counting symmetries.

    Attributes
    ----------
    blocks
        Blocks in a cell, 1 to `MAX_BLOCKS`.
    """

    blocks: int = 5

    def __post_init__(self):
        if type(self.blocks) is not int or not 1 <= self.blocks <= MAX_BLOCKS:
            raise UserError(
                f"blocks: {self.blocks!r} is not an integer from 1 to {MAX_BLOCKS}; PNAS has 5"
            )

    def choices(self) -> dict[str, int]:
        """Every choice by name and its number of values: ``"block2.input1"`` has 4."""
        choices = {}
        for b in range(self.blocks):
            for branch in (1, 2):
                choices[f"block{b}.input{branch}"] = N_INPUTS + b
                choices[f"block{b}.operation{branch}"] = len(OPERATION_NAMES)
        return choices

    def from_choices(self, values: Mapping[str, int]) -> CellGenotype:
        """The genotype with these values of the choices, each from 0 to its number less one."""
        values = check_choices(self, values)
        blocks = tuple(
            Block(
                inputs=tuple(values[f"block{b}.input{i}"] for i in (1, 2)),
                operations=tuple(OPERATION_NAMES[values[f"block{b}.operation{i}"]] for i in (1, 2)),
            )
            for b in range(self.blocks)
        )
        return CellGenotype("cell", Cell(blocks, list_unused(blocks)))

    def to_choices(self, genotype: CellGenotype) -> dict[str, int]:
        """Values of the choices that give this genotype (see `validate` for errors)."""
        self._check_form(genotype)
        values = {}
        for b, block in enumerate(genotype.normal.blocks):
            for i in (1, 2):
                values[f"block{b}.input{i}"] = block.inputs[i - 1]
                values[f"block{b}.operation{i}"] = OPERATION_NAMES.index(block.operations[i - 1])
        return values

    def sample(self, rng: np.random.Generator) -> CellGenotype:
        """A genotype with every choice drawn uniformly and independently."""
        return draw_choices(self, rng)

    def mutate(self, genotype: CellGenotype, rng: np.random.Generator) -> CellGenotype:
        """The genotype with one input or operation changed (see `mutate_choice`)."""
        return mutate_choice(self, genotype, rng)

    def neighbours(self, genotype: CellGenotype) -> Iterator[CellGenotype]:
        """All other networks that one changed input or operation leads to."""
        return list_neighbours(self, genotype)

    def encode(self, genotype: CellGenotype) -> np.ndarray:
        """Inputs and operations of the canonical cell in one-hot code (see `encode_choices`)."""
        return encode_choices(self, genotype)

    @property
    def stages(self) -> int:
        """As many as blocks: a cell grows by one block at a time, as in PNAS."""
        return self.blocks

    def get_stage(self, genotype: Genotype) -> int | None:
        """The number of its blocks; None for a genotype that is not of this space."""
        try:
            self._check_form(genotype)
        except UserError:
            return None
        return len(genotype.normal.blocks)

    def grow(self, genotype: CellGenotype | None) -> Iterator[CellGenotype]:
        """All cells with one block more (Liu et al. 2018, section 3.2), each network once."""
        blocks = () if genotype is None else genotype.normal.blocks
        branches = list(product(range(N_INPUTS + len(blocks)), OPERATION_NAMES))
        known = set()
        for one, other in combinations_with_replacement(branches, 2):
            grown = (*blocks, Block((one[0], other[0]), (one[1], other[1])))
            found = CellGenotype("cell", Cell(grown, list_unused(grown)))
            if found.hash not in known:
                known.add(found.hash)
                yield found

    def validate(self, genotype: Genotype) -> CellGenotype:
        """Check that a genotype is in this space and return it.

        Raises
        ------
        UserError
            It is of another space, has another number of blocks, a reduction cell, or another
            concatenation than its unused blocks.
        """
        self._check_form(genotype)
        n_blocks = len(genotype.normal.blocks)
        if n_blocks != self.blocks:
            raise UserError(
                f"genotype: normal.blocks: {n_blocks} blocks; this space has {self.blocks}"
            )
        return genotype

    def _check_form(self, genotype: Genotype) -> None:
        """All that `validate` checks, but for the number of blocks, which may be smaller."""
        check_choice("genotype: space", genotype.space, ["cell"])
        cell = genotype.normal
        if len(cell.blocks) > self.blocks:
            raise UserError(
                f"genotype: normal.blocks: {len(cell.blocks)} blocks; this space has {self.blocks}"
            )
        if genotype.reduction is not None:
            raise UserError(
                "genotype: reduction: is given; cells of this space serve both strides, remove it"
            )
        unused = list_unused(cell.blocks)
        if set(cell.concat) != set(unused):
            raise UserError(
                f"genotype: normal.concat: {list(cell.concat)}; cells of this space concatenate "
                f"the blocks that no other reads, here {list(unused)}"
            )
