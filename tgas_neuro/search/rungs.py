"""Rungs: epochs at which a candidate stops early if others were better there.

This is successive halving (Jamieson & Talwalkar 2016, AISTATS) inside the budget of a candidate. As
in the asynchronous form (Li et al. 2020, MLSys, section 3.2), a candidate is compared with those
before it, and nobody waits. They are the history that its proposal saw, never what happens to have
finished by then: a run can be repeated.
"""

import math
from collections.abc import Sequence

from tgas_neuro.config.premature import Premature
from tgas_neuro.search.guidance import Measures, Rating
from tgas_neuro.search.history import Entry
from tgas_neuro.search.measures import name_rung
from tgas_neuro.search.records import Threshold
from tgas_neuro.search.reward_records import Standardisation
from tgas_neuro.search.rewards import calc_standardisation


def list_thresholds(
    entries: Sequence[Entry], premature: Premature, rating: Rating
) -> list[Threshold]:
    """The value that a candidate has to reach at each rung to continue.

    Parameters
    ----------
    entries
        The history that the proposal saw. Stopped candidates count at the rungs that they reached;
        duplicates, which were not trained, do not count.
    premature
        That section of the configuration, with ``rungs`` and ``keep_fraction``.
    rating
        How candidates are ranked.

    Returns
    -------
    thresholds
        For each ``epoch`` the ``threshold``, which is the ceil(keep_fraction * n)-th best value of
        the n = ``of`` candidates that reached it. It is None, which stops nobody, while
        keep_fraction * n is below 1. Where the rating standardises, ``standardisation`` is that of
        P and TG of these candidates at this rung.
    """
    trained = [entry for entry in entries if entry.original is None]
    thresholds: list[Threshold] = []
    for epoch in premature.rungs:
        name = name_rung(epoch)
        standardisation = None
        if rating.standardises:
            share = epoch / premature.epochs
            standardisation, values = _standardise(trained, name, rating, share)
        else:
            values = [entry.rungs[name] for entry in trained if name in entry.rungs]
        kept = premature.keep_fraction * len(values)
        best_first = sorted(values, reverse=True)
        threshold = best_first[math.ceil(kept) - 1] if kept >= 1 else None
        found: Threshold = {"epoch": epoch, "threshold": threshold, "of": len(values)}
        if rating.standardises:
            found["standardisation"] = standardisation
        thresholds.append(found)
    return thresholds


def _standardise(
    entries: Sequence[Entry], rung: str, rating: Rating, share: float
) -> tuple[Standardisation | None, list[float]]:
    """What z-scores at a rung refer to, and the values of the candidates that reached it."""
    measured = [entry.rung_measures[rung] for entry in entries if rung in entry.rung_measures]
    standardisation = calc_standardisation((one["P"], one["TG"]) for one in measured)
    rated = [
        rating.rate(Measures(one["P"], one["TG"], None, 0, 0), standardisation, share)
        for one in measured
    ]
    return standardisation, [value for value in rated if value is not None]
