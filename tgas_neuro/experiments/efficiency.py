"""What guidance saves: random searches, replayed on cells whose measurements are known.

A search draws so many cells, trains each for so many steps, and returns the one that its score
ranks first. Its cost is the number of training images that were seen, its quality the mature
accuracy of what it returns. `tgas_neuro.experiments.searches` replays the strategies that propose
cells by what they know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.searches import rate_strategies
from tgas_neuro.experiments.statistics import INTERVAL, Estimate, standardise
from tgas_neuro.experiments.surrogates import take_values
from tgas_neuro.experiments.table import average_regions
from tgas_neuro.runtime.provenance import derive_generator


@dataclass(frozen=True)
class Scores:
    """What searches see of the cells.

    Attributes
    ----------
    P, TG
        Step to values (cell,); TG of None ranks by P alone, or what stands in its place.
    scale
        Whether P and TG are added (``raw``), or their z-scores over the cells that a search has
        seen (``standardised``).
    """

    P: Mapping[int, np.ndarray]
    TG: Mapping[int, np.ndarray] | None = None
    scale: str = "raw"

    def take(self, cells: np.ndarray) -> "Scores":
        """Of some of the cells, also several times."""
        TG = self.TG and {step: values[cells] for step, values in self.TG.items()}
        return Scores({step: values[cells] for step, values in self.P.items()}, TG, self.scale)

    def rate(self, step: int, drawn: np.ndarray) -> np.ndarray:
        """Scores (search, candidate) of the cells that searches have drawn."""
        P = self.P[step][drawn]
        if self.TG is None:
            return P
        TG = self.TG[step][drawn]
        if self.scale == "raw":
            return P + TG
        return standardise(P) + standardise(TG)


class Factor(TypedDict):
    """How many times as many images P needs.

    Attributes
    ----------
    quality
        The highest that both reach, in [0, 1].
    images
        What P and the guidance need for it.
    factor
        Their ratio.
    """

    quality: float
    images: list[float]
    factor: Estimate


def measure_qualities(
    scores: Scores, truth: np.ndarray, candidates: Sequence[int], orders: np.ndarray
) -> dict[int, np.ndarray]:
    """Step to the mean quality (number of candidates,) of searches.

    Parameters
    ----------
    scores, truth
        Of all cells.
    candidates
        Numbers of candidates.
    orders
        (search, cell), in which cells are drawn.
    """
    found = {}
    for step in scores.P:
        qualities = []
        for number in candidates:
            drawn = orders[:, :number]
            best = scores.rate(step, drawn).argmax(axis=1)
            qualities.append(truth[drawn[np.arange(len(drawn)), best]].mean())
        found[step] = np.array(qualities)
    return found


def draw_curve(
    chosen_on: Mapping[int, np.ndarray],
    measured_on: Mapping[int, np.ndarray],
    images: Mapping[int, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Images, ascending, and the quality that can be had for them.

    For each budget the steps and the number of candidates are chosen that had the highest quality
    on some cells, and its quality on other cells counts.

    Parameters
    ----------
    chosen_on, measured_on
        From `measure_qualities`, on two sets of cells.
    images
        Step to the training images (number of candidates,) that a search sees.
    """
    steps = [step for step in images if step > 0]  # what costs nothing is no training
    cost, choose, count = (
        np.concatenate([one[step] for step in steps]) for one in (images, chosen_on, measured_on)
    )
    order = np.lexsort((-choose, cost))
    cost, choose, count = cost[order], choose[order], count[order]
    best = [int(np.argmax(choose[: place + 1])) for place in range(len(cost))]
    return cost, count[best]


def find_cost(cost: np.ndarray, quality: np.ndarray, wanted: float) -> float:
    """The fewest images for which a curve has the quality that is wanted."""
    return float(cost[np.argmax(quality >= wanted)])


