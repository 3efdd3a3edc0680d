"""The canonical order against brute force and against networkx."""

from itertools import combinations, combinations_with_replacement, permutations, product

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.architecture.cell.genotype import MAX_BLOCKS, Block, Cell, CellGenotype, list_unused

OPERATIONS = ("identity", "max_pool_3x3")


def list_cells(n_blocks: int, operations=OPERATIONS) -> list[Cell]:
    """All cells of so many blocks, up to the order of the two branches of a block."""
    of_block = [
        list(combinations_with_replacement(list(product(range(2 + b), operations)), 2))
        for b in range(n_blocks)
    ]
    cells = []
    for rows in product(*of_block):
        blocks = tuple(Block(*zip(*row, strict=True)) for row in rows)
        cells.append(Cell(blocks, list_unused(blocks)))
    return cells


def calc_hash(cell: Cell) -> str:
    return CellGenotype("cell", cell).hash


def relabel(cell: Cell, order, swaps=None) -> Cell:
    """The cell with block order[i] moved to place i and branches exchanged where swaps says."""
    place = {0: 0, 1: 1} | {2 + old: 2 + new for new, old in enumerate(order)}
    swaps = [False] * len(order) if swaps is None else swaps
    blocks = []
    for old, swap in zip(order, swaps, strict=True):
        step = -1 if swap else 1
        inputs = tuple(place[state] for state in cell.blocks[old].inputs)[::step]
        blocks.append(Block(inputs, cell.blocks[old].operations[::step]))
    return Cell(tuple(blocks), tuple(place[state] for state in cell.concat))


def is_topological(cell: Cell) -> bool:
    return all(max(block.inputs) < 2 + b for b, block in enumerate(cell.blocks))


def calc_brute_force(cell: Cell) -> tuple:
    """The smallest of the encodings under every permutation: a canonical form by definition."""
    encodings = []
    for order in permutations(range(len(cell.blocks))):
        moved = relabel(cell, order)
        rows = tuple(
            tuple(sorted(zip(block.inputs, block.operations, strict=True)))
            for block in moved.blocks
        )
        encodings.append((rows, tuple(sorted(moved.concat))))
    return min(encodings)


def build_graph(cell: Cell) -> networkx.DiGraph:
    graph = networkx.DiGraph()
    for state in range(2 + len(cell.blocks)):
        kind = f"input {state}" if state < 2 else "block"
        graph.add_node(state, label=(kind, state in cell.concat))
    for b, block in enumerate(cell.blocks):
        for i, (state, op) in enumerate(zip(block.inputs, block.operations, strict=True)):
            graph.add_node((b, i), label=(op, False))
            graph.add_edge(state, (b, i))
            graph.add_edge((b, i), 2 + b)
    return graph


def are_isomorphic(one: networkx.DiGraph, other: networkx.DiGraph) -> bool:
    return networkx.is_isomorphic(one, other, node_match=lambda a, b: a["label"] == b["label"])


@pytest.mark.parametrize(("n_blocks", "operations"), [(2, OPERATIONS), (3, OPERATIONS[:1])])
def test_same_hash_exactly_if_networkx_finds_an_isomorphism(n_blocks, operations):
    first: dict[str, networkx.DiGraph] = {}
    for cell in list_cells(n_blocks, operations):
        graph = build_graph(cell)
        found = first.setdefault(calc_hash(cell), graph)
        assert are_isomorphic(found, graph)
    for one, other in combinations(first.values(), 2):
        assert not are_isomorphic(one, other)


def test_same_hash_exactly_if_brute_force_agrees_over_all_cells_of_three_blocks():
    forms = {}
    cells = list_cells(3)
    for cell in cells:
        forms.setdefault(calc_hash(cell), set()).add(calc_brute_force(cell))
    assert all(len(found) == 1 for found in forms.values())
    assert len(set().union(*forms.values())) == len(forms) < len(cells)


def draw_cell(rng: np.random.Generator, n_blocks: int, n_operations: int) -> Cell:
    names = ("identity", "max_pool_3x3", "sep_conv_3x3")[:n_operations]
    blocks = tuple(
        Block(
            tuple(int(state) for state in rng.integers(0, 2 + b, 2)),
            tuple(str(op) for op in rng.choice(names, 2)),
        )
        for b in range(n_blocks)
    )
    more = [s for s in range(2 + n_blocks) if rng.random() < 0.3]
    return Cell(blocks, tuple(sorted({*list_unused(blocks), *more})))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n_blocks=st.integers(1, 6), n_operations=st.integers(1, 3))
def test_any_relabelling_gives_the_same_canonical_cell(seed, n_blocks, n_operations):
    rng = np.random.default_rng(seed)
    cell = draw_cell(rng, n_blocks, n_operations)
    canonical = cell.canonical()
    assert is_topological(canonical)
    assert canonical.canonical() == canonical
    assert are_isomorphic(build_graph(cell), build_graph(canonical))
    relabelled = [
        relabel(cell, rng.permutation(n_blocks), rng.random(n_blocks) < 0.5) for _ in range(20)
    ]
    for moved in filter(is_topological, [*relabelled, relabel(cell, range(n_blocks))]):
        assert moved.canonical() == canonical
        assert calc_hash(moved) == calc_hash(cell)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n_blocks=st.integers(3, 5))
def test_two_random_cells_agree_exactly_if_they_are_isomorphic(seed, n_blocks):
    rng = np.random.default_rng(seed)
    one, other = (draw_cell(rng, n_blocks, 1) for _ in range(2))
    same = are_isomorphic(build_graph(one), build_graph(other))
    assert (one.canonical() == other.canonical()) == same


def test_one_block_read_twice_differs_from_two_equal_blocks():
    def build(readers):
        equal = Block((0, 1), ("identity", "identity"))
        blocks = (equal, equal, *(Block(pair, ("max_pool_3x3",) * 2) for pair in readers))
        return Cell(blocks, tuple(range(2, 2 + len(blocks))))

    # As trees unfolded from the output these are the same.
    assert calc_hash(build([(2, 2), (3, 3)])) != calc_hash(build([(2, 3), (2, 3)]))
    assert calc_hash(build([(2, 2), (2, 2)])) != calc_hash(build([(2, 2), (3, 3)]))
    assert calc_hash(build([(2, 2), (2, 2)])) == calc_hash(build([(3, 3), (3, 3)]))


def test_largest_cells_of_equal_blocks_have_a_canonical_order():
    # 12! orders without the pruning of twins; chains of two need the branching.
    twins = (Block((0, 1), ("identity", "identity")),) * MAX_BLOCKS
    assert Cell(twins, list_unused(twins)).canonical().blocks == twins
    half = MAX_BLOCKS // 2
    heads = twins[:half]
    chains = heads + tuple(Block((0, 2 + b), ("identity", "identity")) for b in range(half))
    crossed = heads + tuple(
        Block((0, 2 + b), ("identity", "identity")) for b in reversed(range(half))
    )
    one, other = Cell(chains, list_unused(chains)), Cell(crossed, list_unused(crossed))
    assert one != other
    assert calc_hash(one) == calc_hash(other)
