from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.architecture.cell.genotype import OPERATION_NAMES, Block, Cell, list_unused
from tgas_neuro.architecture.cell.placement import (
    GAP,
    HEIGHTS,
    calc_cell_placement,
    count_crossings,
    fit_increasing,
    name_state,
)
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5


@st.composite
def cells(draw):
    blocks = []
    for b in range(draw(st.integers(1, 7))):
        state = st.integers(0, b + 1)
        operation = st.sampled_from(OPERATION_NAMES)
        blocks.append(Block((draw(state), draw(state)), (draw(operation), draw(operation))))
    return Cell(tuple(blocks), list_unused(tuple(blocks)))


@given(cells())
def test_every_line_runs_from_what_is_read_to_what_reads_it(cell):
    placement = calc_cell_placement(cell)
    found = sorted(
        (nodes[0], nodes[-1], branch) for nodes, branch in placement.routes if branch is not None
    )
    expected = sorted(
        (name_state(state), ("block", b), branch)
        for b, block in enumerate(cell.blocks)
        for branch, state in enumerate(block.inputs)
    )
    assert found == expected
    ends = sorted(nodes[0] for nodes, branch in placement.routes if branch is None)
    assert ends == sorted(name_state(state) for state in cell.concat)


@given(cells())
def test_lines_go_right_one_column_at_a_time(cell):
    placement = calc_cell_placement(cell)
    for nodes, _ in placement.routes:
        columns = [placement.columns[node] for node in nodes]
        assert columns == list(range(columns[0], columns[-1] + 1))
        assert len(nodes) > 1


@given(cells())
def test_nothing_overlaps_within_a_column(cell):
    placement = calc_cell_placement(cell)
    assert set(placement.heights) == set(placement.columns)
    for column in set(placement.columns.values()):
        nodes = sorted(
            (node for node in placement.columns if placement.columns[node] == column),
            key=placement.heights.get,
        )
        for below, above in pairwise(nodes):
            room = placement.heights[above] - placement.heights[below]
            assert room >= (HEIGHTS[below[0]] + HEIGHTS[above[0]]) / 2 + GAP - 1e-9


def test_columns_of_pnasnet5_by_hand():
    columns = calc_cell_placement(PNASNET5.normal).columns
    blocks = [columns["block", b] for b in range(5)]
    assert blocks == [1, 1, 1, 2, 1]
    assert columns["output", 0] == 3
    assert columns["passage", 1, 1] == 1


@pytest.mark.parametrize("cell", [PNASNET5.normal, NASNET_A.normal, NASNET_A.reduction])
def test_the_same_cell_is_laid_out_the_same_way(cell):
    assert calc_cell_placement(cell) == calc_cell_placement(cell)


def test_crossings_of_a_hand_drawn_graph():
    orders = [["a", "b"], ["c", "d"]]
    assert count_crossings(orders, [("a", "c"), ("b", "d")]) == 0
    assert count_crossings(orders, [("a", "d"), ("b", "c")]) == 1
    assert count_crossings(orders, [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]) == 1


def test_a_chain_is_a_straight_line():
    blocks = tuple(Block((b + 1, b + 1), ("identity", "identity")) for b in range(4))
    placement = calc_cell_placement(Cell(blocks, (5,)))
    heights = [placement.heights["block", b] for b in range(4)]
    assert np.ptp(heights) < 0.05


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_fit_increasing_is_the_nearest_increasing_sequence(values):
    values = np.array(values)
    found = fit_increasing(values)
    assert (np.diff(found) >= -1e-9).all()
    # Max-min formula of isotonic regression (Robertson, Wright & Dykstra 1988).
    n = len(values)
    expected = [
        max(min(values[i : j + 1].mean() for j in range(k, n)) for i in range(k + 1))
        for k in range(n)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-9)
