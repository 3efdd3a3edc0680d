"""The course of a search: the reward of each candidate in its order, and the best so far."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

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
