"""Rungs: epochs at which a candidate stops early when others were better there.

Successive halving inside a candidate's budget. What a candidate is compared with is the history
that its proposal saw, never what happens to have finished by then, so that a run repeats.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tgas_neuro.search.guidance import name_rung
from tgas_neuro.search.history import Entry


def list_thresholds(entries: Sequence[Entry], premature: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The value that a candidate has to reach at each rung to go on.

    Successive halving (Jamieson & Talwalkar 2016, AISTATS) keeps the best fraction of those that
    reached a rung. Here, as in its asynchronous form (Li et al. 2020, MLSys, section 3.2), a
    candidate is compared with those that were there before it, and nobody waits.

    Parameters
    ----------
    entries
        The history that the proposal saw. The stopped ones count at the rungs that they reached;
        duplicates, which were not trained, do not.
    premature
        Its ``rungs`` [epoch], ascending, and where there are any ``keep_fraction`` in (0, 1).

    Returns
    -------
    rungs
        For each ``epoch``, the ``threshold`` and of how many candidates ``of`` it was made: the
        ceil(keep_fraction * of)-th best value. None, which stops nobody, while keep_fraction * of
        is below 1.
    """
    rungs = []
    for epoch in premature["rungs"]:
        name = name_rung(epoch)
        values = sorted(
            (
                entry.rungs[name]
                for entry in entries
                if entry.original is None and name in entry.rungs
            ),
            reverse=True,
        )
        kept = premature["keep_fraction"] * len(values)
        threshold = values[math.ceil(kept) - 1] if kept >= 1 else None
        rungs.append({"epoch": epoch, "threshold": threshold, "of": len(values)})
    return rungs


def describe_stop(rungs: Sequence[Mapping[str, Any]]) -> str:
    """Why a candidate was stopped at the last of the rungs in its record."""
    last = rungs[-1]
    value = "no value" if last["value"] is None else f"{last['value']:.3f}"
    return (
        f"{value} after {last['epoch']:g} epochs, {last['threshold']:.3f} was needed there to be "
        f"among the best of {last['of']} candidates (premature.keep_fraction)"
    )
