"""One candidate as a picture: its genotype, and its layers against the regions of the teacher."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.figures.genotype import build_genotype_figure
from tgas_neuro.figures.layer_map import CELL, plot_layer_map
from tgas_neuro.figures.save import save_figure
from tgas_neuro.scoring.layers import list_chosen, list_similarities

ROOM = 0.9  # above and below the layer map [inch]
LEFT, RIGHT = 0.9, 0.9  # for the names of layers and the colour bar [inch]


def draw_candidate(record: Mapping[str, Any], layer_choice: str, path: str | Path) -> None:
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
