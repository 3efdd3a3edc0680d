"""Clutter behind the simulated objects: noise with a natural spectrum and blurred shapes."""

import math

import numpy as np
import scipy.fft

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
