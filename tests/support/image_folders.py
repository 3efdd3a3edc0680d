"""Small image folders: noise around a colour of the class."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_noise(folder: Path, classes: dict[str, int], size: int = 12, seed: int = 0) -> Path:
    """Noise around a colour of the class: easy to learn, different in each image."""
    generator = np.random.default_rng(seed)
    for number, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        colour = np.array([60 + 90 * (number & 1), 60 + 90 * (number >> 1 & 1), 100])
        for index in range(count):
            pixels = np.clip(colour + generator.normal(0, 25, (size, size, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{index:03}.png")
    return folder
