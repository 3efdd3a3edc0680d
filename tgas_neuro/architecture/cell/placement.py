"""Where to draw the parts of a cell: columns from left to right, few crossings.

Sugiyama's way (1981): blocks get columns by what they read, a line that passes a column gets a
place of its own there, orders within columns follow the neighbours, heights keep lines straight.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tgas_neuro.architecture.cell.genotype import N_INPUTS, Cell

# Heights of what lies in a column, and the free space between two of them [inch].
HEIGHTS = {"input": 0.5, "block": 0.8, "output": 0.5, "passage": 0.0}
GAP = 0.22
SWEEPS = 12

Node = tuple[str, int] | tuple[str, int, int]


@dataclass(frozen=True)
class CellPlacement:
    """Columns and heights of a cell's parts.

    Attributes
    ----------
    columns
        Of each node: ``("input", 0 or 1)``, ``("block", b)``, ``("output", 0)`` and
        ``("passage", state, column)``, where lines that start at `state` pass a column.
    heights
        Of each node's middle, upwards [inch].
    routes
        One per line: nodes from where it starts to where it ends, one in each column, and the
        branch (0 or 1) of the block where it ends, None at the output.
    """

    columns: dict[Node, int]
    heights: dict[Node, float]
    routes: tuple[tuple[tuple[Node, ...], int | None], ...]


def calc_cell_placement(cell: Cell) -> CellPlacement:
    """Lay out a cell; the same cell always the same way."""
    columns = _calc_columns(cell)
    routes = tuple(
        (_route(start, end, columns), branch) for start, end, branch in _list_lines(cell)
    )
    for nodes, _ in routes:
        columns |= {node: columns[nodes[0]] + step for step, node in enumerate(nodes)}
    links = sorted({pair for nodes, _ in routes for pair in pairwise(nodes)})
    orders = _order_columns(columns, links)
    return CellPlacement(columns, _calc_heights(orders, links), routes)


def name_state(state: int) -> Node:
    """The node of a state: 0 and 1 are inputs, 2 + b is block b."""
    return ("input", state) if state < N_INPUTS else ("block", state - N_INPUTS)


def _list_lines(cell: Cell) -> list[tuple[Node, Node, int | None]]:
    """(start, end, branch) of every line of the cell."""
    lines = [
        (name_state(state), ("block", b), branch)
        for b, block in enumerate(cell.blocks)
        for branch, state in enumerate(block.inputs)
    ]
    return lines + [(name_state(state), ("output", 0), None) for state in cell.concat]


def _calc_columns(cell: Cell) -> dict[Node, int]:
    """Inputs are column 0; a block stands one to the right of the last that it reads."""
    columns: dict[Node, int] = {name_state(state): 0 for state in range(N_INPUTS)}
    for b, block in enumerate(cell.blocks):
        columns["block", b] = 1 + max(columns[name_state(state)] for state in block.inputs)
    columns["output", 0] = 1 + max(columns.values())
    return columns


def _route(start: Node, end: Node, columns: dict[Node, int]) -> tuple[Node, ...]:
    # Lines that start at the same state share their passages: fewer lines to follow.
    state = start[1] if start[0] == "input" else start[1] + N_INPUTS
    between = range(columns[start] + 1, columns[end])
    return (start, *(("passage", state, column) for column in between), end)


def _order_columns(columns: dict[Node, int], links: list[tuple[Node, Node]]) -> list[list[Node]]:
    """Nodes of each column from top to bottom, of several sweeps the one with fewest crossings."""
    orders: list[list[Node]] = [[] for _ in range(max(columns.values()) + 1)]
    for node in sorted(columns, key=str):
        orders[columns[node]].append(node)
    best = [list(order) for order in orders]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in range(1, len(orders)) if forward else range(len(orders) - 2, 0, -1):
            beside = orders[column - 1 if forward else column + 1]
            places = {node: place for place, node in enumerate(beside)}
            _sort_by_neighbours(orders[column], places, links)
        if count_crossings(orders, links) < count_crossings(best, links):
            best = [list(order) for order in orders]
    return best


def _sort_by_neighbours(
    order: list[Node], places: dict[Node, int], links: list[tuple[Node, Node]]
) -> None:
    """Sort a column by the mean place of its neighbours in the column beside it."""

    def calc_mean(node: Node) -> float:
        beside = [places[a] for a, b in links if b == node and a in places]
        beside += [places[b] for a, b in links if a == node and b in places]
        return sum(beside) / len(beside) if beside else len(places) / 2

    order.sort(key=calc_mean)


def count_crossings(orders: list[list[Node]], links: list[tuple[Node, Node]]) -> int:
    """Pairs of lines that cross between two columns."""
    places = {node: place for order in orders for place, node in enumerate(order)}
    column_of = {node: column for column, order in enumerate(orders) for node in order}
    crossings = 0
    for index, (a, b) in enumerate(links):
        for c, d in links[index + 1 :]:
            same = column_of[a] == column_of[c]
            crossings += same and (places[a] - places[c]) * (places[b] - places[d]) < 0
    return crossings


def _calc_heights(orders: list[list[Node]], links: list[tuple[Node, Node]]) -> dict[Node, float]:
    """Middle of each node: as near to its neighbours as the room and the order allow."""
    heights: dict[Node, float] = {}
    for order in orders:
        offsets = _calc_offsets(order)
        heights |= dict(zip(order, offsets.mean() - offsets, strict=True))
    for sweep in range(SWEEPS):
        for order in orders if sweep % 2 else orders[::-1]:
            wished = [_wish_height(node, heights, links) for node in order]
            offsets = _calc_offsets(order)
            placed = -fit_increasing(-np.array(wished) - offsets) - offsets
            heights |= dict(zip(order, placed.tolist(), strict=True))
    return heights


def _calc_offsets(order: list[Node]) -> np.ndarray:
    """Distance of each node's middle below the first one's when packed tightly."""
    sizes = np.array([HEIGHTS[node[0]] for node in order])
    steps = (sizes[:-1] + sizes[1:]) / 2 + GAP
    return np.concatenate([[0.0], np.cumsum(steps)])


def _wish_height(node: Node, heights: dict[Node, float], links: list[tuple[Node, Node]]) -> float:
    beside = [heights[a] for a, b in links if b == node] + [
        heights[b] for a, b in links if a == node
    ]
    return sum(beside) / len(beside) if beside else heights[node]


def fit_increasing(values: np.ndarray) -> np.ndarray:
    """Nearest non-decreasing sequence in the least-squares sense (pool adjacent violators)."""
    pools: list[list[float]] = []
    for value in values:
        pools.append([float(value), 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            last, size = pools.pop()
            pools[-1][0] = (pools[-1][0] * pools[-1][1] + last * size) / (pools[-1][1] + size)
            pools[-1][1] += size
    return np.concatenate([np.full(int(size), mean) for mean, size in pools])
