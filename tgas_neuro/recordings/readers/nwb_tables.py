"""Open an NWB file; its presentations, regions of units and images as plain arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tgas_neuro.config.messages import suggest
from tgas_neuro.recordings.formats.image_files import check_pixels, encode_png
from tgas_neuro.recordings.readers.labels import convert_to_text
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb


def find_object(
    nwb: pynwb.NWBFile, name: str, kinds: tuple[type, ...], key: str, where: str
) -> Any:
    """The object of that name and kind, wherever in the file it lies.

    Raises
    ------
    UserError
        There is none (the message lists the names there are), or more than one.
    """
    found: list[Any] = [item for item in nwb.objects.values() if isinstance(item, kinds)]
    named = [item for item in found if item.name == name]
    if len(named) == 1:
        return named[0]
    there = sorted({item.name for item in found})
    if named:
        raise UserError(
            f"{where}: options.{key}: {len(named)} objects are called {name!r}; rename one"
        )
    raise UserError(
        f"{where}: options.{key}: {name!r} is missing{suggest(name, there)}; there are: "
        f"{', '.join(there) or 'none'}"
    )


def read_column(table: Any, column: str, key: str, where: str) -> np.ndarray:
    """One column of a table, one value a row; `key` is the option that asks for it."""
    if column not in table.colnames:
        raise UserError(
            f"{where}: options.{key}: table {table.name!r} has no column {column!r}"
            f"{suggest(column, table.colnames)}; there are: {', '.join(table.colnames)}"
        )
    from hdmf.common import VectorIndex

    vector = table[column]
    values = np.asarray(vector.data[:])
    if isinstance(vector, VectorIndex) or values.ndim != 1:
        raise UserError(
            f"{where}: options.{key}: column {column!r} of table {table.name!r} holds several "
            "values a row; name a column with one"
        )
    return values


def read_presentations(nwb: pynwb.NWBFile, options: NwbOptions, where: str) -> pd.DataFrame:
    """Columns ``stimulus_id``, ``onset`` [s], the labels and ``filename``, of the chosen rows.

    The table is any `DynamicTable` of the file; or an `IndexSeries`, whose data are the
    stimuli's numbers and whose timestamps are the onsets.
    """
    from hdmf.common import DynamicTable
    from pynwb.image import IndexSeries

    table = find_object(nwb, options.table, (DynamicTable, IndexSeries), "table", where)
    if isinstance(table, IndexSeries):
        columns = _read_series(table, options, where)
    else:
        columns = _read_table(table, options, where)
    onset = pd.to_numeric(pd.Series(columns["onset"]), errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(onset)
    if bad.any():
        raise UserError(
            f"{where}: table {table.name!r}: onset of row {int(bad.argmax())} is "
            f"{columns['onset'][bad][0]!r} ({int(bad.sum())} such rows); onsets are seconds: "
            "correct them, or choose rows with options.presentations"
        )
    columns["onset"] = onset
    stimulus = convert_to_text(columns["stimulus_id"], "stimulus_id", "row", where)
    return pd.DataFrame(columns | {"stimulus_id": stimulus})


def _read_table(table: Any, options: NwbOptions, where: str) -> dict[str, np.ndarray]:
    if len(table.id) == 0:
        raise UserError(f"{where}: table {table.name!r} is empty; name another as options.table")
    kept = choose_rows(table, options.presentations, "presentations", where)
    wanted = {
        "stimulus_id": ("stimulus_column", options.stimulus_column),
        "onset": ("onset_column", options.onset_column),
    } | {
        label: (f"labels.{label}", column) for label, column in options.labels.get_columns().items()
    }
    if options.filename_column:
        wanted["filename"] = ("filename_column", options.filename_column)
    return {
        name: read_column(table, column, key, where)[kept] for name, (key, column) in wanted.items()
    }


def _read_series(series: Any, options: NwbOptions, where: str) -> dict[str, np.ndarray]:
    given = {
        "presentations": options.presentations,
        "labels": options.labels.get_columns(),
        "filename_column": options.filename_column,
    }
    for key, value in given.items():
        if value:
            raise UserError(
                f"{where}: options.{key}: {series.name!r} is an IndexSeries without columns; leave "
                "the key out, or name a table"
            )
    index = np.asarray(series.data[:])
    if series.timestamps is not None:
        return {"stimulus_id": index, "onset": np.asarray(series.timestamps[:])}
    return {
        "stimulus_id": index,
        "onset": series.starting_time + np.arange(len(index)) / series.rate,
    }


def choose_rows(table: Any, chosen: dict[str, list], key: str, where: str) -> np.ndarray:
    """Indices of the rows whose columns have one of the values chosen; all where none is."""
    kept = np.ones(len(table.id), dtype=bool)
    for column, values in chosen.items():
        found = read_column(table, column, key, where)
        kept &= np.isin(found.astype(str), [str(value) for value in values])
        if not kept.any():
            there = ", ".join(sorted(set(found.astype(str)))[:10])
            raise UserError(
                f"{where}: options.{key}: no row has {column} of {values}; there are: {there}"
            )
    return np.flatnonzero(kept)


def read_regions(
    nwb: pynwb.NWBFile, options: NwbOptions, rows: np.ndarray, where: str
) -> np.ndarray:
    """What the file calls the region of each of these units: their own column, or electrodes'."""
    units, column = nwb.units, options.region_column
    if column in units.colnames:
        values = read_column(units, column, "region_column", where)[rows]
        return convert_to_text(values, column, "unit", where)
    electrodes = nwb.electrodes
    if (
        electrodes is None
        or "electrodes" not in units.colnames
        or column not in (electrodes.colnames)
    ):
        there = [*units.colnames, *(electrodes.colnames if electrodes is not None else ())]
        raise UserError(
            f"{where}: options.region_column: neither units nor their electrodes have {column!r}; "
            f"there are: {', '.join(there)}; name one, or all units' region as options.region"
        )
    places = convert_to_text(
        read_column(electrodes, column, "region_column", where), column, "electrode", where
    )
    ends = np.asarray(units["electrodes"].data[:])
    targets = np.asarray(units["electrodes"].target.data[:])
    regions = []
    for row in rows:
        start = ends[row - 1] if row else 0
        found = sorted(set(places[targets[start : ends[row]]].tolist()))
        if len(found) != 1:
            raise UserError(
                f"{where}: unit {units.id[int(row)]} lies in {', '.join(found) or 'no electrode'} "
                f"({column}); a unit has one region: leave it out with options.units"
            )
        regions += found
    return np.array(regions)


@contextmanager
def open_nwb(path: Path) -> Iterator[pynwb.NWBFile]:
    """Open an NWB file; its arrays are read when they are asked for, inside the block.

    Raises
    ------
    UserError
        pynwb is not installed, or the file is missing, damaged or no NWB file.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        raise UserError(
            f"{path}: NWB files need pynwb, which is not installed; run: pip install "
            "'tgas-neuro[nwb]'"
        ) from None
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other versions of cached namespaces, and the like
            with NWBHDF5IO(str(path), mode="r") as io:
                yield io.read()
    except UserError:
        raise
    except Exception as error:  # pynwb and h5py raise all kinds on a damaged file
        raise UserError(
            f"{path}: not a readable NWB file ({type(error).__name__}: {error}); it may be "
            "truncated, or of another format: fetch it again"
        ) from None


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
