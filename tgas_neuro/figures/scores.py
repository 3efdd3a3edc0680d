"""Networks against regions as a picture: similarity by layer, and the networks beside each other.

Regions have colours that differ for all kinds of colour vision, and their names beside their lines.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tgas_neuro.figures.style import (
    build_figure,
    check_ending,
    colour_of,
    label_ends,
    save_figure,
    styled,
)
from tgas_neuro.scoring.inference import Inference
from tgas_neuro.scoring.layers import Score, list_similarities

SIGNIFICANT = 0.05
MOST_NAMES = 24  # of layers below a panel; of more, every second, third ... has its name
COLUMNS = 3  # panels beside each other
PANEL = (4.4, 2.9)  # width and height of a network's layers [inch]
ROW = 0.34  # height of a network in the comparison [inch]
LONGEST = 34  # characters of a name; longer ones lose their middle


@styled()
def draw_scores(
    models: Mapping[str, Score], inferences: Mapping[str, Inference], path: str | Path
) -> None:
    """Draw the layers of each network and, below, the networks beside each other.

    Parameters
    ----------
    models
        Name of a network to its score.
    inferences
        Region to intervals and differences; empty where nothing was resampled.
    path
        A .png, .svg or .pdf file.
    """
    check_ending(Path(path))
    figure = build_scores_figure(models, inferences)
    save_figure(figure, path)


def build_scores_figure(models: Mapping[str, Score], inferences: Mapping[str, Inference]) -> Figure:
    """A panel for each network, and one for each region below; arguments as in `draw_scores`."""
    regions = list(next(iter(models.values()))["regions"])
    n_rows = -(-len(models) // COLUMNS)
    compared = len(models) > 1 or bool(inferences)
    height = n_rows * (PANEL[1] + 1.2)
    below = len(regions) * (ROW * len(models) + 1.3) if compared else 0.0
    n_columns = min(len(models), COLUMNS)
    width = max(n_columns * PANEL[0], 9.0 if compared else 0.0)
    figure = build_figure((width, height + below))
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.12)
    parts: Any = figure.subfigures(2, 1, height_ratios=[height, below]) if compared else [figure]
    grid = parts[0].subplots(n_rows, n_columns, squeeze=False)
    for ax in grid.flat[len(models) :]:
        ax.set_visible(False)
    for ax, (name, score) in zip(grid.flat, models.items(), strict=False):
        plot_layers(score, ax, shorten(name))
    limits = np.array([ax.get_ylim() for ax in grid.flat[: len(models)]])
    for ax in grid.flat[: len(models)]:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
    for ax in grid[:, 0]:
        ax.set_ylabel("similarity (raw)", fontsize=9)
    if compared:
        share = [3.2, 1.0]
        panels = parts[1].subplots(len(regions), 2, squeeze=False, width_ratios=share)
        for number, (region, (ax, pairs)) in enumerate(zip(regions, panels, strict=True)):
            plot_models(region, models, inferences.get(region), ax, colour_of(number))
            plot_differences(list(models), inferences.get(region), pairs)
    return figure


def plot_layers(score: Score, ax: Axes, title: str) -> Axes:
    """Draw the similarity of each layer with each region into `ax` and return it.

    The best layer of a region has a large dot, its noise ceiling is a dashed line. A layer without
    a value interrupts the line.
    """
    similarities = list_similarities(score["regions"])
    layers = list(next(iter(similarities.values())))
    places = np.arange(len(layers))
    ends: list[tuple[float, str, str]] = []
    for number, (region, by_layer) in enumerate(similarities.items()):
        colour = colour_of(number)
        values = np.array([by_layer[layer] for layer in layers], dtype=float)
        ax.plot(places, values, "-o", color=colour, ms=2.5, linewidth=1.4)
        best = score["regions"][region]["paper"]
        if best is not None:
            place = layers.index(best["layer"])
            ax.plot(place, best["raw"], "o", color=colour, ms=8, mec="white", mew=1.2)
        ceiling = score["regions"][region]["ceiling"]
        if ceiling is not None:
            ax.axhline(ceiling, color=colour, linewidth=1, linestyle=(0, (4, 3)))
            ends.append((ceiling, f"{region} ceiling", colour))
        finite = values[np.isfinite(values)]
        if len(finite):
            ends.append((float(finite[-1]), region, colour))
    step = -(-len(layers) // MOST_NAMES)
    shown = places[::step]
    ax.set_xticks(shown, [shorten(layers[place]) for place in shown], rotation=90, fontsize=7)
    ax.set_xlim(-0.5, len(layers) - 0.5)
    low = min([0.0, *(value for value, _, _ in ends), ax.get_ylim()[0]])
    ax.set_ylim(low, max(ax.get_ylim()[1], *(value for value, _, _ in ends), 0.0) if ends else 1.0)
    label_ends(ax, ends)
    _decorate(ax, title)
    return ax


def plot_models(
    region: str,
    models: Mapping[str, Score],
    inference: Inference | None,
    ax: Axes,
    colour: str,
) -> Axes:
    """Draw the best layer of each network against one region into `ax` and return it.

    Bars are 95 % intervals. The grey band is the noise ceiling, from its lower to its upper end.
    A ring in place of a dot: not above 0 (p >= 0.05).
    """
    names = list(models)
    ceiling = models[names[0]]["regions"][region]["ceiling"]
    if ceiling is not None:
        band = inference["ceiling"] if inference else None
        if band is not None:
            ax.axvspan(*band, color="0.88", zorder=0)
        ax.axvline(ceiling, color="0.45", linewidth=1, linestyle=(0, (4, 3)))
        ax.annotate(
            "noise ceiling",
            (ceiling, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=7,
            color="0.35",
            ha="center",
        )
    for place, name in enumerate(names):
        best = models[name]["regions"][region]["paper"]
        if best is None:
            ax.text(0, place, " no layer is defined", fontsize=8, va="center", color="0.4")
            continue
        interval = inference["models"].get(name) if inference else None
        end = best["raw"]
        if interval is not None:
            end = interval["high"]
            ax.plot([interval["low"], end], [place, place], color=colour, linewidth=2)
        hollow = interval is not None and interval["p_zero"] >= SIGNIFICANT
        ax.plot(best["raw"], place, "o", color=colour, ms=7, mfc="white" if hollow else colour)
        ax.annotate(
            f"{best['raw']:.3f}  {shorten(best['layer'])}",
            (end, place),
            xytext=(7, 0),
            textcoords="offset points",
            fontsize=7.5,
            va="center",
            color="0.25",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.set_yticks(range(len(names)), _number(names), fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.margins(x=0.02)
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.0), max(high, 0.05) + 0.28 * (max(high, 0.05) - min(low, 0.0)))
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel("similarity of the best layer (raw)", fontsize=8)
    resampled = "" if inference is None else f", 95 % intervals {describe_resampled(inference)}"
    _decorate(ax, f"{region}{resampled}", pad=14)
    ax.title.set(ha="left", x=0.0)
    ax.grid(axis="y", visible=False)
    return ax


def plot_differences(names: Sequence[str], inference: Inference | None, ax: Axes) -> Axes:
    """Draw which networks differ into `ax` and return it: row against column.

    + is more similar than the network of the column, - less, a dot no difference at
    p < 0.05 by Benjamini and Hochberg.
    """
    if inference is None or not inference["differences"]:
        ax.set_visible(False)
        return ax
    n = len(names)
    signs = np.zeros((n, n))
    for one in inference["differences"]:
        i, j = names.index(one["first"]), names.index(one["second"])
        if one["p_adjusted"] < SIGNIFICANT:
            signs[i, j] = np.sign(one["difference"])
            signs[j, i] = -signs[i, j]
    for i, j in np.ndindex(n, n):
        if i != j:
            text, colour = {1: ("+", "#0072b2"), -1: ("\N{MINUS SIGN}", "#d55e00")}.get(
                int(signs[i, j]), ("\N{MIDDLE DOT}", "0.5")
            )
            ax.text(j, i, text, ha="center", va="center", fontsize=10, color=colour)
    ax.set_xticks(range(n), [str(i + 1) for i in range(n)], fontsize=8)
    ax.set_yticks(range(n), [str(i + 1) for i in range(n)], fontsize=8)
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(n - 0.5, -0.5)
    ax.tick_params(length=0)
    ax.spines[:].set_color("0.8")
    ax.set_title("row more (+) or less (\N{MINUS SIGN})\nlike it than column", fontsize=8)
    return ax


def describe_resampled(inference: Inference) -> str:
    """What was resampled, in words."""
    parts = []
    if inference["rows"]:
        parts.append(f"{inference['rows']} stimuli")
    if inference["sites"]:
        parts.append(f"{inference['sites']} sites")
    return f"over {' and '.join(parts)}"


def shorten(name: str) -> str:
    """A name without its middle where it is long."""
    half = LONGEST // 2 - 1
    return name if len(name) <= LONGEST else f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"


def _number(names: Sequence[str]) -> list[str]:
    return [f"{shorten(name)}  {number}" for number, name in enumerate(names, start=1)]


def _decorate(ax: Axes, title: str, pad: float = 6) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="both", color="0.93", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", labelsize=8)
    ax.set_title(title, fontsize=9.5, pad=pad)
