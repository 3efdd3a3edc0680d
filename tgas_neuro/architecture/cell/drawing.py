"""A cell as a graph: inputs on the left, blocks with their two operations, output on the right."""

from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from tgas_neuro.architecture.cell.genotype import Cell, CellGenotype
from tgas_neuro.architecture.cell.placement import HEIGHTS, CellPlacement, Node, calc_cell_placement

# All lengths in inches, at the size of `calc_cell_size`.
WIDTH = 1.35
COLUMN = 2.15
MARGIN = 0.15

NAMES = {
    "sep_conv_3x3": "separable 3\N{MULTIPLICATION SIGN}3",
    "sep_conv_5x5": "separable 5\N{MULTIPLICATION SIGN}5",
    "sep_conv_7x7": "separable 7\N{MULTIPLICATION SIGN}7",
    "conv_1x7_7x1": "1\N{MULTIPLICATION SIGN}7, 7\N{MULTIPLICATION SIGN}1",
    "identity": "identity",
    "avg_pool_3x3": "avg pool 3\N{MULTIPLICATION SIGN}3",
    "max_pool_3x3": "max pool 3\N{MULTIPLICATION SIGN}3",
    "dil_conv_3x3": "dilated 3\N{MULTIPLICATION SIGN}3",
}
INPUT_NAMES = ("cell before\nthe previous", "previous\ncell")

# Background of an operation by the beginning of its name.
FILLS = {
    "sep": "#d6e6f4",
    "conv": "#c3d9c8",
    "dil": "#e0d5ec",
    "avg": "#fbe3c0",
    "max": "#f9cfb4",
    "identity": "#eeeeee",
}
OTHER_FILL = "#ffffff"

# One colour for the lines of each state, in turn.
LINES = ("#444444", "#8c6d31", "#1f77b4", "#d1495b", "#2a9d6f", "#7b5ea7", "#c77c11", "#0b7a75")


def draw_cells(genotype: CellGenotype, figure: Figure, title: str) -> None:
    """Draw the normal cell and, if there is one, the reduction cell below it."""
    cells = _list_cells(genotype)
    heights = [calc_cell_size(cell)[1] for cell in cells.values()]
    axes = figure.subplots(len(cells), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (name, cell) in zip(axes, cells.items(), strict=True):
        plot_cell(cell, ax, title if len(cells) == 1 else f"{title}: {name}")


def calc_cells_size(genotype: CellGenotype) -> tuple[float, float]:
    """Width and height [inch] of the cells, one below the other."""
    sizes = [calc_cell_size(cell) for cell in _list_cells(genotype).values()]
    return max(width for width, _ in sizes), sum(height for _, height in sizes)


def _list_cells(genotype: CellGenotype) -> dict[str, Cell]:
    cells = {"normal cell": genotype.normal}
    if genotype.reduction is not None:
        cells["reduction cell"] = genotype.reduction
    return cells


def plot_cell(cell: Cell, ax: Axes, title: str) -> Axes:
    """Draw a cell into `ax` and return it.

    Each block is a box of two operations whose outputs are added; a line leads from the state
    that an operation reads to its half of the box. Lines have the colour of the state where they
    start. The states that lead to "concatenate" are the cell's output.

    Parameters
    ----------
    cell
        A cell of a genotype.
    ax
        Where to draw; at the size of `calc_cell_size` letters are 9 points high, in a smaller
        one they shrink with the boxes.
    title
        For example ``"normal cell"``.
    """
    placement = calc_cell_placement(cell)
    scale = _set_limits(ax, placement)
    for nodes, branch in placement.routes:
        _draw_line(ax, placement, nodes, branch, scale)
    for node, column in placement.columns.items():
        position = column * COLUMN, placement.heights[node]
        if node[0] == "block":
            _draw_block(ax, position, cell.blocks[node[1]].operations, f"{node[1]}", scale)
        elif node[0] != "passage":
            text = INPUT_NAMES[node[1]] if node[0] == "input" else "concatenate"
            _draw_box(ax, position, HEIGHTS[node[0]], "#ffffff", text, scale)
    ax.set_title(title, fontsize=11)
    return ax


def calc_cell_size(cell: Cell) -> tuple[float, float]:
    """Width and height [inch] of a figure in which the cell is well readable."""
    left, right, bottom, top = _calc_extent(calc_cell_placement(cell))
    return right - left, top - bottom + 0.4


def _calc_extent(placement: CellPlacement) -> tuple[float, float, float, float]:
    ends = [
        (height - HEIGHTS[node[0]] / 2, height + HEIGHTS[node[0]] / 2)
        for node, height in placement.heights.items()
    ]
    right = max(placement.columns.values()) * COLUMN
    return (
        -WIDTH / 2 - MARGIN,
        right + WIDTH / 2 + MARGIN,
        min(low for low, _ in ends) - MARGIN,
        max(high for _, high in ends) + MARGIN,
    )


def _set_limits(ax: Axes, placement: CellPlacement) -> float:
    """Set the limits of `ax`; how many inches of the picture are one inch of the placement."""
    left, right, bottom, top = _calc_extent(placement)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_aspect("equal")
    ax.axis("off")
    figure = ax.get_figure(root=True)
    assert figure is not None  # the axes were made by one
    width, height = figure.get_size_inches()
    place = ax.get_position()
    return min(place.width * width / (right - left), place.height * height / (top - bottom), 1.5)


def _draw_box(ax: Axes, position, height: float, fill: str, text: str, scale: float) -> None:
    x, y = position
    ax.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - height / 2),
            WIDTH,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=fill,
            edgecolor="#333333",
            linewidth=1.0 * scale,
            zorder=3,
        )
    )
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=9 * scale,
        zorder=4,
        linespacing=1.05,
        multialignment="center",
    )


