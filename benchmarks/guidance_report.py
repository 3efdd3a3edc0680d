"""What the early measurements know about the long accuracies: rank correlations and intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import rankdata, spearmanr
from tables import format_table

from tgas_neuro.experiments.statistics import standardise_ranks
from tgas_neuro.figures.panels import Line, Panel, build_panels_figure
from tgas_neuro.figures.style import BLUE, DARK, VERMILION, styled

RESAMPLES = 2000
INTERVAL = (5, 95)  # percentiles: a 90 % interval
ALPHAS = (0.25, 0.5, 1.0, 2.0, 4.0)
PANEL, COLUMNS = (2.7, 1.9), 3  # of the picture [inch]


def correlate(values: np.ndarray, accuracy: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where the values do not differ."""
    if np.ptp(values) == 0:
        return 0.0
    return float(spearmanr(values, accuracy).statistic)


class Outcome:
    """The long accuracies, and how far what is known early is in line with them.

    Parameters
    ----------
    accuracy
        (cell,), of at least two values.
    seed
        Draws the cells of the bootstrap's resamples, the same for all that is rated.
    """

    def __init__(self, accuracy: np.ndarray, seed: int):
        n = len(accuracy)
        resamples = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
        self.accuracy = accuracy
        self._cells = np.vstack([np.arange(n), resamples])
        self._ranks = standardise_ranks(accuracy[self._cells])

    def rate(self, values: np.ndarray) -> dict[str, Any]:
        """Rank correlation of values (cell,) with the accuracy, and its percentile interval."""
        return dict(zip(("r", "interval"), _summarise(self._correlate(values)), strict=True))

    def compare(self, values: np.ndarray, P: np.ndarray) -> dict[str, Any]:
        """By how much the rank correlation of values (cell,) is above that of P, and interval."""
        gains = self._correlate(values) - self._correlate(P)
        return dict(zip(("gain", "interval"), _summarise(gains), strict=True))

    def _correlate(self, values: np.ndarray) -> np.ndarray:
        """Spearman's coefficients of the cells themselves and of every resample."""
        return (standardise_ranks(values[self._cells]) * self._ranks).sum(axis=1)


def _summarise(statistics: np.ndarray) -> tuple[float, list[float]]:
    """The first, of the cells themselves, and the percentile interval of the others."""
    return float(statistics[0]), np.percentile(statistics[1:], INTERVAL).tolist()


def correlate_partially(values: np.ndarray, accuracy: np.ndarray, given: np.ndarray) -> float:
    """Rank correlation of values and accuracy with the ranks of a third quantity held fixed."""
    x, y, z = (rankdata(part) for part in (values, accuracy, given))
    r = np.corrcoef([x, y, z])
    rest = np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    return float((r[0, 1] - r[0, 2] * r[1, 2]) / rest) if rest > 1e-12 else 0.0


def build_report(
    cells: Sequence[dict[str, Any]],
    scores: Mapping[str, Sequence[dict[str, Any]]],
    steps: Sequence[int],
    seed: int = 0,
) -> dict[str, Any]:
    """All correlations with the long accuracy on the validation split.

    Parameters
    ----------
    cells
        Content of the cells' ``cell.json``.
    scores
        Teacher to the scores of every cell, in the same order: step to what `score_network` gives.
    steps
        The early steps.

    Returns
    -------
    report
        ``spread`` of the long accuracies, ``complexity`` (rows of params and macs), ``P`` and
        ``teachers`` (rows for every step, of a teacher with TG, P + TG, the gain over P, TG given
        params, each alpha, the paper's layer choice, every region and layer, and TG without a
        choice of layer).
    """
    accuracy = np.array([cell["long"]["val"]["accuracy"] for cell in cells])
    complexity = {
        name: np.array([cell["complexity"][name] for cell in cells]) for name in ("params", "macs")
    }
    early = {
        str(step): np.array([cell["early"][str(step)]["accuracy"] for cell in cells])
        for step in steps
    }
    outcome = Outcome(accuracy, seed)
    return {
        "n_cells": len(cells),
        "spread": {
            "lowest": float(accuracy.min()),
            "median": float(np.median(accuracy)),
            "highest": float(accuracy.max()),
        },
        "complexity": {name: outcome.rate(values) for name, values in complexity.items()},
        "P": {step: outcome.rate(P) for step, P in early.items()},
        "teachers": {
            teacher: {
                step: _rate_teacher(
                    [score[step] for score in found], P, outcome, complexity["params"]
                )
                for step, P in early.items()
            }
            for teacher, found in scores.items()
        },
    }


