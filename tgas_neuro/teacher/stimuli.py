"""How a network sees the stimuli of a teacher: images in a field of view, at any size."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.images.pixels import BROKEN, decode_pixels, resize_pixels
from tgas_neuro.recordings.stimuli import validate_images
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.recorded.joining import (
    join_tables,
    load_tables,
    split_purposes,
    stack_tables,
)
from tgas_neuro.teacher.teacher import REGION_VARIABLES, Teacher

GREY = (128, 128, 128)  # what surrounds an image smaller than the field of view


def show_image(pixels: np.ndarray, degrees: float, size: int, visual_degrees: float) -> np.ndarray:
    """Place an image in the field of view.

    Parameters
    ----------
    pixels
        (y, x, rgb), uint8; the width spans `degrees`.
    degrees
        Width of the image [deg], above 0.
    size
        Width and height of the field of view [pixel].
    visual_degrees
        Width and height of the field of view [deg]. A smaller image is centred on grey, a
        larger one loses its border, as on Brain-Score's screen.

    Returns
    -------
    seen
        (y, x, rgb), uint8.
    """
    width = max(1, round(size * degrees / visual_degrees))
    height = max(1, round(width * pixels.shape[0] / pixels.shape[1]))
    resized = resize_pixels(pixels, width, height)
    left, top = (size - width) // 2, (size - height) // 2
    inside = resized[max(0, -top) : size - top, max(0, -left) : size - left]
    y, x = max(0, top), max(0, left)
    field = np.full((size, size, 3), GREY, dtype=np.uint8)
    field[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return field


def show_stimuli(
    stimuli: pd.DataFrame, folder: str | Path, size: int, visual_degrees: float
) -> np.ndarray:
    """Show all stimuli of a table in its order, (stimulus, y, x, rgb), uint8 (see `show_image`)."""
    seen = np.empty((len(stimuli), size, size, 3), dtype=np.uint8)
    for number, (filename, degrees) in enumerate(
        zip(stimuli["filename"], stimuli["degrees"], strict=True)
    ):
        path = Path(folder) / filename
        try:
            pixels = decode_pixels(path.read_bytes())
        except FileNotFoundError:
            raise UserError(
                f"{path}: image is missing; restore it or run the recordings stage again"
            ) from None
        except BROKEN as error:
            raise UserError(f"{path}: not a readable image ({error}); replace it") from None
        seen[number] = show_image(pixels, float(degrees), size, visual_degrees)
    return seen


def resize_stimuli(
    teacher: Teacher, sources: Mapping[str, Source], size: int, visual_degrees: float
) -> Teacher:
    """Show a teacher's stimuli at another size; its RDMs, rows, halves and ceilings stay.

    Parameters
    ----------
    teacher
        Of any kind.
    sources
        Region to where it comes from, as when the teacher was built.
    size
        Width and height of the field of view [pixel].
    visual_degrees
        The same [deg]; that of the teacher, for the same stimuli.

    Raises
    ------
    UserError
        A stimulus is missing, or another one than the teacher was built with.
    """
    images: dict[tuple, np.ndarray] = {}  # regions on the same stimuli share them
    regions = {}
    for name, region in teacher.regions.items():
        source, shown = sources[name], region["stimulus"].values.astype(str)
        folder = source.first
        key = (folder, source.join, source.degrees, tuple(source.folders), *shown)
        if key not in images:
            stimuli = _find_stimuli(source, shown, name)
            images[key] = show_stimuli(stimuli, folder / "stimuli", size, visual_degrees)
        regions[name] = region.drop_vars("images").assign(
            images=(REGION_VARIABLES["images"], images[key])
        )
    return replace(teacher, regions=regions)


def _find_stimuli(source: Source, shown: np.ndarray, name: str) -> pd.DataFrame:
    """The stimuli of a region in the teacher's own order, which need not be that of their table."""
    folder = source.first
    tables, _ = load_tables(name, source)
    if source.join == "stimuli":
        table = stack_tables(join_tables(split_purposes(tables)[0], source, name))
    else:
        table = next(iter(tables.values()))
    table = table.set_index("stimulus_id", drop=False)
    missing = [stimulus for stimulus in shown if stimulus not in table.index]
    if missing:
        raise UserError(
            f"{folder / 'stimuli.csv'}: stimulus {missing[0]!r} of the teacher's region "
            f"{name} is missing ({len(missing)} in all); make the teacher again: "
            "snakemake --cores 2 --force teacher"
        )
    stimuli = table.loc[shown]
    validate_images(stimuli, folder / "stimuli")
    return stimuli
