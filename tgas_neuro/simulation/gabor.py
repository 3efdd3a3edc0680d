"""Oriented energy: Gabor filters in quadrature, normalised by their neighbours."""

import numpy as np
import scipy.fft

from tgas_neuro.simulation.objects import DEGREES

WAVELENGTHS = (0.6, 1.1, 2.0)  # [deg]
N_ORIENTATIONS = 6
GRID = 16  # points along each side at which energies are kept
OCTAVES = 1.2  # bandwidth, full width at half height, as is usual in V1 and V4 models
BATCH = 64  # images filtered at a time, which bounds the memory
SEMI_SATURATION = 0.03  # energy at which the normalisation sets in


def list_channels() -> list[tuple[float, float]]:
    """(wavelength [deg], orientation [rad]) of every channel, in the order of the energies."""
    angles = np.arange(N_ORIENTATIONS) * np.pi / N_ORIENTATIONS
    return [(wavelength, float(angle)) for wavelength in WAVELENGTHS for angle in angles]


def build_gabor_bank(size: int, degrees_per_pixel: float) -> np.ndarray:
    """Transfer functions (channel, size, size), for `scipy.fft.fft2` of a square image.

    Each is a Gaussian around one frequency and nothing around its negative, so that the filtered
    image is complex: real and imaginary part are the even and the odd Gabor. The gain is 1 at
    the peak and 0 for a uniform picture; the standard deviation is the same in both directions.
    """
    frequency = scipy.fft.fftfreq(size, degrees_per_pixel)
    filters = []
    for wavelength, angle in list_channels():
        peak = 1.0 / wavelength
        # Half height is where the Gaussian is 1/2: OCTAVES apart, symmetric around the peak.
        half_width = peak * (2**OCTAVES - 1) / (2**OCTAVES + 1)
        deviation = half_width / np.sqrt(2 * np.log(2))
        fx = frequency[None, :] - peak * np.cos(angle)
        fy = frequency[:, None] - peak * np.sin(angle)
        filters.append(np.exp(-(fx**2 + fy**2) / (2 * deviation**2)))
    bank = np.array(filters, dtype=np.float32)
    bank[:, 0, 0] = 0.0  # brightness alone has no energy
    return bank


def calc_gabor_energies(images: np.ndarray) -> np.ndarray:
    """Normalised energy of every channel on a coarse grid.

    Parameters
    ----------
    images
        uint8 (stimulus, size, size), 8 degrees wide.

    Returns
    -------
    numpy.ndarray
        float32 (stimulus, channel, row, column), 0 to 1: the magnitude of the complex Gabor,
        averaged around each of `GRID` x `GRID` points and divided by the sum over channels there
        plus a constant (divisive normalisation; Heeger 1992, Carandini and Heeger 2012), so
        that it says which orientations there are more than how much contrast.
    """
    size = images.shape[-1]
    margin = size // 4  # mirrored margins: the picture's edge must not look like an edge
    bank = build_gabor_bank(size + 2 * margin, DEGREES / size)
    pool = _build_pooling(size)
    pooled = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH].astype(np.float32) / 255.0
        batch = np.pad(batch, ((0, 0), (margin, margin), (margin, margin)), mode="symmetric")
        spectra = scipy.fft.fft2(batch)
        for spectrum in spectra:
            filtered = np.abs(scipy.fft.ifft2(spectrum * bank))
            inner = filtered[:, margin : margin + size, margin : margin + size]
            pooled.append(pool @ inner @ pool.T)
    energies = np.array(pooled, dtype=np.float32)
    return energies / (energies.sum(axis=1, keepdims=True) + SEMI_SATURATION)


def _build_pooling(size: int) -> np.ndarray:
    """Weights (GRID, size) of Gaussian averages around evenly spaced points; rows sum to 1."""
    at, points = (np.arange(size) + 0.5) / size, (np.arange(GRID) + 0.5) / GRID
    weights = np.exp(-0.5 * ((at[None, :] - points[:, None]) * GRID / 0.7) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
