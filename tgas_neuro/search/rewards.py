"""Rewards that depend on the other candidates that are known: z-scores, and what probes taught.

They are a function of the history alone. What a proposal knew can therefore be calculated again,
and a candidate's reward changes as the history grows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean, pstdev

from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry
from tgas_neuro.search.reward_records import RewardBasis, Spread, Standardisation

# Of fewer candidates a standard deviation says too little; P and TG then count as measured.
FEWEST_CANDIDATES = 5


def rate_together(entries: Sequence[Entry], rating: Rating) -> tuple[list[Entry], RewardBasis]:
    """Rate candidates by what is known of all of them.

    Parameters
    ----------
    entries
        All that are known, each rated by itself (`tgas_neuro.search.history.build_entry`).
    rating
        How candidates are ranked.

    Returns
    -------
    entries
        In their order, with the rewards that count. They are the given ones where rewards do not
        depend on other candidates.
    basis
        What the rewards were calculated from, as files hold it; empty in that case.
    """
    if not rating.compares:
        return list(entries), {}
    trained = [entry for entry in entries if entry.original is None]
    if rating.guidance == "learned":
        from tgas_neuro.search.learned import fit_regression, predict_accuracies  # numpy

        regression = fit_regression(trained)
        known = [entry for entry in entries if entry.P is not None]
        rewards: Sequence[float | None] = [entry.P for entry in known]
        if regression is not None:
            rewards = predict_accuracies(known, regression)
        found = {id(entry): reward for entry, reward in zip(known, rewards, strict=True)}
        return [
            replace(entry, reward=found[id(entry)]) if id(entry) in found else entry
            for entry in entries
        ], {"regression": regression}
    standardisation = calc_standardisation((entry.P, entry.TG) for entry in trained)
    rated = [
        replace(entry, reward=rating.rate(entry.measures, standardisation))
        if entry.measures
        else entry
        for entry in entries
    ]
    return rated, {"standardisation": standardisation}


def calc_standardisation(
    measured: Iterable[tuple[float | None, float | None]],
) -> Standardisation | None:
    """Mean and standard deviation of P and TG.

    Parameters
    ----------
    measured
        P and TG of each candidate. Those that have not both, such as failures, do not count.

    Returns
    -------
    standardisation
        The deviation is that of a population, sqrt(mean((x - mean)^2)); 0 where candidates do not
        differ, whose z-scores are all 0. None for fewer than `FEWEST_CANDIDATES`.
    """
    known = [(P, TG) for P, TG in measured if P is not None and TG is not None]
    if len(known) < FEWEST_CANDIDATES:
        return None
    P, TG = zip(*known, strict=True)
    return {"P": _calc_spread(P), "TG": _calc_spread(TG), "of": len(known)}


def _calc_spread(values: Sequence[float]) -> Spread:
    return {"mean": fmean(values), "deviation": pstdev(values)}


def describe_basis(basis: RewardBasis) -> str:
    """What the rewards were calculated from, in words; empty where they depend on nobody else."""
    if "regression" in basis:
        from tgas_neuro.search.learned import describe_regression  # numpy

        return describe_regression(basis["regression"])
    if "standardisation" not in basis:
        return ""
    found = basis["standardisation"]
    if found is None:
        return f"P and TG as measured, as fewer than {FEWEST_CANDIDATES} candidates have both"
    P, TG = (f"{one['mean']:.3f} ± {one['deviation']:.3f}" for one in (found["P"], found["TG"]))
    return f"z-scores over {found['of']} candidates: P {P}, TG {TG}"
