"""The similarity of two RDMs."""

import numpy as np
import torch

from tgas_neuro.rdm.streaming.binning import rank_with_ties
from tgas_neuro.runtime.errors import UserError, check_choice


def compare_rdms(
    rdm1: np.ndarray | torch.Tensor, rdm2: np.ndarray | torch.Tensor, method: str = "spearman"
) -> float:
    """Compare two RDMs of the same stimuli.

    Parameters
    ----------
    rdm1, rdm2
        Condensed RDMs, (pair,), in the same order of stimuli.
    method
        ``"spearman"``: Spearman's rank correlation of the two upper triangles, ties at their
        mean rank; the ranks because dissimilarities of a model and a brain are related
        monotonically at best (Kriegeskorte, Mur & Bandettini 2008). ``"pearson"``: without ranks,
        for dissimilarities that are related linearly. ``"kendall"``: Kendall's tau-a, on the CPU,
        for models that predict ties (Nili et al. 2014; see `calc_tau_a`).

    Returns
    -------
    similarity
        In [-1, 1]; 1 is the same order of all pairs. NaN when an RDM holds NaN, and for
        Spearman and Pearson when one is constant; Kendall's tau-a is 0 then.

    Raises
    ------
    UserError
        The method is unknown or the RDMs differ in length.
    """
    check_choice("method", method, METHODS)
    first, second = torch.as_tensor(rdm1), torch.as_tensor(rdm2)
    if first.shape != second.shape or first.ndim != 1:
        raise UserError(
            f"RDMs differ in shape: {tuple(first.shape)} and {tuple(second.shape)}; both must be "
            "condensed RDMs of the same stimuli"
        )
    return METHODS[method](first, second)


def calc_ranks(values: torch.Tensor) -> torch.Tensor:
    """Ranks from 1, ties at their mean rank, float64 (mean ranks above 2**23 need it)."""
    return rank_with_ties(values, 0.0)


def _calc_pearson(first: torch.Tensor, second: torch.Tensor) -> float:
    first = first.to(torch.float64) - first.to(torch.float64).mean()
    second = second.to(torch.float64) - second.to(torch.float64).mean()
    scale = torch.linalg.vector_norm(first) * torch.linalg.vector_norm(second)
    if not scale > 0:  # constant, or NaN inside
        return float("nan")
    return float((first @ second / scale).clamp(-1, 1))


def _calc_spearman(first: torch.Tensor, second: torch.Tensor) -> float:
    if torch.isnan(first).any() or torch.isnan(second).any():
        return float("nan")
    return _calc_pearson(calc_ranks(first), calc_ranks(second))


def _calc_kendall(first: torch.Tensor, second: torch.Tensor) -> float:
    return calc_tau_a(first.cpu().numpy(), second.cpu().numpy())


METHODS = {"spearman": _calc_spearman, "pearson": _calc_pearson, "kendall": _calc_kendall}


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
