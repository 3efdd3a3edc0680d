"""The course of a search: rewards, P beside chance, and the similarity to each region."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tgas_neuro.figures.style import (
    BLUE,
    DARK,
    GREY,
    VERMILION,
    build_figure,
    colour_of,
    label_ends,
)

WIDTH = 8.0  # [inch]
HEIGHTS = {"reward": 2.6, "P": 1.5, "TG": 2.0}  # of the panels [inch]
SHAPES = ("o", "s", "^", "D")  # of regions: not by their colours alone
LEAST = 0.2  # height of a label [inch]

# A marker for each state without a reward; any other state gets the last one.
MARKERS = {
    "diverged": "x",
    "oversized": "^",
    "out_of_memory": "v",
    "timeout": "s",
    "stopped": "|",
    "crashed": "X",
}
OTHER_MARKER = "D"


def build_search_figure(
    entries: Sequence[Mapping],
    title: str = "",
    simulated: bool = False,
    chance: float | None = None,
) -> Figure:
    """Draw a search: a panel for the reward, for P, and for the similarity to each region.

    Parameters
    ----------
    entries
        One per candidate, in the order of the history: ``state``; ``reward``, ``P`` and ``TG`` (or
        None, or absent); ``regions``, name to the similarity corrected for noise; ``generation``
        (or an ``id`` like ``g3_c0``, for borders between generations).
    title
        For example the name of the run.
    simulated
        Whether the teacher or the images are; the title says so.
    chance
        Accuracy of guessing; None draws none.
    """
    names = list_regions(entries)
    shown = {key: height for key, height in HEIGHTS.items() if key != "TG" or names}
    figure = build_figure((WIDTH, sum(shown.values()) + 0.9))
    figure.set_layout_engine("constrained", h_pad=0.05)
    panels = figure.subplots(
        len(shown), 1, sharex=True, squeeze=False, height_ratios=list(shown.values())
    )[:, 0]
    plot_rewards(entries, panels[0])
    plot_accuracy(entries, panels[1], chance)
    if names:
        plot_regions(entries, panels[2])
    for ax in panels:
        _draw_generations(ax, entries)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y")
    panels[-1].set_xlabel("candidate, in the order of the history")
    panels[0].set_title(f"{title} (simulated)".strip() if simulated else title)
    return figure


def plot_rewards(entries: Sequence[Mapping], ax: Axes) -> Axes:
    """Draw rewards and the best so far into `ax` and return it.

    Repeated proposals are hollow; candidates without a reward are marked at the lower edge by
    their state.
    """
    order, reward = np.arange(1, len(entries) + 1), collect(entries, "reward")
    repeated = np.array([entry["state"] == "duplicate" for entry in entries], dtype=bool)
    best = calc_running_best(reward)
    ax.step(order, best, where="post", color=DARK, linewidth=1.2, label="best so far")
    ax.plot(order[~repeated], reward[~repeated], "o", color=BLUE, label="reward")
    if repeated.any():
        ax.plot(
            order[repeated],
            reward[repeated],
            "o",
            color=BLUE,
            mfc="white",
            label="repeated proposal",
        )
    _set_limits(ax, reward, len(entries))
    _draw_failures(ax, entries)
    ax.set_ylabel("reward")
    if np.isfinite(best).any():
        label_ends(ax, [(float(best[-1]), f"best {best[-1]:.3f}", DARK)])
    lines = [line for line in ax.lines if not str(line.get_label()).startswith(("_", "best"))]
    if len(lines) > 1:  # with one there is nothing to tell apart
        ax.legend(handles=lines, loc="upper left", bbox_to_anchor=(1.0, 0.75), handletextpad=0.2)
    return ax


def plot_accuracy(entries: Sequence[Mapping], ax: Axes, chance: float | None = None) -> Axes:
    """Draw P of every candidate, and the accuracy of guessing, into `ax` and return it."""
    order, P = np.arange(1, len(entries) + 1), collect(entries, "P")
    ax.plot(order, P, "o", color=DARK, label="P")
    ends = _label_last(P, "P", DARK)
    if chance is not None:
        ax.axhline(chance, color=VERMILION, linewidth=1.2, linestyle=(0, (4, 3)), label="chance")
        ends.append((chance, f"chance {chance:.3g}", VERMILION))
    _set_limits(ax, np.append(P, [0.0] if chance is None else [0.0, chance]), len(entries))
    ax.set_ylabel("P\n(accuracy)")
    label_ends(ax, ends, LEAST / HEIGHTS["P"])
    return ax


def plot_regions(entries: Sequence[Mapping], ax: Axes) -> Axes:
    """Draw the similarity to each region, and TG, their mean, into `ax` and return it."""
    order, names = np.arange(1, len(entries) + 1), list_regions(entries)
    values = {
        name: np.array(
            [_to_number((entry.get("regions") or {}).get(name)) for entry in entries], dtype=float
        )
        for name in names
    }
    ends: list[tuple[float, str, str]] = []
    for number, (name, found) in enumerate(values.items()):
        colour = colour_of(number)
        shape = SHAPES[number % len(SHAPES)]
        ax.plot(order, found, shape, color=colour, ms=4.5, label=name)
        ends += _label_last(found, name, colour)
    TG = collect(entries, "TG")
    if len(names) > 1:
        ax.plot(order, TG, "_", color=DARK, ms=9, mew=1.6, label="TG")
        ends += _label_last(TG, "TG, mean", DARK)
    _set_limits(ax, np.concatenate([[0.0], TG, *values.values()]), len(entries))
    ax.set_ylabel("TG\n(similarity / ceiling)")
    label_ends(ax, ends, LEAST / HEIGHTS["TG"])
    return ax


def list_regions(entries: Sequence[Mapping]) -> list[str]:
    """Names of all regions, in the order in which they come."""
    return list(dict.fromkeys(name for entry in entries for name in entry.get("regions") or {}))


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


def collect(entries: Sequence[Mapping], key: str) -> np.ndarray:
    """Values of a key, (candidate,); NaN where there is none."""
    return np.array([_to_number(entry.get(key)) for entry in entries], dtype=float)


def _to_number(value: Any) -> float:
    return np.nan if value is None else float(value)


def _label_last(values: np.ndarray, name: str, colour: str) -> list[tuple[float, str, str]]:
    """The label of a row of points, at the height of the last of them."""
    finite = values[np.isfinite(values)]
    return [(float(finite[-1]), name, colour)] if len(finite) else []


def _draw_generations(ax: Axes, entries: Sequence[Mapping]) -> None:
    generations = [find_generation(entry) for entry in entries]
    for position, (before, after) in enumerate(pairwise(generations), start=1):
        if before is not None and after is not None and before != after:
            ax.axvline(position + 0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=0)


def _set_limits(ax: Axes, values: np.ndarray, n: int) -> None:
    values = values[np.isfinite(values)]
    low, high = (min(0, values.min()), values.max()) if len(values) else (0.0, 1.0)
    room = 0.08 * ((high - low) or 1.0)
    ax.set_ylim(low - room, high + room)
    ax.set_xlim(0.5, max(1, n) + 0.5)


def _draw_failures(ax: Axes, entries: Sequence[Mapping]) -> None:
    """Mark candidates without a reward just above the lower edge, a marker per state."""
    failed: dict[str, list[int]] = {}
    for position, entry in enumerate(entries, start=1):
        if entry.get("reward") is None:
            failed.setdefault(entry["state"], []).append(position)
    bottom, top = ax.get_ylim()
    bottom -= 0.06 * (top - bottom) * bool(failed)
    ax.set_ylim(bottom, top)
    for state, positions in failed.items():
        ax.plot(
            positions,
            [bottom + 0.05 * (top - bottom)] * len(positions),
            MARKERS.get(state, OTHER_MARKER),
            color=VERMILION,
            ms=6,
            label=f"{state.replace('_', ' ')} ({len(positions)})",
        )
