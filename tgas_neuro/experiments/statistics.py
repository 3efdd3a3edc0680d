"""How well scores rank cells: rank correlations with the truth, and intervals over cells."""

from typing import NamedTuple, TypedDict

import numpy as np
from scipy.stats import rankdata

from tgas_neuro.runtime.provenance import derive_generator

INTERVAL = (2.5, 97.5)  # percentiles: a 95 % interval
TOP = 10  # cells that a score ranks first


class Estimate(TypedDict):
    """A number and its 95 % interval over resampled cells."""

    value: float
    interval: list[float]


class Rated(TypedDict):
    """How well a score ranks cells.

    Attributes
    ----------
    r
        Spearman's correlation with the truth.
    partial
        The same with size held constant.
    regret
        Highest truth, less the mean truth of the `TOP` cells that the score ranks first.
    """

    r: Estimate
    partial: Estimate
    regret: Estimate


class Measured(NamedTuple):
    """What `Rated` estimates, (row,), of the cells themselves and of the resamples."""

    r: np.ndarray
    partial: np.ndarray
    regret: np.ndarray


class Resamples:
    """Cells drawn with replacement, the same for all scores that are compared.

    Rows of all results: the cells themselves, then the resamples.

    Parameters
    ----------
    truth, size
        (cell,), what the cells reach, and their number of parameters.
    number
        Of the resamples.
    seed
        Draws them.

    Examples
    --------
    >>> cells = np.arange(20.0)
    >>> resamples = Resamples(cells, np.ones(20), 100, seed=0)
    >>> resamples.correlate(resamples.rank(-cells))[0].round(6)
    -1.0
    """

    def __init__(self, truth: np.ndarray, size: np.ndarray, number: int, seed: int):
        n = len(truth)
        drawn = derive_generator(seed, "resamples").integers(n, size=(number, n))
        self.cells = np.vstack([np.arange(n), drawn])
        self.truth = truth
        self._truth, self._size = self.rank(truth), self.rank(size)
        self._between = (self._truth * self._size).sum(axis=1)

    def rank(self, scores: np.ndarray) -> np.ndarray:
        """Ranks (row, cell) of scores (cell,), centred and of length 1; 0 if all are equal."""
        return standardise_ranks(scores[self.cells])

    def rank_sum(self, one: np.ndarray, other: np.ndarray, standardised: bool) -> np.ndarray:
        """The same, of the sum of two scores; standardised, of their z-scores in each row."""
        parts = [scores[self.cells] for scores in (one, other)]
        left, right = (standardise(x) if standardised else x for x in parts)
        return standardise_ranks(left + right)

    def correlate(self, ranks: np.ndarray) -> np.ndarray:
        """Spearman's correlation with the truth, (row,)."""
        return (ranks * self._truth).sum(axis=1)

    def correlate_partially(self, ranks: np.ndarray) -> np.ndarray:
        """Spearman's partial correlation with the truth, given size, (row,).

        With r the correlations of the ranks of x, y and z, it is (r_xy - r_xz r_yz) /
        sqrt((1 - r_xz^2) (1 - r_yz^2)) (Kendall 1942, Biometrika 32); 0 where x or y follows
        from z.
        """
        along = (ranks * self._size).sum(axis=1)
        left = np.sqrt(np.clip(1 - along**2, 0, None) * np.clip(1 - self._between**2, 0, None))
        difference = self.correlate(ranks) - along * self._between
        return np.divide(difference, left, out=np.zeros(len(ranks)), where=left > 1e-6)

    def calc_regret(self, ranks: np.ndarray) -> np.ndarray:
        """Highest truth less the mean of the `TOP` ranked first, (row,).

        Of cells with equal scores, the first of the list are taken.
        """
        truth = self.truth[self.cells]
        first = np.argsort(-ranks, axis=1, kind="stable")[:, :TOP]
        return truth.max(axis=1) - np.take_along_axis(truth, first, axis=1).mean(axis=1)

    def measure(self, ranks: np.ndarray) -> Measured:
        """All that is measured of a score, from its ranks."""
        return Measured(
            self.correlate(ranks), self.correlate_partially(ranks), self.calc_regret(ranks)
        )


def rate(measured: Measured) -> Rated:
    """The estimates of a score."""
    return {
        "r": estimate(measured.r),
        "partial": estimate(measured.partial),
        "regret": estimate(measured.regret),
    }


def compare(measured: Measured, other: Measured) -> Rated:
    """The estimates of a score, less those of another over the same resamples."""
    return rate(Measured(*(one - two for one, two in zip(measured, other, strict=True))))


def estimate(rows: np.ndarray, comparisons: int = 1) -> Estimate:
    """The value of the cells themselves, and the percentile interval of the resamples.

    Parameters
    ----------
    rows
        (row,), the cells themselves and the resamples.
    comparisons
        Intervals that share the 5 % (Bonferroni): each is at ``100 - 5 / comparisons`` percent.

    Examples
    --------
    >>> estimate(np.arange(-1.0, 1001.0))
    {'value': -1.0, 'interval': [25.0, 975.0]}
    >>> estimate(np.arange(-1.0, 1001.0), comparisons=5)
    {'value': -1.0, 'interval': [5.0, 995.0]}
    """
    tail = INTERVAL[0] / comparisons
    interval = np.percentile(rows[1:], (tail, 100 - tail)).tolist()
    return {"value": float(rows[0]), "interval": interval}


def standardise(scores: np.ndarray) -> np.ndarray:
    """z-scores in each row; 0 where all are equal."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = scores.std(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-12)


def standardise_ranks(scores: np.ndarray) -> np.ndarray:
    """Ranks in each row, centred and of length 1; 0 where all are equal."""
    ranks = rankdata(scores, axis=1) - (scores.shape[1] + 1) / 2
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, lengths, out=np.zeros_like(ranks), where=lengths > 0)
