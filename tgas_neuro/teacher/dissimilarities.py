"""RDMs of repeated responses by the teacher's distance: of all sites, and of each animal's."""

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm import calc_crossnobis, calc_rdm
from tgas_neuro.rdm.animals import calc_animal_bounds
from tgas_neuro.rdm.repetitions import (
    average_repetitions,
    index_repetitions,
    standardise_sites,
)
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.region import Shown

MIN_ANIMAL_SITES = 2  # a pattern over one site does not vary


def average_sites(assembly: xr.DataArray, shown: Shown, options: TeacherOptions) -> torch.Tensor:
    """Normalised mean responses of the rows, (row, neuroid), float64."""
    stimulus_ids = shown.stimuli["stimulus_id"].to_numpy()
    repetitions = index_repetitions(assembly, stimulus_ids, shown.rows.of_stimulus)
    return standardise_sites(average_repetitions(repetitions), options.normalise)


def calc_site_rdm(assembly: xr.DataArray, shown: Shown, options: TeacherOptions) -> np.ndarray:
    """RDM of sites, (pair,), float32.

    Correlation, cosine and Euclidean distances are those of the normalised mean responses.
    Crossnobis takes the repetitions; each site is first divided by its deviation over rows where
    ``recordings.normalise`` is zscore, so that none dominates the shrunken covariance.
    """
    if options.distance != "crossnobis":
        return calc_rdm(average_sites(assembly, shown, options), options.distance).numpy()
    stimulus_ids = shown.stimuli["stimulus_id"].to_numpy()
    if options.normalise == "zscore":
        repetitions = index_repetitions(assembly, stimulus_ids, shown.rows.of_stimulus)
        deviation = average_repetitions(repetitions).std(dim=0, correction=0).numpy()
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        assembly = assembly.copy(data=(assembly.values * scale).astype(np.float32))
    return calc_crossnobis(assembly, stimulus_ids, shown.rows.of_stimulus)


def describe_animals(
    assembly: xr.DataArray, shown: Shown, options: TeacherOptions
) -> dict[str, float]:
    """How well the animals agree: bounds across them (Nili et al. 2014), attributes of a region.

    ``animal_lower`` and ``animal_upper`` are NaN with fewer than two animals of two sites each,
    and where RDMs are not what is compared (cka).
    """
    animal = assembly["animal"].values.astype(str)
    names, counts = np.unique(animal, return_counts=True)
    names = names[counts >= MIN_ANIMAL_SITES]
    bounds = (np.nan, np.nan)
    if len(names) >= 2 and options.comparison != "cka":
        rdms = [
            calc_site_rdm(assembly.isel(neuroid=np.flatnonzero(animal == name)), shown, options)
            for name in names
        ]
        bounds = calc_animal_bounds(np.stack(rdms), options.comparison)
    lower, upper = bounds
    return {"animal_lower": lower, "animal_upper": upper, "n_animals": len(names)}
