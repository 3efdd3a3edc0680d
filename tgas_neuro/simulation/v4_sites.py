"""Simulated V4 sites: local orientation and texture, in receptive fields that tile the picture."""

import numpy as np

from tgas_neuro.simulation.gabor import GRID, WAVELENGTHS, list_channels
from tgas_neuro.simulation.poses import DEGREES

N_PAIRS = 4  # products of channels that a site listens to
SECOND_ORDER = 0.4  # share of the drive's variance that comes from them


def calc_v4_drives(energies: np.ndarray, n_sites: int, rng: np.random.Generator) -> np.ndarray:
    """Drive of V4 sites, before the rate's nonlinearity.

    Parameters
    ----------
    energies
        (stimulus, channel, row, column), of `calc_gabor_energies`.
    n_sites
        How many.
    rng
        Draws receptive fields and tuning.

    Returns
    -------
    numpy.ndarray
        (stimulus, site), mean 0 and standard deviation 1 over stimuli. It is the weighted sum of
        two standardised parts, pooled over the receptive field: energies around a preferred
        orientation and wavelength, and products of two channels at the same place, as in
        texture models of V4 (Portilla and Simoncelli 2000; Okazawa, Tajima and Komatsu 2015).
    """
    n_stimuli, n_channels = energies.shape[:2]
    maps = energies.reshape(n_stimuli, n_channels, GRID * GRID)
    fields = _draw_receptive_fields(n_sites, rng)
    tuning = _draw_tuning(n_sites, rng)
    first_order = standardise(np.einsum("scj,cj->sj", maps @ fields, tuning))
    second_order = np.zeros((n_stimuli, n_sites))
    for site in range(n_sites):
        for sign in rng.normal(size=N_PAIRS):
            one, other = rng.choice(n_channels, 2, replace=False)
            product = (maps[:, one] * maps[:, other]) @ fields[:, site]
            second_order[:, site] += sign * standardise(product)
    mixed = np.sqrt(1 - SECOND_ORDER) * first_order + np.sqrt(SECOND_ORDER) * standardise(
        second_order
    )
    return standardise(mixed)


def _draw_receptive_fields(n_sites: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian receptive fields (grid point, site); each sums to 1."""
    at = ((np.arange(GRID) + 0.5) / GRID - 0.5) * DEGREES
    x, y = rng.uniform(-3.0, 3.0, (2, n_sites))  # [deg]
    width = rng.uniform(0.5, 1.3, n_sites)  # [deg]
    across = np.exp(-0.5 * ((at[:, None] - x) / width) ** 2)
    down = np.exp(-0.5 * ((at[:, None] - y) / width) ** 2)
    fields = (down[:, None, :] * across[None, :, :]).reshape(GRID * GRID, n_sites)
    return (fields / fields.sum(axis=0)).astype(np.float32)


def _draw_tuning(n_sites: int, rng: np.random.Generator) -> np.ndarray:
    """Weights (channel, site): von Mises in orientation, Gaussian in log-wavelength."""
    wavelengths, angles = np.array(list_channels()).T[:, :, None]
    preferred_angle = rng.uniform(0, np.pi, n_sites)
    preferred_wavelength = np.exp(rng.uniform(*np.log([WAVELENGTHS[0], WAVELENGTHS[-1]]), n_sites))
    sharpness = rng.uniform(1.0, 4.0, n_sites)
    octaves = np.log2(wavelengths / preferred_wavelength)
    return np.exp(sharpness * (np.cos(2 * (angles - preferred_angle)) - 1) - 0.5 * octaves**2)


def standardise(values: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 along the first axis; what is constant becomes 0."""
    centred = values - values.mean(axis=0)
    deviation = centred.std(axis=0)
    return centred / np.where(
        deviation > 1e-9 * np.abs(values).max(initial=1e-30), deviation, np.inf
    )
