"""A chain as a row of layers: width, kernel and stride in each box, arcs for skips."""

from math import log2

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from tgas_neuro.architecture.chain.genotype import ChainGenotype, ChainLayer

# All lengths in inches, at the size of `calc_chain_size`.
STEP = 1.05
WIDTH = 0.75
MARGIN = 0.2
STEM_HEIGHT = 0.6
# A skip passes so high above the boxes for each layer that it passes over.
RISE = 0.3

SKIP_COLOUR = "#d1495b"
FILLS = {1: "#eeeeee", 3: "#d6e6f4", 5: "#c3d9c8", 7: "#e0d5ec"}  # by kernel


def plot_chain(genotype: ChainGenotype, ax: Axes, title: str) -> Axes:
    """Draw a chain into `ax` and return it.

    A box is as high as its layer is wide, in steps of two; F are the filters of the skeleton. An
    arc leads from an earlier output to the layer that reads it beside the one right before.
    """
    heights = [_calc_height(layer) for layer in genotype.layers]
    _draw_box(ax, 0, STEM_HEIGHT, "stem", "#ffffff")
    for number, layer in enumerate(genotype.layers):
        text = f"{layer.kernel}\N{MULTIPLICATION SIGN}{layer.kernel}\n{_name_width(layer)}"
        text += f"\nstride {layer.stride}"
        _draw_box(ax, 1 + number, heights[number], text, FILLS[layer.kernel])
        ends = (number * STEP + WIDTH / 2, 0.0), ((1 + number) * STEP - WIDTH / 2, 0.0)
        _draw_arrow(ax, *ends)
        if layer.skip is not None:
            skipped = STEM_HEIGHT if layer.skip == 0 else heights[layer.skip - 1]
            start = layer.skip * STEP + WIDTH / 4, skipped / 2
            _draw_skip(ax, start, ((1 + number) * STEP - WIDTH / 4, heights[number] / 2))
        ax.text(
            (1 + number) * STEP,
            -heights[number] / 2 - 0.05,
            f"layer {number}",
            ha="center",
            va="top",
            fontsize=7,
            color="#666666",
        )
    width, height = calc_chain_size(genotype)
    top = _calc_top(genotype)
    ax.set_xlim(-WIDTH / 2 - MARGIN, width - WIDTH / 2 - MARGIN)
    ax.set_ylim(top - height + 0.4, top)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.set_title(title, fontsize=11)
    return ax


def calc_chain_size(genotype: ChainGenotype) -> tuple[float, float]:
    """Width and height [inch] of a figure in which the chain is well readable."""
    tallest = max(map(_calc_height, genotype.layers))
    bottom = tallest / 2 + 0.25 + MARGIN
    return len(genotype.layers) * STEP + WIDTH + 2 * MARGIN, _calc_top(genotype) + bottom + 0.4


def _calc_height(layer: ChainLayer) -> float:
    return 0.7 + 0.25 * log2(layer.width)


def _name_width(layer: ChainLayer) -> str:
    return "F" if layer.width == 1 else f"{layer.width} F"


def _calc_top(genotype: ChainGenotype) -> float:
    """Height of the picture above the middle of the boxes."""
    spans = [
        1 + number - layer.skip
        for number, layer in enumerate(genotype.layers)
        if layer.skip is not None
    ]
    tallest = max(map(_calc_height, genotype.layers)) / 2
    return max(tallest, max((_calc_rise(span) for span in spans), default=0.0)) + MARGIN


def _calc_rise(span: int) -> float:
    """Height of the top of an arc over so many steps, above the highest box that there can be."""
    return 0.8 + RISE * (span - 1)


def _draw_box(ax: Axes, place: int, height: float, text: str, fill: str) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (place * STEP - WIDTH / 2, -height / 2),
            WIDTH,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=fill,
            edgecolor="#333333",
            zorder=3,
        )
    )
    ax.text(place * STEP, 0.0, text, ha="center", va="center", fontsize=9, zorder=4)


def _draw_skip(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arc from the top of one box, on its right, to the top of another one, on its left."""
    (x0, y0), (x1, y1) = start, end
    # A cubic curve whose control points are so high rises to three quarters of them.
    control = _calc_rise(round((x1 - x0 + WIDTH / 2) / STEP)) / 0.75
    path = Path(
        [(x0, y0), (x0, control), (x1, control), (x1, y1)], [Path.MOVETO] + [Path.CURVE4] * 3
    )
    ax.add_patch(PathPatch(path, fc="none", ec=SKIP_COLOUR, lw=1.4, zorder=2))
    ax.plot(x1, y1 + 0.04, marker="v", ms=5, color=SKIP_COLOUR, mew=0, zorder=5)


def _draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=9,
            shrinkA=0,
            shrinkB=0,
            color="#444444",
            linewidth=1.4,
            zorder=2,
        )
    )
