"""A NAS-Bench-201 cell as a graph: four nodes in a row, an edge for each operation."""

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from tgas_neuro.architecture.nasbench201.genotype import EDGES, NASBench201Genotype

# All lengths in inches, at the size `SIZE`.
SIZE = (7.0, 3.6)
STEP = 1.9
RADIUS = 0.2
# Height of the middle of each edge above the row of nodes; neighbours are joined straight.
HEIGHTS = {(0, 2): 0.85, (1, 3): -0.85, (0, 3): 1.45}
NODE_NAMES = ("0\ninput", "1", "2", "3\noutput")

OPERATION_NAMES = {
    "none": "none",
    "skip_connect": "skip",
    "nor_conv_1x1": "conv 1\N{MULTIPLICATION SIGN}1",
    "nor_conv_3x3": "conv 3\N{MULTIPLICATION SIGN}3",
    "avg_pool_3x3": "avg pool 3\N{MULTIPLICATION SIGN}3",
}
COLOURS = {
    "none": "#bbbbbb",
    "skip_connect": "#444444",
    "nor_conv_1x1": "#2a9d6f",
    "nor_conv_3x3": "#1f77b4",
    "avg_pool_3x3": "#c77c11",
}


def plot_nasbench201(genotype: NASBench201Genotype, ax: Axes, title: str) -> Axes:
    """Draw a cell into `ax` and return it.

    Each edge is an arrow with the name of its operation; edges of none are dotted and grey. A
    node is the sum of what enters it.
    """
    for edge, operation in zip(EDGES, genotype.operations, strict=True):
        _draw_edge(ax, edge, operation)
    for node, name in enumerate(NODE_NAMES):
        ax.add_patch(Circle((node * STEP, 0.0), RADIUS, fc="white", ec="#333333", zorder=3))
        number, _, role = name.partition("\n")
        ax.text(node * STEP, 0.0, number, ha="center", va="center", fontsize=10, zorder=4)
        ax.text(node * STEP, -RADIUS - 0.05, role, ha="center", va="top", fontsize=8, zorder=4)
    ax.set_xlim(-0.5, 3 * STEP + 0.5)
    ax.set_ylim(-1.2, 1.8)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.set_title(title, fontsize=11)
    return ax


def _draw_edge(ax: Axes, edge: tuple[int, int], operation: str) -> None:
    start, end = edge
    height = HEIGHTS.get(edge, 0.0)
    # The middle of a quadratic curve is half as high as its control point, of which the
    # curvature `rad` is the height by the distance of the ends; upwards is negative.
    rad = -2 * height / ((end - start) * STEP)
    ax.add_patch(
        FancyArrowPatch(
            (start * STEP, 0.0),
            (end * STEP, 0.0),
            connectionstyle=f"arc3,rad={rad}",
            arrowstyle="-|>",
            mutation_scale=12,
            shrinkA=RADIUS * 72,
            shrinkB=RADIUS * 72,
            color=COLOURS[operation],
            linestyle=":" if operation == "none" else "-",
            linewidth=1.0 if operation == "none" else 1.6,
            zorder=2,
        )
    )
    ax.text(
        (start + end) / 2 * STEP,
        height,
        OPERATION_NAMES[operation],
        ha="center",
        va="center",
        fontsize=9,
        color=COLOURS[operation],
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"},
        zorder=5,
    )
