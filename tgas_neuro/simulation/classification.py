"""Simulated images to train classifiers on: the same objects, other pictures, in folders."""

import os
import secrets
import shutil
from pathlib import Path

from PIL import Image

from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.simulation.objects import CATEGORIES, build_objects
from tgas_neuro.simulation.stimuli import check_image_size, draw_stimulus

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
