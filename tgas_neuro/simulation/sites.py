"""Simulated sites: how V4 and IT respond to the pictures, before noise.

They listen to oriented energy: Gabor filters in quadrature, normalised by their neighbours.
"""

import numpy as np
import pandas as pd
import scipy.fft

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.objects import CATEGORIES, DEGREES, Pose, SimulatedObject
from tgas_neuro.simulation.rendering import draw_object

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
    shortest, longest = np.log([WAVELENGTHS[0], WAVELENGTHS[-1]])
    preferred_wavelength = np.exp(rng.uniform(shortest, longest, n_sites))
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


SHAPE_SIZE = 16  # pixels along each side of the view from which shape is taken

# How a site's variance is shared, on average: category, object, shape, V4-like signal. Sites
# differ around it (Dirichlet; the sum says how little): some care for hardly anything but shape.
SHARES = (3.0, 1.6, 1.6, 1.2)

# Categories and objects lie in spaces of few dimensions, and a site prefers a direction there:
# some categories are alike, and many sites say the same, as in IT (Kiani et al. 2007; Lehky et
# al. 2014). Independent preferences would make an RDM that depends on which sites were found.
CATEGORY_DIMENSIONS = 6
OBJECT_DIMENSIONS = 8
NATURAL = ("Animals", "Faces", "Fruits")


def calc_shape_views(table: pd.DataFrame, objects: dict[str, SimulatedObject]) -> np.ndarray:
    """Each stimulus's object, turned as it is, but centred, at size 1 and without clutter.

    Returns
    -------
    numpy.ndarray
        (stimulus, `SHAPE_SIZE` ** 2): grey levels, and so the same at every position and size.

    Raises
    ------
    UserError
        The table names an object that these objects do not have.
    """
    columns = ["object_name", "rotation_x", "rotation_y", "rotation_z"]
    views = []
    for name, *turns in table[columns].itertuples(index=False):
        if name not in objects:
            raise UserError(
                f"object_name: {name!r} is not one of the {len(objects)} simulated objects; "
                "responses need the table that simulate_stimuli gave"
            )
        pose = Pose(**dict(zip(columns[1:], turns, strict=True)))
        views.append(draw_object(objects[name], pose, SHAPE_SIZE)[0].ravel())
    return np.array(views)


def calc_it_drives(
    energies: np.ndarray,
    table: pd.DataFrame,
    objects: dict[str, SimulatedObject],
    n_sites: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Drive of IT sites, before the rate's nonlinearity.

    Parameters
    ----------
    energies
        (stimulus, channel, row, column), of `calc_gabor_energies`.
    table
        Of `simulate_stimuli`, in the same order.
    objects
        Of `build_objects` with the seed of the stimuli.
    n_sites
        How many.
    rng
        Draws preferences.

    Returns
    -------
    numpy.ndarray
        (stimulus, site), mean 0 and standard deviation 1 over stimuli.
    """
    category = pd.Categorical(table["category_name"], categories=CATEGORIES).codes
    thing = pd.Categorical(table["object_name"], categories=list(objects)).codes
    category_space, object_space = _draw_spaces(len(objects), rng)
    views = calc_shape_views(table, objects)
    parts = [
        _project(category_space[category], n_sites, rng),
        _project(object_space[thing], n_sites, rng),
        _project(views - views.mean(axis=0), n_sites, rng),
        calc_v4_drives(energies, n_sites, rng),
    ]
    shares = rng.dirichlet(SHARES, n_sites)
    return standardise(np.einsum("psj,jp->sj", np.stack(parts), np.sqrt(shares)))


def _draw_spaces(n_objects: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places (category, dimension) and (object, dimension); the first is natural or man-made."""
    categories = rng.normal(size=(len(CATEGORIES), CATEGORY_DIMENSIONS))
    categories[:, 0] = [1.0 if category in NATURAL else -1.0 for category in CATEGORIES]
    return categories, rng.normal(size=(n_objects, OBJECT_DIMENSIONS))


def _project(features: np.ndarray, n_sites: int, rng: np.random.Generator) -> np.ndarray:
    """What sites with random preferences make of features (stimulus, feature); standardised."""
    return standardise(features @ rng.normal(size=(features.shape[1], n_sites)))
