"""Photograph-like JPEGs in class folders, made once for image_loading.py."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 500, 375  # the most frequent size in ImageNet
QUALITY = 90
CLASSES = 10
GRAIN = 12  # pixels from one colour to the next
NOISE = 6  # levels of 255, up and down


def write_images(folder: Path, number: int) -> Path:
    """Write ``<folder>/<number>/<class>/<image>.jpg`` unless they are there; the folder of it."""
    made = folder / f"{number}"
    if sum(1 for _ in made.glob("*/*.jpg")) == number:
        return made
    for name in {get_class(index) for index in range(number)}:
        (made / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(write_image, [made] * number, range(number), chunksize=50))
    return made


def write_image(folder: Path, index: int) -> None:
    """Write one image, whole or not at all."""
    path = folder / get_class(index) / f"{index:05}.jpg"
    beside = path.with_suffix(".part")
    make_photo(index).save(beside, format="jpeg", quality=QUALITY)
    beside.replace(path)


def make_photo(index: int) -> Image.Image:
    """Smooth like a photograph, with a sensor's noise, the same for an index everywhere."""
    generator = np.random.default_rng(index)
    shape = (HEIGHT // GRAIN + 2, WIDTH // GRAIN + 2, 3)
    few = generator.integers(0, 256, shape, dtype=np.uint8)
    image = Image.fromarray(few).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    noise = generator.integers(-NOISE, NOISE + 1, (HEIGHT, WIDTH, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def get_class(index: int) -> str:
    """Name of the class of an image; neighbours are of different classes."""
    return f"class_{index % CLASSES:02}"
