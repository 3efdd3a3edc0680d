"""Stimuli of arrays: their table, and the images in a folder, an archive or an array."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats import ARCHIVES
from tgas_neuro.recordings.formats.archives import (
    compose,
    count_image_files,
    encode_images,
    read_image_files,
)
from tgas_neuro.recordings.formats.array_files import ENDINGS, load_variable
from tgas_neuro.recordings.formats.names import list_image_files
from tgas_neuro.recordings.formats.pictures import PictureSource, convert_array
from tgas_neuro.recordings.readers.labels import read_labels
from tgas_neuro.recordings.readers.options import ArraysOptions, ImageSource, LabelSource
from tgas_neuro.recordings.stimuli import read_table
from tgas_neuro.runtime.errors import UserError


@dataclass(frozen=True)
class PixelImages:
    """Images of an array, with pixels of 8 bits, and what was converted."""

    filenames: list[str]
    pixels: np.ndarray
    notes: tuple[str, ...]


Images = PixelImages | Path  # or a folder or archive that is not opened yet


def read_stimuli(
    listed: ListedFiles,
    options: ArraysOptions,
    length: int | None,
    axes: Mapping[str, int] | None = None,
) -> tuple[pd.DataFrame, Images]:
    """The stimulus table and the images; `length` stimuli, or as many as there are images.

    `axes` are labels of stimuli that have several axes, to their sizes (see `read_labels`).
    """
    source = options.images
    if source.variable is not None or (source.file or "").lower().endswith(ENDINGS):
        return _read_pixels(listed, options, length, axes)
    path = _find_images(listed, source.file)
    labels = options.stimuli
    order = None if source.order == "table" else source.order
    if source.order is None and length is None and options.rdm is None and not _is_listed(labels):
        order = "name"  # responses name their stimuli, so that nothing is paired by the order
    if not length:
        length = _count_listed(listed, labels) or len(
            list_image_files(path, order if "filename" not in labels else "name")
        )
    table = read_labels(listed, "stimuli", labels, length, "stimulus", axes)
    if "filename" not in table:
        if source.order == "table":
            raise UserError(
                f"{listed.dataset}.yaml: options.images.order: table, but options.stimuli has no "
                "filename; give the file name of every stimulus there"
            )
        table["filename"] = _pair_images(path, list_image_files(path, order), table, length)
    return _complete_table(table, options), path


def _count_listed(listed: ListedFiles, labels: Mapping[str, object]) -> int | None:
    """How many stimuli a variable or column has file names of; None if there is none."""
    source, key = labels.get("filename"), "options.stimuli.filename"
    if not isinstance(source, LabelSource) or source.pattern or source.matrix_column:
        return None
    if source.column is not None:
        return len(read_table(listed.find(source.file, (".csv",), key)))
    return load_variable(listed.find(source.file, ENDINGS, key), source.variable).size


def _pair_images(
    path: Path, filenames: list[str], table: dict[str, np.ndarray], length: int
) -> np.ndarray:
    """File names of the stimuli, which are in the order of the images."""
    if len(filenames) != length:
        raise UserError(
            f"{path}: holds {len(filenames)} images, the responses have {length} stimuli; both "
            "must be of the same stimuli: correct the axes or the files"
        )
    stems = [name.rsplit(".", 1)[0] for name in filenames]
    named = table["stimulus_id"].tolist() if "stimulus_id" in table else stems
    for names in (stems, filenames):
        if set(named) == set(names) and named != names:
            place = next(k for k, name in enumerate(named) if name != names[k])
            raise UserError(
                f"{path}: the order is not clear: options.stimuli.stimulus_id lists the images, "
                f"with {named[place]} as number {place + 1}, where their order has "
                f"{names[place]}; give the file names in options.stimuli.filename"
            )
    return np.array(filenames)


def _is_listed(labels: Mapping[str, object]) -> bool:
    """Whether a label of stimuli has one value for each of them, in their order."""
    return any(
        isinstance(source, LabelSource) or name == "table" for name, source in labels.items()
    )


def open_images(
    images: Images, stimuli: pd.DataFrame, options: ArraysOptions
) -> tuple[Iterator[tuple[str, bytes]], tuple[str, ...], Pictures]:
    """The images of the stimuli, notes, and what is chosen where files can be shown in many ways.

    A folder or an archive that holds more images is noted, or refused.
    """
    if isinstance(images, PixelImages):
        return encode_images(images.filenames, images.pixels), images.notes, Pictures()
    path = images
    names = Counter(map(compose, count_image_files(path).elements()))
    wanted = set(map(compose, stimuli["filename"].tolist()))
    missing, further = sorted(wanted - set(names)), sorted(set(names) - wanted)
    if missing or (further and options.images.unused != "leave_out"):
        what = f"{missing[0]} is missing" if missing else f"{further[0]} belongs to no stimulus"
        way_out = "" if missing else ", or set options.images.unused: leave_out"
        raise UserError(
            f"{path}: {what}; it holds {len(names)} images, there are {len(wanted)} stimuli: both "
            f"must be of the same stimuli{way_out}"
        )
    note = f"{path}: {len(further)} of {len(names)} images belong to no stimulus and are left out"
    found = read_image_files(path, stimuli["filename"].tolist())
    return found, (note,) if further else (), options.images


def _find_images(listed: ListedFiles, name: str | None) -> Path:
    folders = [key for key, path in listed.paths.items() if path.is_dir()]
    if name is None and len(folders) == 1:
        return listed.paths[folders[0]]
    return listed.find(name, ARCHIVES, "options.images")


def _read_pixels(
    listed: ListedFiles,
    options: ArraysOptions,
    length: int | None,
    axes: Mapping[str, int] | None,
) -> tuple[pd.DataFrame, PixelImages]:
    source = options.images
    path = listed.find(source.file, ENDINGS, "options.images")
    where = f"{path}: {source.variable or 'images'}"
    pixels = _load_pixels(path, source, where)
    notes: Counter[str] = Counter()
    pixels = convert_array(pixels, PictureSource(where, source, "options.images"), notes)
    if length not in (None, len(pixels)):
        raise UserError(
            f"{where}: {len(pixels)} images along its first axis, the responses have {length} "
            "stimuli; both must be of the same stimuli: correct the axes or the files"
        )
    table = read_labels(listed, "stimuli", options.stimuli, len(pixels), "stimulus", axes)
    numbered = [f"image_{number:04d}.png" for number in range(1, len(pixels) + 1)]
    table.setdefault("filename", np.array(numbered))
    filenames = table["filename"].tolist()
    noted = tuple(f"{where}: {number} images {what}" for what, number in notes.items())
    return _complete_table(table, options), PixelImages(filenames, pixels, noted)


def _load_pixels(path: Path, source: ImageSource, where: str) -> np.ndarray:
    """Pixels, (stimulus, row, column) or (stimulus, row, column, colour)."""
    pixels = load_variable(path, source.variable, source.axes_as)
    if source.axes is None:
        return pixels
    axes = [*map(str, source.axes)]
    order = ["stimulus", "row", "column", *(["colour"] if "colour" in axes else [])]
    if {*axes} != {*order} or pixels.ndim != len(order):
        raise UserError(
            f"{where}: options.images.axes: {', '.join(axes)} of an array of "
            f"{' x '.join(map(str, pixels.shape))}; expected {', '.join(order)} in the order of "
            "the array"
        )
    return pixels.transpose([axes.index(axis) for axis in order])


def _complete_table(table: dict[str, np.ndarray], options: ArraysOptions) -> pd.DataFrame:
    """The stimulus table: identifiers default to the file names without their endings."""
    stems = [name.rsplit(".", 1)[0] for name in table["filename"].tolist()]
    if "stimulus_id" not in table and len(set(stems)) < len(stems):
        doubled = next(stem for stem, number in Counter(stems).items() if number > 1)
        both = [name for name in table["filename"].tolist() if name.rsplit(".", 1)[0] == doubled]
        raise UserError(
            f"images {both[0]} and {both[1]} would both be stimulus {doubled!r}; remove one, or "
            "name the stimuli in options.stimuli.stimulus_id"
        )
    first = {
        "stimulus_id": table.pop("stimulus_id", np.array(stems)),
        "filename": table.pop("filename"),
        "degrees": table.pop("degrees", options.degrees),
    }
    return pd.DataFrame(first | table)
