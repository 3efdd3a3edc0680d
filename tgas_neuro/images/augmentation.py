"""Cuts and augmentations of images.

In the final training an augmentation is a function of (seed, epoch, sample) alone. Each sample has
its own uniform numbers in each epoch, drawn by a counter-based generator, and its augmentation does
not depend on its batch or on the number of workers and processes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from tgas_neuro.runtime.seeds import derive_seed

# Numbers drawn for a sample: area, aspect ratio, top, left, mirror.
N_DRAWS = 5

# Inception's random resized crop (Szegedy et al. 2015): share of the area, and aspect ratio.
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)


class Cut(NamedTuple):
    """A part of an image that is resized, and the square that is cut out of the result.

    Attributes
    ----------
    left, top, width, height
        The part, in pixels of the image.
    resized_width, resized_height
        Size of the resized part [pixel].
    x, y
        Upper left corner of the square, in pixels of the resized part.
    """

    left: int
    top: int
    width: int
    height: int
    resized_width: int
    resized_height: int
    x: int = 0
    y: int = 0


def draw_augmentation(seed: int, epoch: int, samples: Sequence[int]) -> np.ndarray:
    """Draw the uniform numbers in [0, 1) that augment these samples, (sample, draw), float32.

    Philox (Salmon et al. 2011) is keyed by (seed, epoch), and its counter is the sample's number.
    No table of all samples is needed, and a row does not depend on the other rows.
    """
    key = derive_seed(seed, "final", "augmentation", epoch)
    draws = np.empty((len(samples), N_DRAWS), dtype=np.float32)
    for row, sample in zip(draws, samples, strict=True):
        philox = np.random.Philox(key=key, counter=[0, 0, 0, int(sample)])
        np.random.Generator(philox).random(N_DRAWS, dtype=np.float32, out=row)
    return draws


def choose_square(width: int, height: int, size: int) -> Cut:
    """Choose the middle square, as wide as the shorter side, resized to `size`."""
    return choose_middle(width, height, size, size)


def choose_centre(width: int, height: int, size: int) -> Cut:
    """Choose the middle square after a resize to 8/7 of `size` (ImageNet: 256, then 224)."""
    return choose_middle(width, height, size, round(size * 8 / 7))


def choose_middle(width: int, height: int, size: int, shorter: int) -> Cut:
    """Choose the middle square after a resize of the shorter side to `shorter`.

    Rounding is that of torchvision's ``Resize`` and ``CenterCrop``: the longer side is rounded
    down, the margins to the nearest pixel, halves to the even one.
    """
    shortest = min(width, height)
    resized_width, resized_height = shorter * width // shortest, shorter * height // shortest
    x, y = round((resized_width - size) / 2), round((resized_height - size) / 2)
    return Cut(0, 0, width, height, resized_width, resized_height, x, y)


def choose_crop(width: int, height: int, size: int, draws: np.ndarray) -> Cut:
    """Choose a part of 8 to 100 % of the area (Szegedy et al. 2015).

    A part that would leave the image is cut at its edge. Torchvision draws another one instead, but
    here the number of draws per sample is fixed.
    """
    area = width * height * (AREA[0] + float(draws[0]) * (AREA[1] - AREA[0]))
    ratio = ASPECT[0] * (ASPECT[1] / ASPECT[0]) ** float(draws[1])
    part_width = max(1, min(width, round((area * ratio) ** 0.5)))
    part_height = max(1, min(height, round((area / ratio) ** 0.5)))
    top = int(float(draws[2]) * (height - part_height + 1))
    left = int(float(draws[3]) * (width - part_width + 1))
    return Cut(left, top, part_width, part_height, size, size)


def shift(pixels: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Shift by up to an eighth of the side, mirror every second image (He et al. 2016, CIFAR).

    What the shift brings in from outside is a reflection of the image.

    Parameters
    ----------
    pixels
        (y, x, rgb), a square.
    draws
        A row of `draw_augmentation`.
    """
    size = len(pixels)
    margin = size // 8
    padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    top, left = (int(draw * (2 * margin + 1)) for draw in draws[2:4])
    return mirror(padded[top : top + size, left : left + size], draws)


def mirror(pixels: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mirror every second image, (y, x, rgb)."""
    if draws[4] >= 0.5:
        return pixels
    # torch's kernel is 9 times as fast as numpy's copy of a view that runs backwards
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    return image[None].flip(-1)[0].permute(1, 2, 0).numpy()


def keep(pixels: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Change nothing."""
    return pixels


def augment_batch(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Mirror half of the images and shift each by up to an eighth of its size, edges repeated."""
    n, _, height, width = x.shape
    most = max(1, height // 8)
    shift_y, shift_x = generator.integers(-most, most + 1, size=(2, n))
    mirrored = generator.random(n) < 0.5
    rows = np.clip(np.arange(height) + shift_y[:, None], 0, height - 1)
    columns = np.clip(np.arange(width) + shift_x[:, None], 0, width - 1)
    columns[mirrored] = columns[mirrored, ::-1]
    image = torch.arange(n, device=x.device)[:, None, None]
    rows = torch.from_numpy(rows).to(x.device)[:, :, None]
    columns = torch.from_numpy(columns.copy()).to(x.device)[:, None, :]
    return x.permute(0, 2, 3, 1)[image, rows, columns].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Augmentation:
    """How images become squares of one size.

    Attributes
    ----------
    view
        ``(width, height, size) -> Cut`` without augmentation.
    crop
        ``(width, height, size, draws) -> Cut`` in training; None takes `view`.
    alter
        ``(pixels, draws) -> pixels``: what happens to the square in training.
    """

    view: Callable[[int, int, int], Cut]
    crop: Callable[[int, int, int, np.ndarray], Cut] | None
    alter: Callable[[np.ndarray, np.ndarray], np.ndarray]


AUGMENTATIONS = {
    "pad_crop": Augmentation(choose_square, None, shift),
    "resized_crop": Augmentation(choose_centre, choose_crop, mirror),
    "none": Augmentation(choose_square, None, keep),
}
