"""The pictures of a run: from the contents of its files to PNG files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import SPACES, read_genotype
from tgas_neuro.figures.rdm import CELL, build_rdm_title, plot_layer_map, plot_rdm
from tgas_neuro.figures.search_curve import plot_search_curve
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.scoring.layers import LayerChoice, list_chosen, list_similarities
from tgas_neuro.teacher.teacher import get_rdm

DPI = 150
MOST_ROWS = 4000  # of an RDM that is made from responses
ROOM = 0.9  # above and below the layer map [inch]
LEFT, RIGHT = 0.9, 0.9  # for the names of layers and the colour bar [inch]


def draw_region(name: str, region: xr.Dataset, path: str | Path) -> None:
    """Draw the RDM of one region of a teacher, sorted by category, its ceiling in the title."""
    attrs = region.attrs
    ceiling = float(attrs["ceiling"])
    title = build_rdm_title(
        name,
        n_sites=int(attrs["n_sites"]) or None,
        ceiling=ceiling if np.isfinite(ceiling) else None,
        splits=int(attrs["n_splits"]),
        simulated=bool(attrs["simulated"]),
        noise_free=bool(attrs["noise_free"]),
    )
    categories = region["category_name"].values.astype(str)
    known = list(categories) if (categories != "").any() else None
    figure = build_figure((7, 6))
    if "rdm" not in region:  # it is too large to keep, and to draw: every so many rows do
        order = np.argsort(categories, kind="stable")
        rows = np.sort(order[:: -(-len(order) // MOST_ROWS)])
        region = region.isel(row_name=rows)
        known = known and [known[row] for row in rows]
    plot_rdm(get_rdm(region), known, figure.subplots(), title, distance=attrs["distance"])
    save_figure(figure, path)


def draw_search(history: dict[str, Any], run: str, simulated: bool, path: str | Path) -> None:
    """Draw the rewards of all candidates of a history file; `run` is the name of the search."""
    figure = build_figure((8, 4.5))
    plot_search_curve(history["entries"], figure.subplots(), f"search {run}", simulated)
    save_figure(figure, path)


def draw_best_cell(best: dict[str, Any], path: str | Path) -> None:
    """Draw the genotype of the best candidate of a search in the way of its space."""
    genotype = read_genotype(best["genotype"])
    title = f"best {genotype.space}, {best['id']}, reward {best['reward']:.3f}"
    save_figure(build_genotype_figure(genotype, title), path)


def draw_candidate(record: Mapping[str, Any], layer_choice: LayerChoice, path: str | Path) -> None:
    """Draw a candidate; without a layer map when it was not scored.

    Parameters
    ----------
    record
        Content of its record, or of its proposal as long as it has not finished.
    layer_choice
        ``crossed`` or ``paper``: which layers get a frame.
    path
        The PNG file.
    """
    genotype = read_genotype(record["genotype"])
    figure = build_genotype_figure(genotype, f"{genotype.space}, {record['id']}")
    if record.get("teacher"):
        regions = record["teacher"]["regions"]
        similarities = list_similarities(regions)
        n_layers = len(next(iter(similarities.values())))
        ax = add_below(figure, CELL[0] * len(regions), CELL[1] * n_layers)
        plot_layer_map(
            similarities, list_chosen(regions, layer_choice), ax, f"layers of {record['id']}"
        )
    save_figure(figure, path)


def add_below(figure: Figure, width: float, height: float) -> Axes:
    """Make a figure higher, what is drawn stays as large, and return new axes below it [inch]."""
    old_width, old_height = figure.get_size_inches()
    new_width = max(old_width, LEFT + width + RIGHT)
    new_height = old_height + height + ROOM
    for ax in figure.axes:
        place = ax.get_position()
        ax.set_position(
            (
                place.x0 * old_width / new_width,
                (place.y0 * old_height + height + ROOM) / new_height,
                place.width * old_width / new_width,
                place.height * old_height / new_height,
            )
        )
    figure.set_size_inches(new_width, new_height)
    return figure.add_axes(
        (LEFT / new_width, ROOM / 2 / new_height, width / new_width, height / new_height)
    )


def build_genotype_figure(genotype: Genotype, title: str) -> Figure:
    """A figure of the genotype, large enough to be readable."""
    space = SPACES[genotype.space]
    figure = build_figure(space.calc_drawing_size(genotype))
    space.draw(genotype, figure, title)
    return figure


def build_figure(size: tuple[float, float]) -> Figure:
    """An empty figure of this width and height [inch], drawn without a screen."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write `figure` as PNG, cut to what is drawn; without matplotlib's version and the date."""
    with written_whole(path) as beside:
        figure.savefig(
            beside,
            format="png",
            dpi=DPI,
            bbox_inches="tight",
            facecolor="white",
            metadata={"Software": None},
        )