def _rate_teacher(
    taken: Sequence[dict[str, Any]], P: np.ndarray, outcome: Outcome, params: np.ndarray
) -> dict[str, Any]:
    """What one teacher knows at one step, from the scores of all cells there."""
    accuracy = outcome.accuracy
    TG, paper = (
        np.array([score["TG"][choice] for score in taken]) for choice in ("crossed", "paper")
    )
    averaged = np.array([average_cells(score["regions"]) for score in taken])
    return {
        "TG": outcome.rate(TG),
        "TG mean": float(TG.mean()),
        "TG sd": float(TG.std()),
        "P sd": float(P.std()),
        "TG given params": correlate_partially(TG, accuracy, params),
        "P + TG": outcome.rate(P + TG),
        "gain of P + TG": outcome.compare(P + TG, P),
        "alphas": {str(alpha): correlate(P + alpha * TG, accuracy) for alpha in ALPHAS},
        "TG, paper's choice": correlate(paper, accuracy),
        "regions": {
            region: correlate(
                np.array([s["regions"][region]["crossed"]["corrected"] for s in taken]), accuracy
            )
            for region in taken[0]["regions"]
        },
        "layers": _rate_layers(taken, accuracy),
        "TG, mean over cells": outcome.rate(averaged),
        "gain of P + TG, mean over cells": outcome.compare(P + averaged, P),
    }


def average_cells(regions: dict[str, Any]) -> float:
    """TG without a choice of layer: the mean over regions of the mean over all cells."""
    found = []
    for region in regions.values():
        cells = [
            layer["all"]
            for name, layer in region["layers"].items()
            if name != "stem" and layer is not None
        ]
        ceiling = 1.0 if region["ceiling"] is None else region["ceiling"]  # None: not corrected
        found.append(float(np.mean(cells)) / ceiling)
    return float(np.mean(found))


def _rate_layers(taken: Sequence[dict[str, Any]], accuracy: np.ndarray) -> dict[str, dict]:
    """Region to layer to the correlation of that layer's similarity, whichever is the best."""
    return {
        region: {
            layer: correlate(
                np.array([score["regions"][region]["layers"][layer]["all"] for score in taken]),
                accuracy,
            )
            for layer in content["layers"]
            if all(score["regions"][region]["layers"][layer] is not None for score in taken)
        }
        for region, content in taken[0]["regions"].items()
    }


def build_table(report: dict[str, Any], steps: Sequence[int]) -> str:
    """TG and P + TG of every teacher at every step, in Markdown."""

    def tell(rated: dict[str, Any]) -> str:
        low, high = rated["interval"]
        return f"{rated['r']:.2f} ({low:.2f} to {high:.2f})"

    head = ["", *(f"{step} steps" for step in steps)]
    lines = [" | ".join(["P", *(tell(report["P"][str(step)]) for step in steps)])]
    for teacher, rows in report["teachers"].items():
        lines.append(
            " | ".join([f"TG, {teacher}", *(tell(rows[str(step)]["TG"]) for step in steps)])
        )
        told = []
        for step in steps:
            row = rows[str(step)]
            low, high = row["gain of P + TG"]["interval"]
            gain = row["gain of P + TG"]["gain"]
            told.append(f"{row['P + TG']['r']:.2f} [{gain:+.2f}, {low:+.2f} to {high:+.2f}]")
        lines.append(" | ".join([f"P + TG, {teacher}", *told]))
    for name, rated in report["complexity"].items():
        lines.append(f"{name} | {tell(rated)}" + " |" * (len(steps) - 1))
    return format_table(head, lines).removesuffix("\n")


@styled()
def draw_report(report: dict[str, Any], steps: Sequence[int]) -> Figure:
    """A panel for each teacher: P, its TG and P + TG by steps, with 90 % intervals."""
    panels = []
    P = [report["P"][str(step)] for step in steps]
    for name, rows in report["teachers"].items():
        colour = VERMILION if name.startswith("control") else BLUE
        found = {key: [rows[str(step)][key] for step in steps] for key in ("TG", "P + TG")}
        lines = [
            Line(key, [one["r"] for one in rated], [one["interval"] for one in rated], shade, style)
            for key, rated, shade, style in (
                ("P", P, DARK, "-"),
                ("TG", found["TG"], colour, ":"),
                ("P + TG", found["P + TG"], colour, "-"),
            )
        ]
        panels.append(Panel(name, lines, colour))
    labels = ("steps of training", "rank correlation")
    return build_panels_figure(panels, [str(step) for step in steps], labels, COLUMNS, PANEL)
