"""The noise ceiling of a measured RDM: the most that a noise-free model can reach."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.comparisons import compare_rdms
from tgas_neuro.rdm.distances import calc_rdm, take_rows
from tgas_neuro.rdm.repetitions import (
    Repetitions,
    average_repetitions,
    draw_split,
    index_repetitions,
    standardise_sites,
)


@dataclass(frozen=True)
class NoiseCeiling:
    """Split-half reliability of an RDM and the ceiling that follows from it.

    Attributes
    ----------
    split_correlations
        Spearman's r between the RDMs of two halves of the repetitions, (split,); NaN when the
        recordings cannot be split.
    n_rows
        Rows of the RDM that could be split (two repetitions or more).
    """

    split_correlations: np.ndarray
    n_rows: int

    @property
    def split_half(self) -> float:
        """Mean Spearman r between the two halves' RDMs, in [-1, 1]."""
        return float(np.mean(self.split_correlations))

    @property
    def reliability(self) -> float:
        """Spearman-Brown corrected split-half reliability of the whole RDM, 2 r / (1 + r)."""
        r = self.split_half
        return 2 * r / (1 + r) if r > -1 else float("nan")

    @property
    def ceiling(self) -> float | None:
        """The ceiling, sqrt(2 r / (1 + r)), in (0, 1]; None when r <= 0 or there is no r."""
        return sqrt(self.reliability) if self.split_half > 0 else None

    @property
    def interval(self) -> tuple[float, float]:
        """2.5 and 97.5 percentile of r over splits: the spread over splits, not over stimuli."""
        low, high = np.percentile(self.split_correlations, [2.5, 97.5])
        return float(low), float(high)


def calc_noise_ceiling(
    assembly: xr.DataArray,
    n_splits: int,
    generator: np.random.Generator,
    stimulus_ids: np.ndarray | None = None,
    row: np.ndarray | None = None,
    normalise: str = "zscore",
    halves: np.ndarray | None = None,
) -> NoiseCeiling | tuple[NoiseCeiling, NoiseCeiling, NoiseCeiling]:
    """Calculate the noise ceiling of the RDM of an assembly.

    For every split: the repetitions of each stimulus go at random into two halves, each half is
    averaged, z-scored by its own mean and deviation and made into an RDM; Spearman's r between
    the two RDMs. With r the mean over splits the reliability of the full RDM is
    SB = 2 r / (1 + r) (Spearman-Brown). A noise-free model correlates with the measured RDM at
    most sqrt(SB) (attenuation: r(true, measured) = sqrt(reliability), Spearman 1904), so the
    ceiling is the root; dividing by SB or r itself would over-correct.

    Parameters
    ----------
    assembly
        Dims ("presentation", "neuroid").
    n_splits
        Number of random splits, at least 1.
    generator
        Draws the splits.
    stimulus_ids
        (stimulus,), the order of stimuli; sorted identifiers when None.
    row
        (stimulus,), the RDM row of each stimulus: an image of its own, or its object; every
        stimulus is a row of its own when None.
    normalise
        ``"zscore"`` (default) or ``"none"``, per site over rows.
    halves
        (row,), 0 or 1: the crossed halves of the rows. When given, the ceilings of the RDM
        restricted to each half are calculated from the same splits.

    Returns
    -------
    ceiling
        One `NoiseCeiling`, or with `halves` three: of all rows, of half 0 and of half 1.
    """
    if stimulus_ids is None:
        stimulus_ids = np.unique(assembly["stimulus_id"].values.astype(str))
    if row is None:
        row = np.arange(len(stimulus_ids))
    repetitions = index_repetitions(assembly, stimulus_ids, row)
    usable = _find_splittable_rows(repetitions)
    n_rows = len(usable)
    subsets = [np.ones(n_rows, dtype=bool)]
    if halves is not None:
        subsets += [np.asarray(halves) == 0, np.asarray(halves) == 1]
    kept = [torch.from_numpy(subset) & usable for subset in subsets]
    correlations = np.full((len(kept), n_splits), np.nan)
    for split in range(n_splits if usable.sum() >= 3 else 0):
        rdms = [
            calc_rdm(standardise_sites(average_repetitions(repetitions, half)[usable], normalise))
            for half in draw_split(repetitions, generator)
        ]
        for number, keep in enumerate(kept):
            if keep.sum() >= 3:  # fewer rows have no two pairs to correlate
                correlations[number, split] = compare_rdms(
                    *(take_rows(rdm, keep[usable]) for rdm in rdms)
                )
    ceilings = tuple(
        NoiseCeiling(values, int(keep.sum()))
        for values, keep in zip(correlations, kept, strict=True)
    )
    return ceilings if halves is not None else ceilings[0]


def _find_splittable_rows(repetitions: Repetitions) -> torch.Tensor:
    """Rows of which every half holds a presentation: some stimulus has two repetitions."""
    repeated = repetitions.counts >= 2
    n_rows = int(repetitions.row.max()) + 1
    usable = torch.zeros(n_rows, dtype=torch.bool)
    usable[repetitions.row[repeated]] = True
    return usable
