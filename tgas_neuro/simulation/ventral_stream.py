"""The simulated ventral stream: responses of V4 and IT sites to the simulated stimuli."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import build_assembly
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.seeds import derive_generator
from tgas_neuro.simulation.gabor import calc_gabor_energies
from tgas_neuro.simulation.it_sites import calc_it_drives
from tgas_neuro.simulation.objects import build_objects
from tgas_neuro.simulation.trial_noise import (
    calc_attainable_reliability,
    calc_rate_scales,
    draw_counts,
)
from tgas_neuro.simulation.v4_sites import calc_v4_drives

REGIONS = ("V4", "IT")
SITES = {"V4": 128, "IT": 168}  # as in Majaj, Hong et al. 2015
REPETITIONS = (8, 16)
RELIABILITY = (0.2, 0.95)
GAIN_VARIANCE = 0.04
MOST_ATTAINABLE = 0.98  # targets stay below this share of what the shared gain allows
TIME_WINDOW_MS = [70, 170]
STIMULUS_COORDS = ("object_name", "category_name", "variation")


def simulate_responses(
    images: np.ndarray,
    table: pd.DataFrame,
    seed: int,
    sites: Mapping[str, int] = SITES,
    repetitions: Sequence[int] = REPETITIONS,
    reliability: Sequence[float] = RELIABILITY,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Simulate what V4 and IT of two monkeys answer to the stimuli.

    Parameters
    ----------
    images, table
        Of `simulate_stimuli` with the same seed: uint8 (stimulus, size, size) and its table.
    seed
        Determines sites and noise. A region's sites do not depend on those of the other.
    sites
        How many sites, by region (``V4``, ``IT``).
    repetitions
        Fewest and most presentations of a stimulus; each stimulus's number is uniform between.
    reliability
        Least and greatest reliability that a site is meant to have: split-half correlation over
        stimuli, Spearman-Brown corrected to all repetitions. Where the shared gain does not
        allow a target with so few repetitions, it is lowered.

    Returns
    -------
    assembly, noise_free
        Spike counts, dims (presentation, neuroid), and their true means, dims (stimulus,
        neuroid). Besides the coordinates of every assembly: ``target_reliability`` on neuroid.

    Raises
    ------
    UserError
        An unknown region, no sites, or an impossible number of repetitions or reliability.
    """
    _check_options(sites, repetitions, reliability)
    shown = derive_generator(seed, "simulated repetitions").integers(
        repetitions[0], repetitions[1] + 1, len(table)
    )
    energies, objects = calc_gabor_energies(images), build_objects(seed)
    rates, counts, targets = [], [], []
    for region in REGIONS:
        if not sites.get(region):
            continue
        rng = derive_generator(seed, "simulated sites", region)
        if region == "V4":
            drives = calc_v4_drives(energies, sites[region], rng)
        else:
            drives = calc_it_drives(energies, table, objects, sites[region], rng)
        region_rates, target = _calc_rates(drives, shown, reliability, rng)
        noise = derive_generator(seed, "simulated noise", region)
        counts.append(draw_counts(np.repeat(region_rates, shown, axis=0), GAIN_VARIANCE, noise))
        rates.append(region_rates)
        targets.append(target)
    neuroid = _build_neuroid_coords(sites) | {"target_reliability": np.concatenate(targets)}
    return _label(table, shown, np.hstack(counts), np.hstack(rates), neuroid, seed)


def _calc_rates(
    drives: np.ndarray, shown: np.ndarray, reliability: Sequence[float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """True mean counts (stimulus, site) and target reliabilities (site,).

    A rate is the exponential of the drive, so positive and skewed as rates are. Reliable sites
    are mostly those that are tuned more deeply; what is missing is made up by the mean rate.
    """
    low, high = reliability
    target = low + (high - low) * rng.beta(2.2, 1.2, drives.shape[1])
    depth = 0.15 + 0.45 * target * rng.uniform(0.8, 1.2, drives.shape[1])
    modulation = np.exp(depth * np.clip(drives, -3.0, 3.0))
    modulation /= modulation.mean(axis=0)
    limit = calc_attainable_reliability(modulation, shown, GAIN_VARIANCE)
    target = np.minimum(target, MOST_ATTAINABLE * limit)
    return modulation * calc_rate_scales(modulation, shown, target, GAIN_VARIANCE), target


def _build_neuroid_coords(sites: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Names of sites; the first half of each region belongs to one monkey."""
    rows = [
        (f"simulated_{region}_{n + 1:03d}", region, f"simulated_{1 if 2 * n < count else 2}")
        for region in REGIONS
        for count in [sites.get(region, 0)]
        for n in range(count)
    ]
    columns = (np.array(column) for column in zip(*rows, strict=True))
    return dict(zip(("neuroid_id", "region", "animal"), columns, strict=True))


def _label(
    table: pd.DataFrame,
    shown: np.ndarray,
    counts: np.ndarray,
    rates: np.ndarray,
    neuroid: dict[str, np.ndarray],
    seed: int,
) -> tuple[xr.DataArray, xr.DataArray]:
    attrs = {
        "dataset": "simulated",
        "source": f"simulated, seed {seed}",
        "unit": "spikes",
        "time_window_ms": TIME_WINDOW_MS,
    }
    stimulus = {name: table[name].to_numpy(str) for name in ("stimulus_id", *STIMULUS_COORDS)}
    presentation = {name: np.repeat(values, shown) for name, values in stimulus.items()}
    presentation["repetition"] = np.concatenate([np.arange(count) for count in shown])
    noise_free = xr.DataArray(
        rates,
        dims=("stimulus", "neuroid"),
        coords={name: ("stimulus", values) for name, values in stimulus.items()}
        | {name: ("neuroid", values) for name, values in neuroid.items()},
        attrs=attrs,
        name="noise_free",
    )
    return build_assembly(counts, presentation, neuroid, attrs), noise_free


def _check_options(
    sites: Mapping[str, int], repetitions: Sequence[int], reliability: Sequence[float]
) -> None:
    for region, count in sites.items():
        check_choice("sites", region, REGIONS)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise UserError(f"sites: {region}: {count!r} is not a number of sites: 0, 1, 2, ...")
    if sum(sites.values()) == 0:
        raise UserError(f"sites: {dict(sites)!r} asks for no site; give V4 or IT a number above 0")
    if (
        not isinstance(repetitions, list | tuple)
        or len(repetitions) != 2
        or not all(isinstance(count, int) for count in repetitions)
        or not 1 <= repetitions[0] <= repetitions[1]
    ):
        raise UserError(
            f"repetitions: {repetitions!r}; give the fewest and the most presentations of a "
            "stimulus, two whole numbers such as [8, 16], 1 or more"
        )
    if len(reliability) != 2 or not 0 < reliability[0] <= reliability[1] < 1:
        raise UserError(
            f"reliability: {reliability!r}; give the least and the greatest reliability of a "
            "site, such as [0.2, 0.95], above 0 and below 1"
        )
