"""Bounds across animals: how well any model can match the RDMs of several animals."""

from collections.abc import Callable

import numpy as np
import torch

from tgas_neuro.rdm.comparisons import calc_ranks, compare_rdms
from tgas_neuro.runtime.errors import UserError, check_choice


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
