"""Reliability: of sites over repetitions, and of RDMs across animals."""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.comparisons import calc_ranks, compare_rdms
from tgas_neuro.rdm.repetitions import (
    average_repetitions,
    draw_split,
    index_repetitions,
    list_stimuli,
)
from tgas_neuro.runtime.errors import UserError, check_choice

LEAST_R = -1 / 3  # of which Spearman-Brown makes -1


def calc_site_reliability(
    assembly: xr.DataArray,
    n_splits: int,
    generator: np.random.Generator,
    n_presentations: float | None = None,
) -> np.ndarray:
    """Calculate each site's split-half reliability, as Brain-Score's internal consistency.

    For every split of each stimulus's repetitions into halves: Pearson's r over stimuli between
    the two halves' means, corrected to the full number of repetitions by Spearman-Brown,
    2 r / (1 + r); then the mean over splits.

    Parameters
    ----------
    assembly
        Dims ("presentation", "neuroid").
    n_splits
        Number of random splits, at least 1.
    generator
        Draws the splits.
    n_presentations
        Presentations of a stimulus for whose mean the reliability is meant; those of the assembly
        when None. For k times those of a half, Spearman-Brown is k r / (1 + (k - 1) r).

    Returns
    -------
    reliability
        (neuroid,), in [-1, 1]; 0 or below is noise. A split with r under -1/3 counts as -1, for
        2 r / (1 + r) has a pole at r = -1 and one such split would drown all others.
        NaN for a site that does not vary, and for all sites when fewer than two stimuli have two
        repetitions.
    """
    stimulus_ids = list_stimuli(assembly)
    repetitions = index_repetitions(
        assembly, stimulus_ids, np.arange(len(stimulus_ids)), torch.float32
    )
    repeated = repetitions.counts >= 2
    if repeated.sum() < 2:
        return np.full(assembly.sizes["neuroid"], np.nan)
    halved = float(repetitions.counts[repeated].to(torch.float64).mean()) / 2
    k = 2.0 if n_presentations is None else n_presentations / halved
    total = torch.zeros(assembly.sizes["neuroid"], dtype=torch.float64)
    for _ in range(n_splits):
        first, second = draw_split(repetitions, generator)
        r = _calc_column_correlations(
            average_repetitions(repetitions, first)[repeated],
            average_repetitions(repetitions, second)[repeated],
        )
        r = r.clamp(min=LEAST_R)
        total += k * r / (1 + (k - 1) * r)
    return (total / n_splits).numpy()


def _calc_column_correlations(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Pearson's r of each column over rows, (neuroid,); NaN where a column is constant."""
    first = first - first.mean(dim=0)
    second = second - second.mean(dim=0)
    scale = torch.linalg.vector_norm(first, dim=0) * torch.linalg.vector_norm(second, dim=0)
    return torch.where(scale > 0, (first * second).sum(dim=0) / scale, torch.nan)


def calc_animal_bounds(
    rdms: np.ndarray | torch.Tensor, method: str = "spearman"
) -> tuple[float, float]:
    """Calculate the lower and the upper bound on the mean similarity of a model to the animals.

    Upper: each animal's RDM with the mean of all, which fits them best, its own noise included.
    Lower: each animal's RDM with the mean of the others, a model made of data alone. Both are
    averaged over animals (Nili et al. 2014, PLoS Comput Biol 10:e1003553). They say how much
    animals differ, which repetitions within an animal cannot; so they stand beside the noise
    ceiling and do not replace it.

    RDMs are brought to one scale before they are averaged: to ranks for a comparison by ranks, to
    mean 0 and deviation 1 for Pearson's r.

    Parameters
    ----------
    rdms
        A condensed RDM per animal, (animal, pair), of the same rows in the same order.
    method
        ``"spearman"``, ``"pearson"`` or ``"kendall"``; see `compare_rdms`.

    Returns
    -------
    lower, upper
        In [-1, 1]; NaN where an animal's RDM holds NaN or is constant.

    Raises
    ------
    UserError
        The method is unknown, or there are fewer than two animals: then no other animal says
        anything, and a bound that looks like one would be wrong.
    """
    check_choice("method", method, POOLINGS)
    rdms = torch.as_tensor(rdms)
    if rdms.ndim != 2 or len(rdms) < 2:
        raise UserError(
            f"rdms: shape {tuple(rdms.shape)}; bounds across animals need the condensed RDMs of at "
            "least two animals, (animal, pair); with one animal use its noise ceiling alone"
        )
    scaled = torch.stack([POOLINGS[method](rdm.to(torch.float64)) for rdm in rdms])
    total = scaled.sum(dim=0)
    lower = [compare_rdms(rdm, total - own, method) for rdm, own in zip(rdms, scaled, strict=True)]
    upper = [compare_rdms(rdm, total, method) for rdm in rdms]
    return float(np.mean(lower)), float(np.mean(upper))


def _standardise(rdm: torch.Tensor) -> torch.Tensor:
    return (rdm - rdm.mean()) / rdm.std(correction=0)


POOLINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "spearman": calc_ranks,
    "pearson": _standardise,
    "kendall": calc_ranks,
}
