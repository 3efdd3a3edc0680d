"""Images and ImageSeries of an NWB file: what identifiers mean in them, and their pixels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.formats.archives import encode_png
from tgas_neuro.recordings.formats.hdf5_files import refuse_gaps
from tgas_neuro.recordings.formats.pictures import PictureSource, convert_array
from tgas_neuro.recordings.readers.nwb_files import find_object, get_path, open_nwb
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb

Keys = list[str | int | None]  # the name of an image, or the number of a frame


def get_container(nwb: pynwb.NWBFile, options: NwbOptions, series: Any, where: str) -> Any:
    """Images or ImageSeries that the option names, or that the IndexSeries refers to, or None."""
    from pynwb.base import Images
    from pynwb.image import ImageSeries

    linked = None
    if series is not None:
        linked = getattr(series, "indexed_images", None)
        linked = getattr(series, "indexed_timeseries", None) if linked is None else linked
    if options.images is None:
        return linked
    named = find_object(nwb, options.images, (Images, ImageSeries), "images", where)
    if linked is not None and named is not linked:
        raise UserError(
            f"{where}: options.images: {options.images!r}, but {series.name!r} refers to "
            f"{get_path(linked)}; its numbers are places there: leave the key out"
        )
    return named


def is_external(container: Any) -> bool:
    """Whether it is an ImageSeries whose frames are in other files."""
    return not hasattr(container, "images") and not np.size(container.data)


def list_external(series: Any) -> list[str]:
    """File of each frame of an external ImageSeries."""
    files = [_decode(file) for file in series.external_file[:]] if series.external_file else []
    if not files:
        raise UserError(
            f"{get_path(series)}: an ImageSeries without frames and without external_file; name "
            "the column with the images' files as options.filename_column"
        )
    starts = np.asarray(series.starting_frame if series.starting_frame is not None else [0])
    single = np.array_equal(starts, np.arange(len(files))) or not starts.any()
    if len(files) > 1 and not single:
        raise UserError(
            f"{get_path(series)}: starting_frame is {starts[:4].tolist()} ...: its external files "
            "hold several frames each; save every frame as an image file and name the column with "
            "their names as options.filename_column"
        )
    return files


def _decode(text: str | bytes) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def list_meanings(container: Any, ids: list[str], placed: bool, where: str) -> dict[str, Keys]:
    """The images that the identifiers can mean: by name, by the number in the name, by place.

    A meaning by which no stimulus has an image is left out; `placed` allows only the place.
    """
    order: list[Any]
    if hasattr(container, "images"):
        references = getattr(container.order_of_images, "data", None)
        order = [image.name for image in references] if references is not None else []
        names = list(container.images)
    elif is_external(container):
        order = names = [get_basename(file) for file in list_external(container)]
    else:
        order, names = list(range(len(container.data))), []
    if placed and not order:
        raise UserError(
            f"{where}: {get_path(container)} has no order_of_images, so a number of an IndexSeries "
            "means no image; write the order, or name a table and its column with the images' "
            "names as options.stimulus_column"
        )
    places = {str(place): image for place, image in enumerate(order)}
    meanings = {"place": [places.get(_format_whole(stimulus)) for stimulus in ids]}
    if not placed:
        by_name = _index_names(names)
        numbers = [_find_number(name) for name in names]
        unique = None not in numbers and len(set(numbers)) == len(numbers)
        by_number = dict(zip(numbers, names, strict=True)) if unique else {}
        meanings["name"] = [by_name.get(stimulus) for stimulus in ids]
        meanings["number"] = [by_number.get(_format_whole(stimulus)) for stimulus in ids]
    return {
        meaning: keys
        for meaning, keys in meanings.items()
        if placed or any(key is not None for key in keys)
    }


def get_basename(file: str) -> str:
    """The last part of a path, whichever system wrote it."""
    return re.split(r"[/\\]", file)[-1]


def _format_whole(text: str) -> str:
    return str(int(text)) if text.isdecimal() else text


def _find_number(name: str) -> str | None:
    """The last number in a name without its ending."""
    digits = re.findall(r"\d+", re.sub(r"\.[A-Za-z]\w*$", "", name))
    return str(int(digits[-1])) if digits else None


def _index_names(names: Iterable[str]) -> dict[str, str]:
    """Names with and without their endings to names; without, where only one is meant."""
    names = list(names)
    stems = Counter(name.rsplit(".", 1)[0] for name in names)
    short = {name.rsplit(".", 1)[0]: name for name in names}
    return {stem: name for stem, name in short.items() if stems[stem] == 1} | {
        name: name for name in names
    }


def describe_images(container: Any) -> str:
    """What a container holds, and the way out where a stimulus is not there."""
    names = list(getattr(container, "images", ()))
    count = len(names) or len(container.data)
    return (
        f"it has {count}, as {next(iter(names), f'frame 0 to {count - 1}')!r}: name the column "
        "with their names as options.stimulus_column"
    )


def describe_values(container: Any, found: Keys, pictures: Pictures, where: str) -> str:
    """How the values of the images are shown: ``bytes``, ``logical``, ``16 bits`` or ``range``.

    Whole numbers from 0 to 255 are bytes, whatever type they were written as. All images of the
    stimuli are read, unless their type says it.

    Raises
    ------
    UserError
        It is not known which value is white.
    """
    if pictures.range is not None:
        return "range"
    types, low, high, whole = set(), np.inf, -np.inf, True
    for image in found:
        data = container.data if isinstance(image, int) else container[image].data
        types.add(np.asarray(data[:0]).dtype)
        if types - {np.dtype(np.uint8), np.dtype(bool)}:
            pixels = np.asarray(data[image] if isinstance(image, int) else data[:])
            low, high = min(low, pixels.min()), max(high, pixels.max())
            whole &= not (pixels % 1 != 0).any()
    if types <= {np.dtype(bool)}:
        return "logical"
    if types <= {np.dtype(np.uint8)} or (whole and low >= 0 and high <= 255):
        return "bytes"
    if types == {np.dtype(np.uint16)}:
        return "16 bits"
    names = ", ".join(sorted(map(str, types)))
    source = PictureSource(f"{where}: {container.name}", pictures, "options.pictures")
    raise source.refuse(
        f"values from {low:.6g} to {high:.6g} ({names}), of which it is not known which is white",
        "range",
        "[0, 1], the values of black and white",
    )


def read_nwb_images(
    path: Path, name: str, options: NwbOptions, found: Keys, filenames: list[str], values: str
) -> Iterator[tuple[str, bytes]]:
    """Yield (filename, PNG) of each stimulus, one at a time, from the file.

    `values` says how they are shown (see `describe_values`).
    """
    from pynwb.base import Images
    from pynwb.image import ImageSeries

    with open_nwb(path) as nwb:
        container = find_object(nwb, name, (Images, ImageSeries), "images", str(path))
        for row, (image, filename) in enumerate(zip(found, filenames, strict=True)):
            source = container.data if isinstance(image, int) else container[image].data
            if row == 0 or not isinstance(image, int):
                refuse_gaps(source)
            pixels = np.asarray(source[image] if isinstance(image, int) else source[:])
            if options.image_axes == "xy" and pixels.ndim > 1:
                pixels = np.swapaxes(pixels, 0, 1)
            if pixels.ndim == 3 and pixels.shape[2] == 1:
                pixels = pixels[..., 0]
            if values == "bytes" and pixels.dtype.kind in "iuf":
                pixels = pixels.astype(np.uint8)
            where = f"{path}: {name}: {image}"
            shown = PictureSource(where, options.pictures or Pictures(), "options.pictures")
            yield filename, encode_png(convert_array(pixels[np.newaxis], shown, Counter())[0])
