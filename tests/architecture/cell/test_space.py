"""The PNAS space: its size, sampling, choices both ways, mutation."""

from collections import Counter
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.architecture.cell.genotype import OPERATION_NAMES, Cell, CellGenotype, list_unused
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.runtime.errors import UserError

seeds = st.integers(0, 2**32)


def test_size_is_that_of_the_paper():
    # Liu et al. 2018, section 3.1: 2^2 x 8^2 x 3^2 x 8^2 x ... x 6^2 x 8^2 = 5.6e14.
    assert prod(CellSpace().choices().values()) == pytest.approx(5.6e14, rel=0.01)
    assert SPACES["cell"] is CellSpace


def test_choices_are_named_after_block_and_branch():
    choices = CellSpace(blocks=3).choices()
    assert len(choices) == 12
    assert choices["block0.input1"] == 2
    assert choices["block2.input2"] == 4
    assert choices["block1.operation1"] == len(OPERATION_NAMES) == 8


@settings(max_examples=50, deadline=None)
@given(seed=seeds, blocks=st.integers(1, 7))
def test_choices_and_genotypes_go_both_ways(seed, blocks):
    space = CellSpace(blocks)
    genotype = space.sample(np.random.default_rng(seed))
    values = space.to_choices(genotype)
    assert space.from_choices(values) == genotype
    assert all(0 <= values[name] < n for name, n in space.choices().items())
    again = space.from_choices(space.to_choices(genotype.canonical()))
    assert again.hash == genotype.hash


@settings(max_examples=50, deadline=None)
@given(seed=seeds, blocks=st.integers(1, 7))
def test_samples_are_members_that_concatenate_their_unused_blocks(seed, blocks):
    space = CellSpace(blocks)
    genotype = space.sample(np.random.default_rng(seed))
    assert space.validate(genotype) is genotype
    assert genotype.normal.concat == list_unused(genotype.normal.blocks)
    assert genotype == space.sample(np.random.default_rng(seed))


def test_samples_draw_every_value_equally_often():
    space = CellSpace(blocks=2)
    rng = np.random.default_rng(0)
    counts = {name: Counter() for name in space.choices()}
    for _ in range(600):
        for name, value in space.to_choices(space.sample(rng)).items():
            counts[name][value] += 1
    for name, n_values in space.choices().items():
        expected = 600 / n_values
        chi2 = sum((counts[name][value] - expected) ** 2 / expected for value in range(n_values))
        assert chi2 < 30  # p < 1e-4 with up to 7 degrees of freedom


@settings(max_examples=50, deadline=None)
@given(seed=seeds, blocks=st.integers(1, 5))
def test_a_mutant_is_a_member_one_choice_away_and_another_network(seed, blocks):
    space = CellSpace(blocks)
    rng = np.random.default_rng(seed)
    parent = space.sample(rng)
    mutant = space.mutate(parent, rng)
    space.validate(mutant)
    before, after = space.to_choices(parent), space.to_choices(mutant)
    assert sum(before[name] != after[name] for name in before) == 1
    assert mutant.hash != parent.hash


def test_mutation_changes_inputs_and_operations_about_equally_often():
    space = CellSpace()
    rng = np.random.default_rng(1)
    parent = space.sample(rng)
    before = space.to_choices(parent)
    kinds = Counter()
    for _ in range(300):
        after = space.to_choices(space.mutate(parent, rng))
        kinds["input" in next(name for name in before if before[name] != after[name])] += 1
    assert 110 < kinds[True] < 190


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        (NASNET_A, "reduction"),
        (PNASNET5, r"normal.concat: \[2, 3, 4, 5, 6\].*\[2, 3, 5, 6\]"),
    ],
)
def test_genotypes_of_other_spaces_are_refused(genotype, message):
    with pytest.raises(UserError, match=message):
        CellSpace().validate(genotype)
    with pytest.raises(UserError, match=message):
        CellSpace().to_choices(genotype)


def test_a_partial_cell_is_no_member_but_has_a_stage_and_choices():
    space = CellSpace()
    partial = CellGenotype("cell", Cell(PNASNET5.normal.blocks[:1], (2,)))
    with pytest.raises(UserError, match="1 blocks; this space has 5"):
        space.validate(partial)
    assert space.get_stage(partial) == 1
    assert list(space.to_choices(partial)) == list(CellSpace(1).choices())
    assert space.encode(partial).sum() == 4
    assert space.get_stage(NASNET_A) is None


def test_growth_reaches_every_network_once():
    space = CellSpace(2)
    one = list(space.grow(None))
    # 16 branches, two of them in any order
    assert len(one) == 16 * 17 // 2
    grown = {cell.hash for parent in one for cell in space.grow(parent)}
    rng = np.random.default_rng(0)
    assert all(space.sample(rng).hash in grown for _ in range(300))
    assert all(space.get_stage(cell) == 2 for cell in space.grow(one[7]))


def test_neighbours_are_all_that_mutation_reaches():
    space = CellSpace(2)
    rng = np.random.default_rng(1)
    parent = space.sample(rng)
    neighbours = [cell.hash for cell in space.neighbours(parent)]
    assert len(neighbours) == len(set(neighbours))
    assert parent.hash not in neighbours
    assert {space.mutate(parent, rng).hash for _ in range(2000)} == set(neighbours)


def test_pnasnet5_without_its_full_concatenation_is_a_member():
    blocks = PNASNET5.normal.blocks
    genotype = CellGenotype("cell", Cell(blocks, list_unused(blocks)))
    assert CellSpace().from_choices(CellSpace().to_choices(genotype)) == genotype


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block0.input1": 2}, "block0.input1: 2 is not one of 0 to 1"),
        ({"block0.operation2": 8}, "block0.operation2: 8"),
        ({"block0.input2": -1}, "block0.input2: -1"),
        (
            {"block5.input1": 0},
            r"block5.input1: no such choice in CellSpace\(blocks=1, reduction=False\)",
        ),
    ],
)
def test_wrong_choices_are_refused(change, message):
    values = dict.fromkeys(CellSpace(1).choices(), 0)
    with pytest.raises(UserError, match=message):
        CellSpace(1).from_choices(values | change)
    del values["block0.input1"]
    with pytest.raises(UserError, match=r"block0.input1: missing"):
        CellSpace(1).from_choices(values)


@pytest.mark.parametrize("blocks", [0, 13, 2.5, "5", True])
def test_impossible_numbers_of_blocks_are_refused(blocks):
    with pytest.raises(UserError, match="blocks"):
        CellSpace(blocks)
