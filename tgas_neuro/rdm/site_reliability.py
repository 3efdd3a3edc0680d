"""Site reliability: how well a site's responses repeat over halves of the repetitions."""

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.repetitions import (
    average_repetitions,
    draw_split,
    index_repetitions,
    list_stimuli,
)

LEAST_R = -1 / 3  # of which Spearman-Brown makes -1


def calc_site_reliability(
    assembly: xr.DataArray, n_splits: int, generator: np.random.Generator
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
    total = torch.zeros(assembly.sizes["neuroid"], dtype=torch.float64)
    for _ in range(n_splits):
        first, second = draw_split(repetitions, generator)
        r = _calc_column_correlations(
            average_repetitions(repetitions, first)[repeated],
            average_repetitions(repetitions, second)[repeated],
        )
        r = r.clamp(min=LEAST_R)
        total += 2 * r / (1 + r)
    return (total / n_splits).numpy()


def _calc_column_correlations(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Pearson's r of each column over rows, (neuroid,); NaN where a column is constant."""
    first = first - first.mean(dim=0)
    second = second - second.mean(dim=0)
    scale = torch.linalg.vector_norm(first, dim=0) * torch.linalg.vector_norm(second, dim=0)
    return torch.where(scale > 0, (first * second).sum(dim=0) / scale, torch.nan)
