"""Pictures of posed objects in front of clutter."""

import math

import numpy as np
import scipy.fft

from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.simulation.objects import (
    DEGREES,
    OBJECT_RADIUS,
    Pose,
    SimulatedObject,
    build_rotation,
)

SHAPES = (5, 10)  # fewest and most shapes
CONTRAST = (0.06, 0.12)  # standard deviation of a background, in units of white


def draw_pink_noise(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise (size, size) whose amplitude falls as 1/f as in natural images (Field 1987).

    Its mean is 0 and its standard deviation 1.
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = np.inf  # leaves the mean out
    spectrum = scipy.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32)) / frequency
    noise = scipy.fft.irfft2(spectrum, s=(size, size))
    return noise / noise.std()


def draw_shapes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Overlapping ellipses (size, size) of random place, form, grey and blur; standardised."""
    at = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    image = np.zeros((size, size), dtype=np.float32)
    number = rng.integers(SHAPES[0], SHAPES[1] + 1)
    draw = rng.uniform(
        [-0.6, -0.6, 0.10, 0.04, 0.0, 0.1], [0.6, 0.6, 0.40, 0.20, np.pi, 0.6], (number, 6)
    )
    greys = rng.normal(size=number)
    # Plain Python numbers keep the arrays in single precision.
    for (x, y, long, short, angle, blur), grey in zip(draw.tolist(), greys.tolist(), strict=True):
        dx, dy = at - x, (at - y)[:, None]
        cos, sin = math.cos(angle), math.sin(angle)
        # The ellipse is where this quadratic form of (dx, dy) is 1.
        xx = (cos / long) ** 2 + (sin / short) ** 2
        yy = (sin / long) ** 2 + (cos / short) ** 2
        xy = cos * sin * (long**-2 - short**-2)
        # From 1 to 0 on a ramp around it, whose steepness is that of the blur.
        cover = (0.5 + 0.5 / blur - dx * dx * (xx * 0.5 / blur)) - dy * dy * (yy * 0.5 / blur)
        cover -= (dx * (xy / blur)) * dy
        np.maximum(cover, 0, out=cover)
        np.minimum(cover, 1, out=cover)
        image += cover * (grey - image)
    image -= image.mean()
    return image / max(image.std(), 1e-6)


def draw_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a background (size, size), 0 (black) to 1 (white); nothing of it knows the object."""
    brightness, contrast = rng.uniform(0.25, 0.55), rng.uniform(*CONTRAST)
    mixed = 0.6 * draw_pink_noise(rng, size) + 0.8 * draw_shapes(rng, size)
    return np.clip(brightness + contrast * mixed, 0.0, 1.0)


LIGHT = np.array([-0.45, 0.65, 0.6124], dtype=np.float32)  # upper left, in front; length 1
AMBIENT = 0.30  # share of the light that comes from everywhere
SUPERSAMPLING = 2  # rays along each side of a pixel, against jagged outlines


