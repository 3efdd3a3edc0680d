"""The cell space of PNAS: blocks of two inputs and two operations; unused blocks concatenated."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tgas_neuro.architecture.genotype import (
    MAX_BLOCKS,
    N_INPUTS,
    OPERATION_NAMES,
    Block,
    Cell,
    Genotype,
    list_unused,
)
from tgas_neuro.errors import UserError


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

    def from_choices(self, values: Mapping[str, int]) -> Genotype:
        """The genotype with these values of the choices, each from 0 to its number less one."""
        values = dict(values)
        choices = self.choices()
        for name, n_values in choices.items():
            if name not in values:
                raise UserError(f"{name}: missing among the choices; give it 0 to {n_values - 1}")
            if not 0 <= values[name] < n_values or values[name] != int(values[name]):
                raise UserError(f"{name}: {values[name]!r} is not one of 0 to {n_values - 1}")
        for name in values:
            if name not in choices:
                raise UserError(
                    f"{name}: no such choice in cells of {self.blocks} blocks; "
                    f"there are {', '.join(choices)}"
                )
        blocks = tuple(
            Block(
                inputs=tuple(int(values[f"block{b}.input{i}"]) for i in (1, 2)),
                operations=tuple(
                    OPERATION_NAMES[int(values[f"block{b}.operation{i}"])] for i in (1, 2)
                ),
            )
            for b in range(self.blocks)
        )
        return Genotype("cell", Cell(blocks, list_unused(blocks)))

    def to_choices(self, genotype: Genotype) -> dict[str, int]:
        """The values of the choices that give this genotype (see `validate` for errors)."""
        self.validate(genotype)
        values = {}
        for b, block in enumerate(genotype.normal.blocks):
            for i in (1, 2):
                values[f"block{b}.input{i}"] = block.inputs[i - 1]
                values[f"block{b}.operation{i}"] = OPERATION_NAMES.index(block.operations[i - 1])
        return values

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A genotype with every choice drawn uniformly and independently."""
        return self.from_choices(
            {name: int(rng.integers(n_values)) for name, n_values in self.choices().items()}
        )

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The genotype with one choice changed, and another network for sure.

        The choice is drawn uniformly, so that inputs and operations change equally often (as in
        Real et al. 2019, AAAI), then its new value. Changes that give the same network in
        another order are passed over; changing an operation never does.
        """
        values = self.to_choices(genotype)
        choices = self.choices()
        for name in rng.permutation(list(choices)):
            for value in rng.permutation(choices[name]):
                mutant = self.from_choices(values | {str(name): int(value)})
                if mutant.hash != genotype.hash:
                    return mutant
        raise AssertionError("unreachable: another operation is another network")

    def validate(self, genotype: Genotype) -> Genotype:
        """Check that a genotype is in this space and return it.

        Raises
        ------
        UserError
            It has another number of blocks, a reduction cell, or another concatenation than
            its unused blocks.
        """
        cell = genotype.normal
        if len(cell.blocks) != self.blocks:
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
        return genotype
