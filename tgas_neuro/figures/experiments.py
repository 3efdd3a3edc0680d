"""Pictures of an experiment: what scores know about the cells, along the training."""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.neurons_page import format_repetitions
from tgas_neuro.experiments.tables import SUMS
from tgas_neuro.figures.panels import (
    LABEL,
    Line,
    Panel,
    build_grid,
    build_panels_figure,
    finish_grid,
)
from tgas_neuro.figures.style import (
    BLUE,
    DARK,
    FORMATS,
    GREEN,
    PURPLE,
    VERMILION,
    build_figure,
    label_ends,
    styled,
)

BRAIN, CONTROL, ALONE = BLUE, VERMILION, DARK
COLOURS = {
    "P": ALONE,
    "TG": GREEN,
    "paper": PURPLE,
    "primary": BRAIN,
    "control": CONTROL,
    "learned": BRAIN,
    "learned_control": CONTROL,
}
SHORT = {"primary": "sum", "control": "sum, control", "learned_control": "learned, control"}
PANEL = (2.7, 1.9)  # width and height [inch]
COLUMNS = 3
MOST_TICKS = 6  # of a curve


@styled()
def build_gain_figure(result: dict[str, Any], experiment: Experiment, partial: bool) -> Figure:
    """A panel for each teacher and control: rank correlation of P, of TG and of their sum by steps.

    Layer choice and scale are those of the primary comparison. Bands and whiskers are 95 %
    intervals over cells.

    Parameters
    ----------
    result
        From `rate_surrogates`.
    partial
        With size held constant.
    """
    measure = "partial" if partial else "r"
    panels = [build_panel(result, experiment, key, measure) for key in experiment.teachers]
    places = [str(step) for step in experiment.training.steps]
    labels = ("steps of training", "rank correlation" + ("\ngiven size" if partial else ""))
    return build_panels_figure(panels, places, labels, COLUMNS, PANEL)


@styled()
def build_curve_figure(efficiency: dict[str, Any], names: dict[str, str]) -> Figure:
    """The quality of searches by the training images that they see, for each guidance.

    Parameters
    ----------
    efficiency
        From `rate_efficiency`.
    names
        Its guidances, to what is written beside their curves.
    """
    figure = build_figure((7.5, 4.2))
    figure.set_layout_engine("constrained")
    ax = figure.subplots()
    ends = []
    for key, found in efficiency["guidances"].items():
        quality = 100 * np.array(found["quality"])
        ax.step(found["images"], quality, where="post", color=COLOURS[key], lw=1.6)
        ends.append((float(quality[-1]), names[key], COLOURS[key]))
    images = np.unique(np.concatenate([one["images"] for one in efficiency["guidances"].values()]))
    _scale_images(ax, images)
    label_ends(ax, ends)
    ax.set_xlabel("training images of all candidates")
    ax.set_ylabel("mature accuracy of the pick [%]")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


@styled()
def build_strategies_figure(found: dict[str, Any]) -> Figure:
    """A panel for each strategy: the quality of what it returns by images, for each guidance.

    Parameters
    ----------
    found
        From `rate_strategies`. Bands are its 95 % intervals of the mean over searches.
    """
    strategies = found["strategies"]
    size = (1.4 * PANEL[0], 1.5 * PANEL[1])
    figure, grid = build_grid(len(strategies), COLUMNS - 1, size, sharex=False)
    labels = []
    for ax, (strategy, guidances) in zip(grid.flat, strategies.items(), strict=False):
        ends = []
        for key, rated in guidances.items():
            values = 100 * np.array([one["value"] for one in rated["quality"]])
            low, high = 100 * np.transpose([one["interval"] for one in rated["quality"]])
            style = "--" if key.startswith("learned") else "-"
            ax.plot(found["images"], values, style, color=COLOURS[key])
            ax.fill_between(found["images"], low, high, color=COLOURS[key], alpha=0.12, lw=0)
            ends.append((float(values[-1]), SHORT.get(key, key), COLOURS[key]))
        _scale_images(ax, np.array(found["images"]))
        labels.append((ax, ends))
        ax.set_title(strategy, fontsize=9)
    finish_grid(grid, "training images", "mature accuracy [%]")
    for ax, ends in labels:  # the common limits are known now
        label_ends(ax, ends, LABEL / size[1])
    return figure


def _scale_images(ax: Axes, images: np.ndarray) -> None:
    """A logarithmic axis of numbers of images, with some of them as ticks."""
    ax.set_xscale("log")
    ticks = images[np.unique(np.linspace(0, len(images) - 1, MOST_TICKS).round().astype(int))]
    ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks], fontsize=8)
    ax.xaxis.set_minor_formatter(NullFormatter())


