"""RDMs of repeated responses by the teacher's distance: of all sites, and of each animal's."""

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm import calc_crossnobis, calc_rdm
from tgas_neuro.rdm.animals import calc_animal_bounds
from tgas_neuro.rdm.repetitions import (
    Repetitions,
    average_repetitions,
    index_repetitions,
    standardise_sites,
)
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.region import Shown

MIN_ANIMAL_SITES = 2  # a pattern over one site does not vary

Parts = tuple[xr.DataArray, ...]  # an assembly per data set, on the same stimuli


def index_parts(parts: Parts, shown: Shown) -> list[Repetitions]:
    """Responses of each data set with the stimulus and row number of each presentation."""
    stimulus_ids = shown.stimuli["stimulus_id"].to_numpy()
    return [index_repetitions(part, stimulus_ids, shown.rows.of_stimulus) for part in parts]


def average_sites(parts: Parts, shown: Shown, options: TeacherOptions) -> torch.Tensor:
    """Normalised mean responses of the rows, sites side by side, (row, neuroid), float64."""
    means = [average_repetitions(repetitions) for repetitions in index_parts(parts, shown)]
    return standardise_sites(torch.cat(means, dim=1), options.normalise)


def calc_site_rdm(parts: Parts, shown: Shown, options: TeacherOptions) -> np.ndarray:
    """RDM of sites, (pair,), float32.

    Correlation, cosine and Euclidean distances are those of the normalised mean responses.
    Crossnobis takes the repetitions. Sites of different data sets, which were not recorded at the
    same time, share no noise: with a covariance of blocks, the squared distance of all sites is
    the sum of those of the data sets, and per neuroid it is their mean, weighted by neuroids.
    """
    if options.distance != "crossnobis":
        return calc_rdm(average_sites(parts, shown, options), options.distance).numpy()
    rdms = [_calc_crossnobis(part, shown, options) for part in parts]
    n_sites = [part.sizes["neuroid"] for part in parts]
    return np.average(np.stack(rdms).astype(float), axis=0, weights=n_sites).astype(np.float32)


def _calc_crossnobis(assembly: xr.DataArray, shown: Shown, options: TeacherOptions) -> np.ndarray:
    """Crossnobis distances of one data set, (pair,), float32.

    Each site is first divided by its deviation over rows where ``recordings.normalise`` is zscore,
    so that none dominates the shrunken covariance.
    """
    stimulus_ids = shown.stimuli["stimulus_id"].to_numpy()
    if options.normalise == "zscore":
        repetitions = index_repetitions(assembly, stimulus_ids, shown.rows.of_stimulus)
        deviation = average_repetitions(repetitions).std(dim=0, correction=0).numpy()
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        assembly = assembly.copy(data=(assembly.values * scale).astype(np.float32))
    return calc_crossnobis(assembly, stimulus_ids, shown.rows.of_stimulus)


def describe_animals(parts: Parts, shown: Shown, options: TeacherOptions) -> dict[str, float]:
    """How well the animals agree: bounds across them (Nili et al. 2014), attributes of a region.

    An animal of the same name in two data sets is the same.
    ``animal_lower`` and ``animal_upper`` are NaN with fewer than two animals of two sites each,
    and where RDMs are not what is compared (cka).
    """
    animals = [part["animal"].values.astype(str) for part in parts]
    names, counts = np.unique(np.concatenate(animals), return_counts=True)
    names = names[counts >= MIN_ANIMAL_SITES]
    bounds = (np.nan, np.nan)
    if len(names) >= 2 and options.comparison != "cka":
        rdms = [calc_site_rdm(_take_animal(parts, name), shown, options) for name in names]
        bounds = calc_animal_bounds(np.stack(rdms), options.comparison)
    lower, upper = bounds
    return {"animal_lower": lower, "animal_upper": upper, "n_animals": len(names)}


def _take_animal(parts: Parts, name: str) -> Parts:
    found = [np.flatnonzero(part["animal"].values.astype(str) == name) for part in parts]
    return tuple(
        part.isel(neuroid=sites) for part, sites in zip(parts, found, strict=True) if len(sites)
    )
