"""A made file of the form of the laboratory's ventral_neural_data.hdf5, of any size."""

from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

OBJECTS_A_CATEGORY = 8
CATEGORIES = ("Animals", "Boats", "Cars", "Chairs", "Faces", "Fruits", "Planes", "Tables")
POSES = ("rotation_xy", "rotation_xz", "rotation_yz", "size", "translation_y", "translation_z")


@dataclass(frozen=True)
class LabFileForm:
    """How large the made file is; the defaults are the real file's.

    Attributes
    ----------
    images
        Images of each level of variation.
    trials
        Trials of each level of variation.
    sites
        Sites of each region, in the order of the site axis.
    image_size
        Width and height of the images [pixels].
    chunks
        Of the trials (trial, image, site), or None: contiguous.
    """

    images: dict[str, int] = field(default_factory=lambda: {"V0": 640, "V3": 2560, "V6": 2560})
    trials: dict[str, int] = field(default_factory=lambda: {"V0": 28, "V3": 51, "V6": 47})
    sites: dict[str, int] = field(default_factory=lambda: {"V4": 128, "IT": 168})
    image_size: int = 256
    chunks: tuple[int, int, int] | None = None


def write_lab_file(
    path: str | Path, rng: np.random.Generator, form: LabFileForm | None = None
) -> None:
    """Write a file of the laboratory's form with made content (noise; not recorded).

    Images of the levels lie one after another. Sites of the first half of each region are of
    animal ``Chabo``, the others of ``Tito``. The mean response of each site to each image is
    standard normal, trials scatter about it by 1.
    """
    form = form or LabFileForm()
    n_sites = sum(form.sites.values())
    with h5py.File(path, "w") as file:
        _write_images(file, rng, form)
        _write_sites(file, form)
        means = file.create_dataset(
            "time_averaged_trial_averaged", (sum(form.images.values()), n_sites), np.float32
        )
        start = 0
        for level, n_images in form.images.items():
            shape = (form.trials[level], n_images, n_sites)
            trials = file.create_dataset(
                f"time_averaged/variation_level_{level[1:]}", shape, np.float32, chunks=form.chunks
            )
            rates = rng.standard_normal(shape[1:], dtype=np.float32)
            sums = np.zeros(shape[1:])
            for trial in range(shape[0]):
                block = rates + rng.standard_normal(shape[1:], dtype=np.float32)
                trials[trial] = block
                sums += block
            means[start : start + n_images] = sums / shape[0]
            start += n_images


def _write_images(file: h5py.File, rng: np.random.Generator, form: LabFileForm) -> None:
    levels = np.repeat(list(form.images), list(form.images.values()))
    n_images, size = len(levels), form.image_size
    images = file.create_dataset("images", (n_images, size, size), np.uint8)
    for index in range(n_images):
        images[index] = rng.integers(0, 256, (size, size), dtype=np.uint8)
    thing = np.arange(n_images) % (len(CATEGORIES) * OBJECTS_A_CATEGORY)
    category = thing // OBJECTS_A_CATEGORY
    names = {
        "variation_level": levels,
        "category": np.array(CATEGORIES)[category],
        "object_name": np.array(
            [f"{CATEGORIES[c].lower()}_{t:02d}" for c, t in zip(category, thing, strict=True)]
        ),
    }
    for name, values in names.items():
        file[f"image_meta/{name}"] = values.astype("S")
    for name in POSES:
        file[f"image_meta/{name}"] = rng.normal(size=n_images)


def _write_sites(file: h5py.File, form: LabFileForm) -> None:
    animals, start = [], 0
    for region, count in form.sites.items():
        file[f"neural_meta/{region}_NEURONS"] = np.arange(start, start + count)
        half = (count + 1) // 2
        animals += ["Chabo"] * half + ["Tito"] * (count - half)
        start += count
    file["neural_meta/ANIMAL_INFO"] = np.array(animals, dtype="S")