class Searches:
    """All searches on the cells of an experiment, both ways round: chosen here, measured there."""

    def __init__(self, scores: Mapping[str, Scores], truth: np.ndarray, experiment: Experiment):
        options, half = experiment.searches, len(truth) // 2
        self.scores, self.truth, self.half = scores, truth, half
        self.candidates = options.limit(len(truth))
        self.rng = derive_generator(experiment.training.seed, "searches")
        self.seeds, self.resamples = options.seeds, options.resamples
        batch = experiment.training.premature.batch_size
        self.images = {
            step: np.array(self.candidates, float) * step * batch
            for step in experiment.training.steps
        }

    def replay(self, resampled: bool = False) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Guidance to its curve (see `draw_curve`), mean of both ways round.

        Cells are resampled within each half, so that no cell is in both.
        """
        split = self.rng.permutation(len(self.truth))
        halves = [split[: self.half], split[self.half : 2 * self.half]]
        if resampled:
            halves = [self.rng.choice(half, len(half)) for half in halves]
        orders = [
            self.rng.permuted(np.tile(np.arange(self.half), (self.seeds, 1)), axis=1)
            for _ in halves
        ]
        curves = {}
        for name, scores in self.scores.items():
            found = [
                measure_qualities(scores.take(half), self.truth[half], self.candidates, order)
                for half, order in zip(halves, orders, strict=True)
            ]
            cost, there = draw_curve(found[0], found[1], self.images)
            _, here = draw_curve(found[1], found[0], self.images)
            curves[name] = (cost, (there + here) / 2)
        return curves


def rate_efficiency(table: pd.DataFrame, experiment: Experiment) -> dict[str, Any]:
    """Curves of quality by images for P and each guidance, and the factor of images.

    Parameters
    ----------
    table
        From `tgas_neuro.experiments.table.build_table`.
    experiment
        Says what is compared: P, TG, the paper's sum (crossed, raw) and the primary one of the
        primary teacher, and the primary one of its control.

    Returns
    -------
    result
        ``searches`` and ``candidates``; ``guidances``: name to ``images`` and ``quality`` of its
        curve and, but for P, its `Factor`. ``strategies``: see `rate_strategies`.
    """
    strategies = rate_strategies(table, experiment)
    table = average_regions(table)
    first = table[table["repetition"] == 0]
    truth = first.groupby("hash", sort=True)["mature"].first().dropna()
    scores = build_scores(first, truth.index, experiment)
    searches = Searches(scores, truth.to_numpy(), experiment)
    curves = searches.replay()
    again = [searches.replay(resampled=True) for _ in range(searches.resamples)]
    return {
        "searches": searches.seeds,
        "candidates": searches.candidates,
        "guidances": {
            name: {
                "images": cost.tolist(),
                "quality": quality.tolist(),
                **({} if name == "P" else {"factor": compare_curves(name, curves, again)}),
            }
            for name, (cost, quality) in curves.items()
        },
        "strategies": strategies,
    }


def build_scores(rows: pd.DataFrame, cells: pd.Index, experiment: Experiment) -> dict[str, Scores]:
    """The guidances that are compared, by name."""
    primary = experiment.primary

    def take(teacher: str, column: str) -> dict[int, np.ndarray]:
        return {
            step: take_values(rows[rows["steps"] == step], cells, teacher, column)
            for step in experiment.training.steps
        }

    P = take(primary.teacher, "P")
    return {
        "P": Scores(P),
        "TG": Scores(take(primary.teacher, primary.layer_choice)),
        "paper": Scores(P, take(primary.teacher, "crossed"), "raw"),
        "primary": Scores(P, take(primary.teacher, primary.layer_choice), primary.scale),
        "control": Scores(P, take(primary.control, primary.layer_choice), primary.scale),
    }


Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]


def compare_curves(name: str, curves: Curves, again: Sequence[Curves]) -> Factor:
    """The factor of images of one guidance, its interval from resampled cells."""
    quality, images, factor = _calc_factor(curves["P"], curves[name])
    others = [_calc_factor(one["P"], one[name])[2] for one in again]
    low, high = np.percentile(others, INTERVAL)
    interval = [float(low), float(high)]
    return {
        "quality": quality,
        "images": images,
        "factor": {"value": factor, "interval": interval},
    }


def _calc_factor(
    P: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[float, list[float], float]:
    wanted = float(min(P[1].max(), other[1].max()))
    images = [find_cost(*P, wanted), find_cost(*other, wanted)]
    return wanted, images, images[0] / images[1]
