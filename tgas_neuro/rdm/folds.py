"""Folds: which presentations are taken together when a value is cross-validated."""

from dataclasses import replace

import numpy as np
import torch

from tgas_neuro.rdm.repetitions import Repetitions, draw_split
from tgas_neuro.runtime.errors import UserError, check_choice


def assign_folds(
    repetitions: Repetitions,
    folds: str,
    repetition: np.ndarray | None = None,
    generator: np.random.Generator | None = None,
) -> torch.Tensor:
    """Number the fold of each presentation.

    Parameters
    ----------
    repetitions
        See `Repetitions`.
    folds
        ``"repetitions"``: the same repetition of all stimuli is a fold. ``"halves"``: one random
        split of each stimulus's repetitions (see `draw_split`).
    repetition
        (presentation,), the repetition of each presentation; counted in their order when None.
    generator
        Draws the halves.

    Returns
    -------
    fold
        (presentation,), from 0.

    Raises
    ------
    UserError
        The choice is unknown, or halves are asked for without a generator.
    """
    check_choice("folds", folds, FOLDS)
    return FOLDS[folds](repetitions, repetition, generator).to(repetitions.stimulus.device)


def average_folds(repetitions: Repetitions, fold: torch.Tensor) -> tuple[Repetitions, torch.Tensor]:
    """One response per stimulus and fold: the mean of its presentations there.

    Returns
    -------
    repetitions, fold
        The same with these means as presentations, and the fold of each.
    """
    n_folds = int(fold.max()) + 1
    both, place = torch.unique(repetitions.stimulus * n_folds + fold, return_inverse=True)
    if len(both) == len(fold):
        return repetitions, fold
    shape = (len(both), repetitions.responses.shape[1])
    total = repetitions.responses.new_zeros(shape).index_add_(0, place, repetitions.responses)
    return (
        replace(
            repetitions,
            responses=total / torch.bincount(place)[:, None],
            stimulus=both // n_folds,
        ),
        both % n_folds,
    )


def _take_repetitions(
    repetitions: Repetitions, repetition: np.ndarray | None, generator: np.random.Generator | None
) -> torch.Tensor:
    if repetition is None:
        return _count_earlier(repetitions.stimulus)
    return torch.from_numpy(np.unique(repetition, return_inverse=True)[1])


def _count_earlier(stimulus: torch.Tensor) -> torch.Tensor:
    """How many presentations of the same stimulus came before each, (presentation,)."""
    order = torch.argsort(stimulus, stable=True)
    counts = torch.bincount(stimulus)
    start = counts.cumsum(0) - counts
    place = torch.arange(len(stimulus), device=stimulus.device)
    earlier = torch.empty_like(stimulus)
    earlier[order] = place - start[stimulus[order]]
    return earlier


def _draw_halves(
    repetitions: Repetitions, repetition: np.ndarray | None, generator: np.random.Generator | None
) -> torch.Tensor:
    if generator is None:
        raise UserError(
            "generator: None, but folds: 'halves' are drawn at random; pass a numpy Generator or "
            "use folds: 'repetitions'"
        )
    return draw_split(repetitions, generator)[1].to(torch.int64)


FOLDS = {"repetitions": _take_repetitions, "halves": _draw_halves}
