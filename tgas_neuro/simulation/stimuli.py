"""The simulated stimuli: HvM-like pictures of the objects and the table that describes them."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.simulation.objects import (
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
