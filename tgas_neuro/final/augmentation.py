"""Augmentation of training images, decided by (seed, epoch, sample) and by nothing else.

Each epoch has one table of uniform numbers, a row per sample. A worker that loads sample i reads
row i, so what happens to an image depends neither on the number of workers nor on their order.
"""

import numpy as np
from PIL import Image

from tgas_neuro.seeds import derive_generator

# Columns of the table: size, aspect ratio, top, left, mirror.
N_DRAWS = 5

# Inception's random resized crop (Szegedy et al. 2015): share of the area, and aspect ratio.
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)


def draw_augmentation(seed: int, epoch: int, n_samples: int) -> np.ndarray:
    """Uniform numbers in [0, 1), (sample, draw), float32: what happens to each image."""
    generator = derive_generator(seed, "final", "augmentation", epoch)
    return generator.random((n_samples, N_DRAWS), dtype=np.float32)


def augment_pad_crop(image: Image.Image, size: int, draws: np.ndarray) -> Image.Image:
    """Shift by up to an eighth of the side, mirror every second image (He et al. 2016, CIFAR).

    What the shift brings in from outside is a reflection of the image.
    """
    pixels = np.asarray(resize_square(image, size))
    margin = size // 8
    padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    top, left = (int(draw * (2 * margin + 1)) for draw in draws[2:4])
    return _mirror(Image.fromarray(padded[top : top + size, left : left + size]), draws[4])


def augment_resized_crop(image: Image.Image, size: int, draws: np.ndarray) -> Image.Image:
    """Take a part of 8 to 100 % of the area, resize it to a square, mirror every second image.

    A part that would leave the image is cut to its edge (rather than drawn again, as torchvision
    does: the number of draws per sample is fixed).
    """
    width, height = image.size
    area = width * height * (AREA[0] + float(draws[0]) * (AREA[1] - AREA[0]))
    ratio = ASPECT[0] * (ASPECT[1] / ASPECT[0]) ** float(draws[1])
    part_width = max(1, min(width, round((area * ratio) ** 0.5)))
    part_height = max(1, min(height, round((area / ratio) ** 0.5)))
    top = int(float(draws[2]) * (height - part_height + 1))
    left = int(float(draws[3]) * (width - part_width + 1))
    box = (left, top, left + part_width, top + part_height)
    return _mirror(image.resize((size, size), Image.Resampling.BILINEAR, box=box), draws[4])


def augment_nothing(image: Image.Image, size: int, draws: np.ndarray) -> Image.Image:
    """The image as the validation split would see it; uses none of the draws."""
    return resize_square(image, size)


def _mirror(image: Image.Image, draw: float) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if draw < 0.5 else image


def resize_square(image: Image.Image, size: int) -> Image.Image:
    """Resize the shorter side to `size` [pixel] and cut the middle square."""
    return _resize_middle(image, size, size)


def resize_middle(image: Image.Image, size: int) -> Image.Image:
    """Resize the shorter side to 8/7 of `size` and cut the middle square (ImageNet: 256, 224)."""
    return _resize_middle(image, round(size * 8 / 7), size)


def _resize_middle(image: Image.Image, shorter: int, size: int) -> Image.Image:
    width, height = image.size
    if (width, height) == (size, size) == (shorter, shorter):
        return image
    # The middle square is cut and resized in one step: one interpolation.
    side = size * min(width, height) / shorter
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box)


# Augmentation of the training images, and how the validation images are prepared beside it.
AUGMENTATIONS = {
    "pad_crop": (augment_pad_crop, resize_square),
    "resized_crop": (augment_resized_crop, resize_middle),
    "none": (augment_nothing, resize_square),
}
