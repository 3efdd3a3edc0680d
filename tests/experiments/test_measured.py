"""The nearest measured cell of a proposal, by hand; cells that are found again by their hashes."""

import numpy as np
import pytest

from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.nasbench201.genotype import OPERATION_NAMES, NASBench201Genotype
from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.experiments.cells import draw_cells
from tgas_neuro.experiments.measured import MeasuredCells, find_cells
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.runtime.errors import UserError


def build(digits):
    """A topology by the numbers of its operations."""
    names = tuple(OPERATION_NAMES[int(digit)] for digit in digits)
    return NASBench201Genotype("nasbench201", names)


def find(cells, digits, seen=(), seed=0):
    taken = np.isin(np.arange(len(cells.genotypes)), seen)
    return cells.find_nearest(build(digits), taken, np.random.default_rng(seed))


def test_the_nearest_cell_differs_on_the_fewest_edges_and_was_not_seen():
    cells = MeasuredCells(
        NASBench201Space(), [build(digits) for digits in ("333333", "333300", "000000")]
    )
    assert find(cells, "333300") == 1
    assert find(cells, "111300") == 1
    assert find(cells, "111300", seen=[1]) == 2  # it differs on four edges, the first on five
    assert find(cells, "331300", seen=[1]) == 0  # on three, the last on four
    assert find(cells, "000000", seen=[0, 2]) == 1


def test_equally_near_cells_are_all_drawn():
    near = ["433333", "343333", "334333"]
    cells = MeasuredCells(NASBench201Space(), [build(digits) for digits in (*near, "000000")])
    drawn = [find(cells, "333333", seed=seed) for seed in range(300)]
    counts = np.bincount(drawn, minlength=4)
    assert counts[3] == 0 and counts[:3].min() > 70
    assert drawn == [find(cells, "333333", seed=seed) for seed in range(300)]
    assert {find(cells, "333333", seen=[0, 2], seed=seed) for seed in range(20)} == {1}


def test_choices_that_a_partial_cell_has_not_made_do_not_count():
    space, rng = CellSpace(blocks=2), np.random.default_rng(0)
    genotypes = [space.sample(rng) for _ in range(30)]
    cells = MeasuredCells(space, genotypes)
    partial = next(iter(CellSpace(blocks=2).grow(None)))
    made = space.to_choices(partial.canonical())
    values = [space.to_choices(genotype.canonical()) for genotype in genotypes]
    different = [sum(one[name] != value for name, value in made.items()) for one in values]
    found = cells.find_nearest(partial, np.zeros(30, bool), rng)
    assert 0 < len(made) < len(values[0])
    assert different[found] == min(different) < max(different)


def test_strategies_draw_and_grow_measured_cells_only():
    genotypes = [build(digits) for digits in ("333333", "123401", "000000")]
    space = MeasuredCells(NASBench201Space(), genotypes).space
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng).hash for _ in range(300)]
    assert all(80 < drawn.count(genotype.hash) < 120 for genotype in genotypes)
    assert space.stages == 1 and list(space.grow(None)) == genotypes
    assert not list(space.grow(genotypes[0])) and not list(space.neighbours(genotypes[0]))
    assert space.choices() == NASBench201Space().choices()


@pytest.mark.parametrize("options", [None, {"blocks": 2}])
def test_cells_are_found_by_their_hashes(content, options):
    if options:
        content |= {"space": "cell", "options": options}
    experiment = check_experiment(content, "x")
    drawn = draw_cells(experiment)
    hashes = [cell["hash"] for cell in drawn][::-1]
    cells = find_cells(hashes, experiment)
    assert [genotype.hash for genotype in cells.genotypes] == hashes
    assert [genotype.to_json() for genotype in cells.genotypes] == [
        cell["genotype"] for cell in drawn
    ][::-1]
    with pytest.raises(UserError, match="table: 1 of 13 cells are not of this experiment") as found:
        find_cells([*hashes, "f" * 16], experiment)
    assert "\n" not in str(found.value) and "f" * 16 in str(found.value)
