"""The simulated ventral stream: responses of V4 and IT sites to the simulated stimuli."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.simulation.objects import build_objects
from tgas_neuro.simulation.sites import calc_gabor_energies, calc_it_drives, calc_v4_drives

REGIONS = ("V4", "IT")
SITES = {"V4": 128, "IT": 168}  # as in Majaj, Hong et al. 2015
REPETITIONS = (8, 16)
RELIABILITY = (0.2, 0.95)
GAIN_VARIANCE = 0.04
MOST_ATTAINABLE = 0.98  # targets stay below this share of what the shared gain allows


@dataclass(frozen=True)
class SimulatedResponses:
    """Spike counts of simulated sites and the truth behind them.

    Attributes
    ----------
    counts
        (presentation, site), int64: spikes in each presentation. The presentations of a stimulus
        follow each other, and stimuli are in the order of the table.
    rates
        (stimulus, site): the true mean counts.
    repetitions
        (stimulus,): how often each stimulus is presented.
    sites, regions, animals
        (site,): names. The first half of each region belongs to one monkey.
    target_reliability
        (site,): the reliability that each site is meant to have, 0 to 1.
    """

    counts: np.ndarray
    rates: np.ndarray
    repetitions: np.ndarray
    sites: np.ndarray
    regions: np.ndarray
    animals: np.ndarray
    target_reliability: np.ndarray


def calc_attainable_reliability(
    modulation: np.ndarray, repetitions: np.ndarray, gain_variance: float
) -> np.ndarray:
    """Reliability (site,) that no rate can exceed, because the shared gain does not average out.

    It is the limit of the reliability as the rates grow: V / (V + v B), see `calc_rate_scales`.
    """
    signal, _, gain_noise = _calc_variances(modulation, repetitions, gain_variance)
    return signal / (signal + gain_noise)


def calc_rate_scales(
    modulation: np.ndarray, repetitions: np.ndarray, target: np.ndarray, gain_variance: float
) -> np.ndarray:
    """Mean rates that give each site the reliability it is meant to have.

    Parameters
    ----------
    modulation
        m, (stimulus, site): noise-free response divided by its mean over stimuli; positive.
    repetitions
        n, (stimulus,): how often each stimulus is shown.
    target
        (site,), above 0 and below `calc_attainable_reliability`.
    gain_variance
        v: variance of the gain g, whose mean is 1.

    Returns
    -------
    numpy.ndarray
        a, (site,): mean count over stimuli.

    Notes
    -----
    The count in one presentation of stimulus s is Poisson with mean a m_s g, so that its
    variance is a m_s + v a**2 m_s**2 (that of the Poisson, and that of its mean). With n_s
    presentations, averaged:

        signal   a**2 V,                  V = variance of m_s over stimuli
        noise    a A + v a**2 B,          A = mean of m_s / n_s,  B = mean of m_s**2 / n_s

    The correlation over stimuli between the averages of two halves of the presentations is
    r = S / (S + 2 N), where S and N are the variances of signal and noise of the whole;
    Spearman-Brown makes of it 2 r / (1 + r) = S / (S + N), the reliability rho of the average of
    all of them. Solving rho = a**2 V / (a**2 V + a A + v a**2 B) for a:

        a = rho A / (V (1 - rho) - rho v B)
    """
    signal, poisson_noise, gain_noise = _calc_variances(modulation, repetitions, gain_variance)
    return target * poisson_noise / (signal * (1 - target) - target * gain_noise)


def _calc_variances(
    rates: np.ndarray, repetitions: np.ndarray, gain_variance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variances of signal, Poisson noise and gain noise of averages, (site,) each."""
    per_stimulus = rates / repetitions[:, None]
    gain_noise = gain_variance * (rates * per_stimulus).mean(axis=0)
    return rates.var(axis=0), per_stimulus.mean(axis=0), gain_noise


def draw_counts(rates: np.ndarray, gain_variance: float, rng: np.random.Generator) -> np.ndarray:
    """Draw spike counts, one row per presentation.

    Parameters
    ----------
    rates
        (presentation, site): mean counts.
    gain_variance
        Variance of the gain of a presentation, shared by all sites; gamma distributed with mean
        1 (Goris, Movshon and Simoncelli 2014). At 0 the counts are Poisson.
    rng
        Draws gains and counts.

    Returns
    -------
    numpy.ndarray
        int64 (presentation, site).
    """
    gains = np.ones((len(rates), 1))
    if gain_variance > 0:
        gains = rng.gamma(1 / gain_variance, gain_variance, (len(rates), 1))
    return rng.poisson(rates * gains)


def simulate_responses(
    images: np.ndarray,
    table: pd.DataFrame,
    seed: int,
    sites: Mapping[str, int] = SITES,
    repetitions: Sequence[int] = REPETITIONS,
    reliability: Sequence[float] = RELIABILITY,
) -> SimulatedResponses:
    """Simulate the responses of V4 and IT of two monkeys to the stimuli.

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
    names, regions, animals = _name_sites(sites)
    return SimulatedResponses(
        counts=np.hstack(counts),
        rates=np.hstack(rates),
        repetitions=shown,
        sites=names,
        regions=regions,
        animals=animals,
        target_reliability=np.concatenate(targets),
    )


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


def _name_sites(sites: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names, regions and monkeys of the sites, (site,) each."""
    rows = [
        (f"simulated_{region}_{n + 1:03d}", region, f"simulated_{1 if 2 * n < count else 2}")
        for region in REGIONS
        for count in [sites.get(region, 0)]
        for n in range(count)
    ]
    names, regions, animals = zip(*rows, strict=True)
    return np.array(names), np.array(regions), np.array(animals)


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
