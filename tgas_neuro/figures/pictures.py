"""The pictures of a run: from the contents of its files to PNG, SVG and PDF files.

A function that draws takes one path or several; the ending of a path says which format it is.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import SPACES, read_genotype
from tgas_neuro.figures.layer_map import CELL, build_layer_maps_figure, plot_layer_map
from tgas_neuro.figures.rdm import build_rdm_title, plot_rdm
from tgas_neuro.figures.search_curve import build_search_figure
from tgas_neuro.figures.style import build_figure, save_figures, styled
from tgas_neuro.scoring.layers import LayerChoice, Score, list_chosen, list_similarities

if TYPE_CHECKING:
    import xarray as xr

Paths = str | Path | Iterable[str | Path]
MOST_ROWS = 4000  # of an RDM that is made from responses
ROOM = 0.9  # above and below the layer map [inch]
LEFT, RIGHT = 0.9, 0.9  # for the names of layers and the colour bar [inch]


@styled()
def draw_region(name: str, region: "xr.Dataset", paths: Paths) -> None:
    """Draw the RDM of one region of a teacher with its stimuli, sorted by category.

    The ceiling and its interval over splits are in the title.
    """
    from tgas_neuro.teacher.teacher import get_rdm  # xarray, which other figures do without

    attrs = region.attrs
    ceiling, *interval = (float(attrs[f"ceiling{end}"]) for end in ("", "_low", "_high"))
    title = build_rdm_title(
        name,
        n_sites=int(attrs["n_sites"]) or None,
        ceiling=ceiling if np.isfinite(ceiling) else None,
        splits=int(attrs["n_splits"]),
        simulated=bool(attrs["simulated"]),
        noise_free=bool(attrs["noise_free"]),
        interval=(interval[0], interval[1]) if np.isfinite(interval).all() else None,
    )
    categories = region["category_name"].values.astype(str)
    known = list(categories) if (categories != "").any() else None
    # of an object, the first of its stimuli
    stimuli = region["images"].values[np.unique(region["row"].values, return_index=True)[1]]
    if "rdm" not in region:  # it is too large to keep, and to draw: every so many rows do
        order = np.argsort(categories, kind="stable")
        rows = np.sort(order[:: -(-len(order) // MOST_ROWS)])
        region = region.isel(row_name=rows)
        known, stimuli = known and [known[row] for row in rows], stimuli[rows]
    rdm = get_rdm(region)
    undefined = int(np.isnan(rdm).sum())
    title += f"\n{undefined} of {len(rdm)} dissimilarities are not defined" if undefined else ""
    figure = build_figure((8, 7))
    ax = figure.subplots()
    plot_rdm(rdm, known, ax, title, distance=attrs["distance"], stimuli=stimuli)
    save_figures(figure, paths)


@styled()
def draw_search(
    history: Mapping[str, Any],
    run: str,
    simulated: bool,
    paths: Paths,
    chance: float | None = None,
) -> None:
    """Draw rewards, P and TG of all candidates of a history file.

    Parameters
    ----------
    history
        Its content.
    run
        Name of the search.
    simulated
        Whether the teacher or the images are; the title says so.
    paths
        A file, or several.
    chance
        Accuracy of guessing on the images of P, one over the number of their classes.
    """
    figure = build_search_figure(history["entries"], f"search {run}", simulated, chance)
    save_figures(figure, paths)


@styled()
def draw_layer_maps(best: Mapping[str, Any], final: Score, paths: Paths) -> None:
    """Draw the layer maps of the best candidate of a search and of the final network.

    Parameters
    ----------
    best
        Content of ``best.json``.
    final
        Content of the final network's ``teacher_guidance.json``.
    paths
        A file, or several.
    """
    networks = {
        f"candidate {best['id']}\nas searched": best["record"]["teacher"]["regions"],
        "final network": final["regions"],
    }
    figure = build_layer_maps_figure(networks, best["layer_choice"], f"search {best['run']}")
    save_figures(figure, paths)


@styled()
def draw_best_cell(best: dict[str, Any], paths: Paths) -> None:
    """Draw the genotype of the best candidate of a search in the way of its space."""
    genotype = read_genotype(best["genotype"])
    title = f"best {genotype.space}, {best['id']}, reward {best['reward']:.3f}"
    save_figures(build_genotype_figure(genotype, title), paths)


@styled()
def draw_candidate(record: Mapping[str, Any], layer_choice: LayerChoice, paths: Paths) -> None:
    """Draw a candidate; without a layer map when it was not scored.

    Parameters
    ----------
    record
        Content of its record, or of its proposal as long as it has not finished.
    layer_choice
        Which layers get a frame; ``mean`` chooses none.
    paths
        A file, or several.
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
    save_figures(figure, paths)


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