def _draw_block(ax: Axes, position, operations: tuple[str, str], name: str, scale: float) -> None:
    """Two operations, one above the other, a plus between them, the block's number on the right."""
    x, y = position
    half = HEIGHTS["block"] / 2
    for branch, operation in enumerate(operations):
        fill = next((FILLS[key] for key in FILLS if operation.startswith(key)), OTHER_FILL)
        text = NAMES.get(operation, operation.replace("_", " "))
        _draw_box(ax, (x, y + half / 2 - branch * half), half, fill, text, scale)
    ax.text(
        x,
        y,
        "+",
        ha="center",
        va="center",
        fontsize=8 * scale,
        zorder=6,
        bbox={"boxstyle": "circle,pad=0.12", "fc": "white", "ec": "#333333", "lw": 0.8 * scale},
    )
    ax.text(
        x,
        y + half + 0.03,
        f"block {name}",
        ha="center",
        va="bottom",
        fontsize=7 * scale,
        color="#666666",
        zorder=4,
    )


def _draw_line(
    ax: Axes, placement: CellPlacement, nodes: tuple[Node, ...], branch: int | None, scale: float
) -> None:
    points = _calc_points(placement, nodes, branch)
    codes = [Path.MOVETO]
    path = [points[0]]
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if index % 2:  # within a column: straight on
            path.append((x1, y1))
            codes.append(Path.LINETO)
        else:
            middle = (x0 + x1) / 2
            path += [(middle, y0), (middle, y1), (x1, y1)]
            codes += [Path.CURVE4] * 3
    start = nodes[0]
    colour = LINES[(start[1] if start[0] == "input" else start[1] + 2) % len(LINES)]
    ax.add_patch(
        PathPatch(Path(path, codes), fc="none", ec=colour, lw=1.5 * scale, alpha=0.9, zorder=2)
    )
    ax.plot(*points[-1], marker=">", ms=5 * scale, color=colour, mew=0, zorder=5)


def _calc_points(
    placement: CellPlacement, nodes: tuple[Node, ...], branch: int | None
) -> list[tuple[float, float]]:
    """Where a line leaves the start, enters and leaves each passage, and ends."""
    points = []
    for index, node in enumerate(nodes):
        x, y = placement.columns[node] * COLUMN, placement.heights[node]
        if node[0] == "block" and index:
            y += HEIGHTS["block"] / 4 * (1 if branch == 0 else -1)
        if index:
            points.append((x - WIDTH / 2, y))
        if index < len(nodes) - 1:
            points.append((x + WIDTH / 2, y))
    return points
