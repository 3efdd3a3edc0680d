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

from tgas_neuro.runtime.provenance import derive_seed

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


def choose_squashed(width: int, height: int, size: int, side: int) -> Cut:
    """Choose the middle square after a resize of the whole image to a square of `side`."""
    margin = round((side - size) / 2)
    return Cut(0, 0, width, height, side, side, margin, margin)


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


def shift_and_mirror(
    images: torch.Tensor, shift_y: np.ndarray, shift_x: np.ndarray, mirrored: np.ndarray
) -> torch.Tensor:
    """Shift images by whole pixels, repeating their edges, and mirror some of them.

    Parameters
    ----------
    images
        (image, y, x, rgb), of any type.
    shift_y, shift_x
        (image,): the first row and column that are seen, negative ones outside [pixel].
    mirrored
        (image,), bool: left and right are exchanged after the shift.
    """
    n, height, width, _ = images.shape
    rows = np.clip(np.arange(height) + shift_y[:, None], 0, height - 1)
    columns = np.clip(np.arange(width) + shift_x[:, None], 0, width - 1)
    columns[mirrored] = columns[mirrored, ::-1]
    first = np.arange(n)[:, None] * height
    chosen = (first + rows)[:, :, None] * width + columns[:, None, :]
    # one index a pixel: 3 times as fast as an index for each dimension
    index = torch.from_numpy(chosen.ravel()).to(images.device)
    return images.reshape(n * height * width, -1).index_select(0, index).view(images.shape)


def choose_margin(size: int) -> int:
    """Choose the largest shift, an eighth of the side [pixel] (He et al. 2016: 4 of 32)."""
    return max(1, size // 8)


def augment_batch(inputs: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Mirror half of the images of a candidate's batch and shift each by up to an eighth.

    Parameters
    ----------
    inputs
        (image, rgb, y, x), channels last.
    generator
        Draws the shifts and the mirrored images.
    """
    n, _, height, _ = inputs.shape
    most = choose_margin(height)
    shift_y, shift_x = generator.integers(-most, most + 1, size=(2, n))
    mirrored = generator.random(n) < 0.5
    images = inputs.permute(0, 2, 3, 1)
    return shift_and_mirror(images, shift_y, shift_x, mirrored).permute(0, 3, 1, 2)


def shift(images: torch.Tensor, draws: np.ndarray) -> None:
    """Shift by up to an eighth of the side and mirror half of the images, in place.

    The augmentation of CIFAR (He et al. 2016) with edges repeated, as `augment_batch`.

    Parameters
    ----------
    images
        (sample, y, x, rgb), squares.
    draws
        (sample, draw), see `draw_augmentation`.
    """
    most = choose_margin(images.shape[1])
    shift_y, shift_x = (draws[:, 2:4].T * (2 * most + 1)).astype(int) - most
    images.copy_(shift_and_mirror(images, shift_y, shift_x, draws[:, 4] < 0.5))


def mirror(images: torch.Tensor, draws: np.ndarray) -> None:
    """Mirror half of the images (sample, y, x, rgb), in place."""
    for number in np.flatnonzero(draws[:, 4] < 0.5):
        # torch has a kernel for channels last: 9 times as fast as numpy's copy of a reversed view
        image = images[number].permute(2, 0, 1)
        images[number] = image[None].flip(-1)[0].permute(1, 2, 0)


def keep(images: torch.Tensor, draws: np.ndarray) -> None:
    """Change nothing."""


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
        ``(images, draws) -> None``: changes squares (sample, y, x, rgb) in place, in training.
    """

    view: Callable[[int, int, int], Cut]
    crop: Callable[[int, int, int, np.ndarray], Cut] | None
    alter: Callable[[torch.Tensor, np.ndarray], None]


AUGMENTATIONS = {
    "pad_crop": Augmentation(choose_square, None, shift),
    "resized_crop": Augmentation(choose_centre, choose_crop, mirror),
    "none": Augmentation(choose_square, None, keep),
}
