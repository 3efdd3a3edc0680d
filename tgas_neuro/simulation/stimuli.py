"""Simulated images: HvM-like pictures of the objects with their table, and images with classes.

Networks train on the latter: the same objects, other pictures, in one folder a class.
"""

import os
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.simulation.objects import (
    CATEGORIES,
    DEGREES,
    VARIATIONS,
    SimulatedObject,
    build_objects,
    draw_pose,
)
from tgas_neuro.simulation.rendering import render_stimulus

SMALLEST_SIZE = 16  # below this nobody could tell the objects apart


def simulate_stimuli(
    seed: int, images_per_object: dict[str, int], size: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Render the simulated stimuli.

    Parameters
    ----------
    seed
        Determines the objects, their poses and the backgrounds. The picture of an object at a
        level does not depend on how many others there are.
    images_per_object
        How many images of each of the 64 objects, by variation level (``V0``, ``V3``, ``V6``).
    size
        Pixels along each side, at least 16.

    Returns
    -------
    images, table
        uint8 (stimulus, size, size), and one row per stimulus in the same order (by level, then
        category, then object): ``stimulus_id``, ``filename``, ``degrees`` [deg],
        ``category_name``, ``object_name``, ``variation``, the pose (``position_x``,
        ``position_y`` [deg], ``size``, ``rotation_x``, ``rotation_y``, ``rotation_z`` [deg]; see
        `Pose`) and ``background_seed``.

    Raises
    ------
    UserError
        An unknown level, a number below 0, no image at all, or a `size` that is too small.
    """
    check_image_size(size)
    levels = _check_images_per_object(images_per_object)
    objects = build_objects(seed)
    images, rows = [], []
    for variation, count in levels.items():
        for thing in objects.values():
            for number in range(count):
                purpose = ("simulated stimulus", variation, thing.name, number)
                image, row = draw_stimulus(seed, purpose, thing, variation, size)
                images.append(image)
                rows.append(row)
    table = pd.DataFrame(rows)
    ids = [f"simulated_{number:04d}" for number in range(1, len(table) + 1)]
    table.insert(0, "stimulus_id", ids)
    table.insert(1, "filename", [f"{stimulus_id}.png" for stimulus_id in ids])
    return np.stack(images), table


def draw_stimulus(
    seed: int, purpose: tuple[str | int, ...], thing: SimulatedObject, variation: str, size: int
) -> tuple[np.ndarray, dict[str, object]]:
    """Draw one picture of an object, uint8 (size, size), and what is to be known of it.

    `purpose` says which picture it is: pose and background come from generators of their own,
    both derived from (seed, purpose).
    """
    pose = draw_pose(variation, derive_generator(seed, "pose", *purpose))
    background_seed = derive_seed(seed, "background", *purpose)
    row = {
        "degrees": DEGREES,
        "category_name": thing.category,
        "object_name": thing.name,
        "variation": variation,
        **asdict(pose),
        "background_seed": background_seed,
    }
    return render_stimulus(thing, pose, background_seed, size), row


def check_image_size(size: int) -> None:
    """Raise `UserError` unless `size` is a whole number of pixels that suffices."""
    if not isinstance(size, int) or isinstance(size, bool) or size < SMALLEST_SIZE:
        raise UserError(
            f"size of simulated images: {size!r}; give a whole number of pixels, "
            f"{SMALLEST_SIZE} or more"
        )


def _check_images_per_object(images_per_object: dict[str, int]) -> dict[str, int]:
    for variation, count in images_per_object.items():
        check_choice("images_per_object", variation, VARIATIONS)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise UserError(
                f"images_per_object: {variation}: {count!r} is not a number of images: 0, 1, 2, ..."
            )
    if sum(images_per_object.values()) == 0:
        raise UserError(
            f"images_per_object: {images_per_object!r} asks for no image; "
            f"give at least one of {', '.join(VARIATIONS)} a number above 0"
        )
    # The levels' own order, whatever the order of the keys.
    return {name: images_per_object[name] for name in VARIATIONS if images_per_object.get(name)}


SPLITS = ("train", "val")
# Variation levels in turn: half of a class varies moderately, a quarter not at all and a quarter
# strongly, so that a short training finds something to learn and a good network something left.
MIXTURE = ("V3", "V0", "V3", "V6")


def simulate_classification_split(
    folder: str | Path, seed: int, split: str, images_per_class: int, size: int
) -> Path:
    """Render one split of a simulated classification data set as an image folder.

    Parameters
    ----------
    folder
        Where it appears, whole or not at all: ``folder/<category>/<image>.png``. It must not
        exist yet, or be empty.
    seed
        Of the objects (the same seed as that of the stimuli gives the same 64 objects) and of
        poses and backgrounds, which differ from those of the stimuli and between splits.
    split
        ``train`` or ``val``.
    images_per_class
        Images of each of the 8 categories, shared evenly among its 8 objects. Fewer images are
        the first of more.
    size
        Pixels along each side, at least 16.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    UserError
        A bad split, number or size, or a folder that already has something in it.
    """
    folder = Path(folder)
    check_choice("split", split, SPLITS)
    check_image_size(size)
    whole = isinstance(images_per_class, int) and not isinstance(images_per_class, bool)
    if not whole or images_per_class < 1:
        raise UserError(f"images_per_class: {images_per_class!r}; give a whole number, 1 or more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: already exists; delete it to have it rendered again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        _render_split(beside, seed, split, images_per_class, size)
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _render_split(folder: Path, seed: int, split: str, images_per_class: int, size: int) -> None:
    objects = build_objects(seed)
    for category in CATEGORIES:
        (folder / category).mkdir(parents=True)
        members = [thing for thing in objects.values() if thing.category == category]
        for number in range(images_per_class):
            thing = members[number % len(members)]
            variation = MIXTURE[number // len(members) % len(MIXTURE)]
            purpose = ("simulated classification", split, thing.name, number)
            image, _ = draw_stimulus(seed, purpose, thing, variation, size)
            name = f"simulated_{split}_{category.lower()}_{number + 1:05d}.png"
            Image.fromarray(image).save(folder / category / name)
