"""The layer map as a picture: every layer of a network against every region of the teacher."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tgas_neuro.figures.style import VERMILION, build_figure
from tgas_neuro.scoring.layers import (
    LayerChoice,
    RegionScore,
    get_similarity,
    list_chosen,
    list_similarities,
)

CELL = (1.0, 0.24)  # of one region and one layer [inch], at which the numbers are readable
LETTER = 0.075  # width of a letter of a layer's name [inch]
ABOVE, BELOW = 0.75, 0.75  # for titles, and for regions and notes [inch]
GAP, BAR = 0.3, 0.15  # between maps, and width of the colour bar [inch]

Similarities = Mapping[str, Mapping[str, float | None]]


def build_layer_maps_figure(
    networks: Mapping[str, Mapping[str, RegionScore]], layer_choice: LayerChoice, title: str = ""
) -> Figure:
    """Draw layer maps beside each other, with the same colours for the same similarities.

    Below each region are its corrected similarity, which is its part in TG, and its ceiling.

    Parameters
    ----------
    networks
        Title of a map to the regions of the network's score.
    layer_choice
        Which layers get a frame; ``mean`` chooses none.
    title
        Above all maps.
    """
    maps = {name: list_similarities(regions) for name, regions in networks.items()}
    limits = choose_limits([value for found in maps.values() for value in list_values(found)])
    rows = max(len(list_layers(found)) for found in maps.values())
    lefts, right = [], 0.0
    for found in maps.values():
        lefts.append(right + LETTER * max(map(len, list_layers(found))) + GAP)
        right = lefts[-1] + CELL[0] * len(found)
    size = np.array([right + GAP + BAR, ABOVE + CELL[1] * rows + BELOW])
    figure = build_figure((size[0], size[1]))

    def add_axes(left: float, width: float, height: float) -> Axes:
        """New axes of this place and size [inch], their upper edge where all others have theirs."""
        x, y = np.array([left, size[1] - ABOVE - height]) / size
        return figure.add_axes((x, y, width / size[0], height / size[1]))

    for left, (name, regions) in zip(lefts, networks.items(), strict=True):
        notes = {region: describe_region(found, layer_choice) for region, found in regions.items()}
        height = CELL[1] * len(list_layers(maps[name]))
        ax = add_axes(left, CELL[0] * len(regions), height)
        chosen = list_chosen(regions, layer_choice)
        image = draw_layer_map(maps[name], chosen, ax, name, limits, notes)
    bar = figure.colorbar(image, cax=add_axes(right + GAP, BAR, CELL[1] * rows))
    decorate_bar(bar)
    figure.suptitle(title, fontsize=10, y=1.0, va="top")
    if layer_choice != "mean":
        text = f"framed: the layers that stand for a region ({layer_choice})"
        figure.supxlabel(text, fontsize=8, color=VERMILION, y=0.0)
    return figure


def plot_layer_map(
    similarities: Similarities, chosen: Mapping[str, Sequence[str]], ax: Axes, title: str
) -> Axes:
    """Draw a layer map into `ax` and return it.

    Rows are layers, from the image (top) to the output, columns are regions. The values are raw
    similarities, before they are corrected for noise.

    Parameters
    ----------
    similarities
        Region to layer to its similarity; None, drawn white, for a layer without a value. All
        regions have the same layers.
    chosen
        Region to the layers that stand for it; they have a frame.
    ax
        Where to draw.
    title
        For example the id of the candidate.
    """
    limits = choose_limits(list_values(similarities))
    image = draw_layer_map(similarities, chosen, ax, title, limits)
    decorate_bar(ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03))
    return ax


def draw_layer_map(
    similarities: Similarities,
    chosen: Mapping[str, Sequence[str]],
    ax: Axes,
    title: str,
    limits: tuple[float, float],
    notes: Mapping[str, str] | None = None,
) -> AxesImage:
    """Draw a layer map without its colour bar; `notes` are written below the names of regions."""
    regions, layers = list(similarities), list_layers(similarities)
    values = np.array(
        [[similarities[region][layer] for region in regions] for layer in layers], dtype=float
    )
    low, high = limits
    image = ax.imshow(values, cmap="viridis", aspect="auto", vmin=low, vmax=high)
    for row, layer in enumerate(layers):
        for column, region in enumerate(regions):
            _write(ax, row, column, values[row, column], image)
            if layer in chosen[region]:
                _frame(ax, row, column)
    names = [f"{region}\n{notes[region]}" if notes else region for region in regions]
    ax.set_xticks(range(len(regions)), names)
    ax.set_yticks(range(len(layers)), layers, fontsize=8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=10)
    return image


def decorate_bar(bar: Colorbar) -> None:
    """Name the colour bar of a layer map."""
    bar.set_label("similarity (raw)", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def describe_region(region: RegionScore, layer_choice: LayerChoice) -> str:
    """Its part in TG, and its ceiling, in two lines."""
    found = get_similarity(region, layer_choice)
    corrected = "none" if found is None else f"{found['corrected']:.3f}"
    ceiling = region["ceiling"]
    return f"TG {corrected}\n" + ("no ceiling" if ceiling is None else f"ceiling {ceiling:.3f}")


def list_layers(similarities: Similarities) -> list[str]:
    """Names of the layers, from the image to the output."""
    return list(next(iter(similarities.values())))


def list_values(similarities: Similarities) -> list[float | None]:
    """All similarities of a map."""
    return [value for by_layer in similarities.values() for value in by_layer.values()]


def choose_limits(values: Sequence[float | None]) -> tuple[float, float]:
    """From 0, or the lowest where there are negative ones, to the highest."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    low, high = (min(0.0, *known, 0.0), max(known)) if known else (0.0, 1.0)
    return low, high if high > low else low + 1.0


def _write(ax: Axes, row: int, column: int, value: float, image: Any) -> None:
    dark = np.isfinite(value) and image.norm(value) < 0.6
    ax.text(
        column,
        row,
        f"{value:.3f}" if np.isfinite(value) else "none",
        ha="center",
        va="center",
        fontsize=8,
        color="white" if dark else "black",
    )


def _frame(ax: Axes, row: int, column: int) -> None:
    x, y = np.array([-1, 1, 1, -1, -1]), np.array([-1, -1, 1, 1, -1])
    ax.plot(column + 0.47 * x, row + 0.44 * y, color=VERMILION, linewidth=2)
