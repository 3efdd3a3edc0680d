"""The pictures of a run: from the contents of its files to PNG files."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import SPACES, read_genotype
from tgas_neuro.figures.rdm import CELL, build_rdm_title, plot_layer_map, plot_rdm
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.scoring.layers import LayerChoice, list_chosen, list_similarities

if TYPE_CHECKING:
    import xarray as xr

DPI = 150
MOST_ROWS = 4000  # of an RDM that is made from responses
ROOM = 0.9  # above and below the layer map [inch]
LEFT, RIGHT = 0.9, 0.9  # for the names of layers and the colour bar [inch]


def draw_region(name: str, region: "xr.Dataset", path: str | Path) -> None:
    """Draw the RDM of one region of a teacher, sorted by category, its ceiling in the title."""
    from tgas_neuro.teacher.teacher import get_rdm  # xarray, which other figures do without

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
    rdm = get_rdm(region)
    undefined = int(np.isnan(rdm).sum())
    title += f"\n{undefined} of {len(rdm)} dissimilarities are not defined" if undefined else ""
    plot_rdm(rdm, known, figure.subplots(), title, distance=attrs["distance"])
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
        Which layers get a frame; ``mean`` chooses none.
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


COLOURS = {"reward": "#1b4f72", "P": "#d98e04", "TG": "#5aa469", "best": "#1b4f72"}

NAMES = {
    "P": "P: accuracy after the short training",
    "TG": "TG: likeness to the teacher",
    "reward": "reward",
    "repeated": "reward of a repeated proposal",
    "best": "best reward so far",
}

# A marker for each state without a reward; any other state gets the last one.
MARKERS = {
    "diverged": "x",
    "oversized": "^",
    "out_of_memory": "v",
    "timeout": "s",
    "crashed": "X",
}
OTHER_MARKER = "D"


def plot_search_curve(
    entries: Sequence[Mapping], ax: Axes, title: str = "", simulated: bool = False
) -> Axes:
    """Draw the course of a search into `ax` and return it.

    Parameters
    ----------
    entries
        One per candidate, in the order of the history: ``state``, ``reward`` (or None), ``P``
        and ``TG`` (or None, or absent), ``generation`` (or an ``id`` like ``g3_c0``, for
        borders between generations). Repeated proposals are hollow; candidates without a
        reward are marked at the lower edge by their state.
    ax
        Where to draw.
    title
        For example the name of the run.
    simulated
        Whether the teacher or the images are; the title says so.
    """
    order = np.arange(1, len(entries) + 1)
    reward = _collect(entries, "reward")
    for key, marker in (("P", "o"), ("TG", "s")):
        values = _collect(entries, key)
        ax.plot(
            order, values, marker, color=COLOURS[key], alpha=0.55, ms=4, mew=0, label=NAMES[key]
        )
    _draw_rewards(ax, entries, order, reward)
    ax.step(
        order,
        calc_running_best(reward),
        where="post",
        color=COLOURS["best"],
        linewidth=1.4,
        alpha=0.8,
        label=NAMES["best"],
    )
    _draw_generations(ax, entries)
    _set_limits(ax, entries)
    _draw_failures(ax, entries)
    _decorate(ax, f"{title} (simulated)".strip() if simulated else title)
    return ax


def calc_running_best(reward: np.ndarray) -> np.ndarray:
    """Highest value so far, (candidate,); NaN where there is none yet or the value is NaN."""
    best = np.fmax.accumulate(reward) if len(reward) else reward
    return np.asarray(best, dtype=float)


def find_generation(entry: Mapping) -> int | None:
    """Generation of an entry, from ``generation`` or an ``id`` like ``g3_c0``; None if neither."""
    if entry.get("generation") is not None:
        return int(entry["generation"])
    found = re.match(r"g(\d+)_", str(entry.get("id", "")))
    return int(found[1]) if found else None


def _collect(entries: Sequence[Mapping], key: str) -> np.ndarray:
    values = [entry.get(key) for entry in entries]
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _draw_rewards(
    ax: Axes, entries: Sequence[Mapping], order: np.ndarray, reward: np.ndarray
) -> None:
    repeated = np.array([entry["state"] == "duplicate" for entry in entries], dtype=bool)
    new: dict[str, Any] = {"color": COLOURS["reward"], "ms": 6}
    ax.plot(order[~repeated], reward[~repeated], "o", label=NAMES["reward"], **new)
    if repeated.any():
        hollow = new | {"mfc": "white", "label": NAMES["repeated"]}
        ax.plot(order[repeated], reward[repeated], "o", **hollow)


def _draw_generations(ax: Axes, entries: Sequence[Mapping]) -> None:
    generations = [find_generation(entry) for entry in entries]
    for position, (before, after) in enumerate(pairwise(generations), start=1):
        if before is not None and after is not None and before != after:
            ax.axvline(position + 0.5, color="0.75", linewidth=0.8, linestyle=":", zorder=0)


def _set_limits(ax: Axes, entries: Sequence[Mapping]) -> None:
    values = np.concatenate([_collect(entries, key) for key in ("reward", "P", "TG")])
    values = values[np.isfinite(values)]
    low, high = (min(0, values.min()), values.max()) if len(values) else (0.0, 1.0)
    room = 0.08 * ((high - low) or 1.0)
    ax.set_ylim(low - 2 * room, high + room)
    ax.set_xlim(0.5, max(1, len(entries)) + 0.5)


def _draw_failures(ax: Axes, entries: Sequence[Mapping]) -> None:
    """Mark candidates without a reward just above the lower edge, a marker per state."""
    bottom, top = ax.get_ylim()
    height = bottom + 0.04 * (top - bottom)
    failed: dict[str, list[int]] = {}
    for position, entry in enumerate(entries, start=1):
        if entry.get("reward") is None:
            failed.setdefault(entry["state"], []).append(position)
    for state, positions in failed.items():
        ax.plot(
            positions,
            [height] * len(positions),
            MARKERS.get(state, OTHER_MARKER),
            color="#b03a2e",
            ms=6,
            label=f"{state.replace('_', ' ')} ({len(positions)})",
        )


def _decorate(ax: Axes, title: str) -> None:
    ax.set_xlabel("candidate, in the order of the history")
    ax.set_ylabel("reward, P, TG")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_title(title, fontsize=10)
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0))