@styled()
def build_neurons_figure(result: dict[str, Any], experiment: Experiment) -> Figure:
    """Rank correlation of TG, gain and ceiling by sites: a column for each grid of teachers.

    There is a line for each number of repetitions: means over draws, whiskers are 95 % intervals
    over cells, those of ceilings go from the lowest draw to the highest.

    Parameters
    ----------
    result
        From `rate_neurons`.
    """
    found = result["steps"][str(experiment.primary.steps)]
    names = list(experiment.grids)
    figure = build_figure((0.8 + 4.0 * len(names), 7.5))
    figure.set_layout_engine("constrained")
    grid = figure.subplots(3, len(names), squeeze=False, sharex="col", sharey="row")
    for column, name in zip(grid.T, names, strict=True):
        plot_neurons(found, experiment, name, column)
    labels = ("rank correlation of TG", f"gain of {SUMS[experiment.primary.scale]}", "ceiling")
    for ax, label in zip(grid[:, 0], labels, strict=True):
        ax.set_ylabel(label, fontsize=9)
    return figure


def plot_neurons(
    found: dict[str, Any], experiment: Experiment, name: str, axes: np.ndarray
) -> np.ndarray:
    """Draw one grid of teachers into three `axes`, and return them."""
    of_grid = found["grids"][name]
    points = of_grid["points"]
    repetitions = list(dict.fromkeys(point["repetitions"] for point in points))
    shades = mpl.colormaps["viridis"](np.linspace(0.85, 0, len(repetitions)))
    places = sorted({point["neuroids"] for point in points})
    for number, shade in enumerate(shades):
        same = sorted(
            (point for point in points if point["repetitions"] == repetitions[number]),
            key=lambda point: point["neuroids"],
        )
        # side by side, so that whiskers can be told apart
        x = np.array([point["neuroids"] for point in same])
        x = x * (1 + 0.035 * (number - (len(shades) - 1) / 2))
        label = format_repetitions(repetitions[number])
        for ax, measure in zip(axes, ("TG", "gain"), strict=False):
            values = [point[measure]["r"]["value"] for point in same]
            ends = np.transpose([point[measure]["r"]["interval"] for point in same])
            _plot_whiskers(ax, x, values, ends, shade, label)
        some = [None not in point["ceiling"] for point in same]
        ceilings = [np.array(point["ceiling"]) for point in same if None not in point["ceiling"]]
        ends = np.array([[one.min() for one in ceilings], [one.max() for one in ceilings]])
        _plot_whiskers(axes[2], x[some], [one.mean() for one in ceilings], ends, shade, label)
    axes[0].axhline(found["P"]["r"]["value"], color=ALONE, lw=1, ls=":", label="P")
    whole = experiment.teachers[experiment.grids[name].of].title
    for ax, measure in zip(axes, ("TG", "gain"), strict=False):
        ax.axhline(of_grid["of"][measure]["r"]["value"], color=ALONE, lw=1, ls="--", label=whole)
    axes[1].axhline(0, color="0.6", lw=0.8)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xticks(places, [f"{place:.0f}" for place in places])
        ax.minorticks_off()
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_title(experiment.grids[name].title, fontsize=9)
    axes[0].legend(fontsize=7, frameon=False)
    axes[2].set_xlabel("sites", fontsize=9)
    return axes


def _plot_whiskers(
    ax: Axes, x: np.ndarray, values: list[float], ends: np.ndarray, colour: Any, label: str
) -> None:
    if not len(x):
        return
    ax.plot(x, values, "o-", color=colour, lw=1.4, ms=3, label=label)
    ax.vlines(x, *ends, color=colour, lw=0.8)


def render_svg(figure: Figure) -> str:
    """A figure as SVG with its text as text, the same each time it is drawn."""
    drawn = io.StringIO()
    with styled():
        figure.savefig(drawn, format="svg", metadata=FORMATS[".svg"])
    return drawn.getvalue()


def build_panel(result: dict[str, Any], experiment: Experiment, key: str, measure: str) -> Panel:
    """P, TG of one teacher, and their sum, by steps; `measure` is ``r`` or ``partial``."""
    teacher, primary = experiment.teachers[key], experiment.primary
    colour = CONTROL if teacher.control else BRAIN
    rows = [result["steps"][str(step)] for step in experiment.training.steps]
    of_teacher = [row["teachers"][key][primary.layer_choice] for row in rows]
    found = (
        ("P", [row["P"] for row in rows], ALONE, "-"),
        ("TG", [row["TG"] for row in of_teacher], colour, ":"),
        (SUMS[primary.scale], [row[primary.scale] for row in of_teacher], colour, "-"),
    )
    lines = [
        Line(
            name,
            [one[measure]["value"] for one in rated],
            [one[measure]["interval"] for one in rated],
            shade,
            style,
        )
        for name, rated, shade, style in found
    ]
    return Panel(teacher.title, lines, colour)
