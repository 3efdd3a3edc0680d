"""Kendall's tau-a: how many more pairs of dissimilarities two RDMs order alike than unlike."""

import numpy as np


def calc_tau_a(first: np.ndarray, second: np.ndarray) -> float:
    """Calculate Kendall's tau-a, (concordant - discordant) / (n (n - 1) / 2).

    Nili et al. (2014, PLoS Comput Biol 10: e1003553) recommend it where models predict ties: a
    tied pair counts as neither, so that a model cannot gain by leaving an order open. Tau-b and
    Spearman's r, which divide by the untied pairs, prefer such a model to one that predicts the
    same order in detail.

    It costs a sort: concordant minus discordant is a whole number, which follows from scipy's
    tau-b and the pairs tied in each, and is rounded to it (exact up to 5e7 values, where
    n (n - 1) / 2 approaches the 53 bits of a double; beyond, to double precision).

    Parameters
    ----------
    first, second
        (value,), of the same length.

    Returns
    -------
    tau
        In [-1, 1]; 1 is the same order without ties, 0 when either is constant. NaN when there
        are fewer than two values, or one of them is NaN.
    """
    total = _count_pairs(np.array([first.size]))
    if total == 0 or np.isnan(first).any() or np.isnan(second).any():
        return float("nan")
    untied = [total - _count_pairs(np.unique(x, return_counts=True)[1]) for x in (first, second)]
    if 0 in untied:
        return 0.0
    from scipy.stats import kendalltau  # 0.7 s that only those who ask for tau should wait

    tau_b = kendalltau(first, second).statistic
    difference = round(float(tau_b) * untied[0] ** 0.5 * untied[1] ** 0.5)
    return difference / total


def _count_pairs(counts: np.ndarray) -> int:
    """Pairs within groups of these sizes; in 64 bits, as 5,760 stimuli give 1.4e14."""
    counts = counts.astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())
