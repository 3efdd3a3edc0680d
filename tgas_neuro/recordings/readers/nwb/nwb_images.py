"""Stimuli kept inside an NWB file: an `Images` container, or the frames of an `ImageSeries`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tgas_neuro.recordings.formats.image_files import check_pixels, encode_png
from tgas_neuro.recordings.readers.nwb.nwb_files import open_nwb
from tgas_neuro.recordings.readers.nwb.nwb_tables import find_object
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb


def match_images(nwb: pynwb.NWBFile, name: str, stimulus_ids: list[str], where: str) -> list:
    """For each stimulus, the name of its image in the container, or the number of its frame.

    A stimulus is called as its image, with or without its ending, or by its number in the
    container's ``order_of_images``, from 0; in an ImageSeries by the number of its frame.

    Raises
    ------
    UserError
        There is no such container, or it has no image of a stimulus.
    """
    container = _find_container(nwb, name, where)
    if not hasattr(container, "images"):
        names, order = {}, list(range(len(container.data)))
    else:
        ordered = getattr(container.order_of_images, "data", None)
        order = [image.name for image in ordered] if ordered is not None else []
        names = {image.rsplit(".", 1)[0]: image for image in container.images}
        names |= {image: image for image in container.images}
    found = []
    for stimulus in stimulus_ids:
        number = int(stimulus) if stimulus.isdecimal() else len(order)
        if stimulus not in names and number >= len(order):
            raise UserError(
                f"{where}: options.images: {name!r} has no image of stimulus {stimulus!r}; it has "
                f"{len(order) or len(container.images)}, as "
                f"{next(iter(names), f'frame 0 to {len(order) - 1}')!r}: name the column with "
                "their names as options.stimulus_column"
            )
        found.append(names.get(stimulus, order[number] if number < len(order) else None))
    return found


def _find_container(nwb: pynwb.NWBFile, name: str, where: str) -> Any:
    from pynwb.base import Images
    from pynwb.image import ImageSeries

    container = find_object(nwb, name, (Images, ImageSeries), "images", where)
    if isinstance(container, ImageSeries) and not np.size(container.data):
        raise UserError(
            f"{where}: options.images: {name!r} has its frames in another file; give the images as "
            "a folder or archive under files"
        )
    return container


def read_nwb_images(
    path: Path, name: str, found: list, filenames: list[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield (filename, PNG) of each stimulus, one at a time, from the open file."""
    with open_nwb(path) as nwb:
        container = _find_container(nwb, name, str(path))
        for image, filename in zip(found, filenames, strict=True):
            source = container.data if isinstance(image, int) else container[image].data
            pixels = np.asarray(source[image] if isinstance(image, int) else source[:])
            yield filename, encode_png(_round_pixels(pixels, f"{path}: {name}: {image}"))


def _round_pixels(pixels: np.ndarray, where: str) -> np.ndarray:
    """Values from 0 to 255 as uint8, whatever type they were written as; one channel is grey."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    whole = pixels.dtype.kind in "iuf" and pixels.size > 0
    if whole and (pixels.min() < 0 or pixels.max() > 255 or (pixels % 1 != 0).any()):
        raise UserError(
            f"{where}: values from {pixels.min()} to {pixels.max()}, expected whole numbers from 0 "
            "to 255; give the images as a folder or archive under files"
        )
    pixels = pixels.astype(np.uint8) if whole else pixels
    check_pixels(pixels.dtype, pixels.shape, where)
    return pixels