def cast_ellipsoids(
    centres: np.ndarray, axes: np.ndarray, rotation: np.ndarray, size: int, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cast one ray through every pixel's centre, along z, at a union of ellipsoids.

    Parameters
    ----------
    centres
        (part, 3), x to the right, y up, z towards the viewer, in the unit of `width`.
    axes
        Semi-axes (part, 3) along the ellipsoids' own axes.
    rotation
        (3, 3), turns the ellipsoids' own axes into the viewer's.
    size
        Pixels along each side.
    width
        Width of the image, centred on the origin.

    Returns
    -------
    part, depth
        (size, size) index of the nearest part, -1 where a ray misses all; (size, size) its z,
        float32, -inf for a miss. Rows run downwards.

    Notes
    -----
    A point p of an ellipsoid with centre c satisfies (p - c)' A (p - c) = 1, where
    A = R diag(1 / axes**2) R'. With (dx, dy) the ray's distance from the centre this is
    quadratic in z: A22 z**2 + 2 b z + k = 0, with b = A02 dx + A12 dy and
    k = A00 dx**2 + 2 A01 dx dy + A11 dy**2 - 1; its larger root is the visible one. Rays are
    cast only inside the box that the ellipsoid's shadow fills: its half-widths are the roots of
    the diagonal of R diag(axes**2) R'.
    """
    at = (((np.arange(size) + 0.5) / size - 0.5) * width).astype(np.float32)
    part = np.full((size, size), -1, dtype=np.int16)
    depth = np.full((size, size), -np.inf, dtype=np.float32)
    matrices = calc_ellipsoid_matrices(axes, rotation)
    boxes = _calc_boxes(centres, axes, rotation, size, width)
    for index, (A, (x, y, z), (left, right, top, bottom)) in enumerate(
        zip(matrices.tolist(), centres.tolist(), boxes.tolist(), strict=True)
    ):
        dx, dy = at[left:right] - x, -y - at[top:bottom, None]
        b = A[0][2] * dx + A[1][2] * dy
        k = (A[0][0] * dx * dx - 1) + (2 * A[0][1] * dx) * dy + A[1][1] * dy * dy
        discriminant = b * b - A[2][2] * k
        found = (np.sqrt(np.maximum(discriminant, 0)) - b) * (1 / A[2][2]) + z
        box = (slice(top, bottom), slice(left, right))
        nearer = (discriminant > 0) & (found > depth[box])
        np.copyto(depth[box], found, where=nearer)
        np.copyto(part[box], index, where=nearer, casting="unsafe")
    return part, depth


def _calc_boxes(
    centres: np.ndarray, axes: np.ndarray, rotation: np.ndarray, size: int, width: float
) -> np.ndarray:
    """First and last + 1 column, first and last + 1 row (part, 4) of every part's shadow."""
    half = np.sqrt(((rotation[None] * axes[:, None]) ** 2).sum(axis=2))
    x, y, wide, high = centres[:, 0], -centres[:, 1], half[:, 0], half[:, 1]
    edges = np.stack([x - wide, x + wide, y - high, y + high], axis=1)
    # A pixel's centre is half a pixel to the right of its edge.
    return np.clip(np.ceil((edges / width + 0.5) * size - 0.5), 0, size).astype(int)


def calc_ellipsoid_matrices(axes: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """A = R diag(1 / axes**2) R' of every ellipsoid, (part, 3, 3)."""
    return (rotation[None] / axes[:, None] ** 2) @ rotation.T


def calc_normals(offsets: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Outward normals of length 1, (point, 3): the gradient of (p - c)' A (p - c).

    Parameters
    ----------
    offsets
        p - c, (point, 3): each point's offset from the centre of its ellipsoid.
    matrices
        A, (point, 3, 3), of the ellipsoid that each point lies on.
    """
    gradient = np.einsum("ni,nij->nj", offsets, matrices)
    return gradient / np.sqrt(np.einsum("ni,ni->n", gradient, gradient))[:, None]


def draw_object(
    thing: SimulatedObject, pose: Pose, size: int, supersampling: int = SUPERSAMPLING
) -> tuple[np.ndarray, np.ndarray]:
    """Draw an object on nothing.

    Returns
    -------
    grey, cover
        (size, size) each: the light that comes from the object, 0 to 1, already multiplied by
        the share of the pixel that it covers; and that share, 0 to 1.
    """
    fine = size * supersampling
    rotation, radius = build_rotation(pose), OBJECT_RADIUS * pose.size
    middle = np.array([pose.position_x, pose.position_y, 0.0])
    centres, axes = middle + radius * thing.centres @ rotation.T, radius * thing.axes
    part, depth = cast_ellipsoids(centres, axes, rotation, fine, DEGREES)
    row, column = np.nonzero(part >= 0)
    hit = part[row, column]
    x = ((column + 0.5) / fine - 0.5) * DEGREES
    y = (0.5 - (row + 0.5) / fine) * DEGREES
    points = np.stack([x, y, depth[row, column]], axis=1).astype(np.float32)
    matrices = calc_ellipsoid_matrices(axes, rotation).astype(np.float32)
    normals = calc_normals(points - centres.astype(np.float32)[hit], matrices[hit])
    wave = (rotation @ thing.wave / radius).astype(np.float32)
    texture = 1 - thing.wave_depth * (0.5 + 0.5 * np.sin(points @ wave - middle @ wave))
    shade = AMBIENT + (1 - AMBIENT) * np.maximum(normals @ LIGHT, 0)
    grey = np.zeros((fine, fine), dtype=np.float32)
    grey[row, column] = thing.reflectance[hit] * texture * shade
    return _average_blocks(grey, supersampling), _average_blocks(part >= 0, supersampling)


def _average_blocks(image: np.ndarray, side: int) -> np.ndarray:
    """Mean of every `side` x `side` block; summed by strides, which is much faster than mean."""
    rows = image[::side].astype(np.float32)
    for start in range(1, side):
        rows = rows + image[start::side].astype(np.float32)
    total = rows[:, ::side]
    for start in range(1, side):
        total = total + rows[:, start::side]
    return total / side**2


def render_stimulus(
    thing: SimulatedObject, pose: Pose, background_seed: int, size: int
) -> np.ndarray:
    """Render an object before the clutter of `background_seed`: uint8 (size, size)."""
    grey, cover = draw_object(thing, pose, size)
    background = draw_background(derive_generator(background_seed, "simulated background"), size)
    return np.rint(255.0 * np.clip(grey + (1.0 - cover) * background, 0.0, 1.0)).astype(np.uint8)
