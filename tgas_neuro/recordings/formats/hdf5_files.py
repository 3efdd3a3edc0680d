"""Open HDF5 files and read them in blocks, with one line for each error.

h5py is imported when a file is opened, because planning does not need it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tgas_neuro.recordings.formats.hdf5_storage import (
    Gaps,
    check_storage,
    decode_name,
    find_gaps,
    get_object,
    is_virtual,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import refuse_open_elsewhere

if TYPE_CHECKING:
    import h5py

BLOCK_BYTES = 16 << 20
LARGEST_EMPTY = 10**8  # values: a larger data set of which nothing was written is not read
BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError)


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises
    ------
    UserError
        The file is missing or damaged, or h5py finds damage while the block reads it.
    """
    import h5py

    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    refuse_open_elsewhere(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except BROKEN as error:
        raise UserError(
            f"{path}: not a readable HDF5 file ({type(error).__name__}: {error}); it may be "
            "truncated: copy it again"
        ) from None


def get_dataset(file: h5py.File, name: str, ndim: int, wanted: str) -> h5py.Dataset:
    """The dataset `name` of a file.

    Parameters
    ----------
    file
        An open file.
    name
        Path inside the file.
    ndim
        Its number of dimensions.
    wanted
        What it holds and its shape, for messages.

    Raises
    ------
    UserError
        It is not there, is a group, has another number of dimensions, or points to a file that
        is not listed.
    """
    import h5py

    found = get_object(file, name)
    if not isinstance(found, h5py.Dataset):
        raise UserError(
            f"{file.filename}: dataset {name!r} ({wanted}) is missing; {_list_content(file, name)}"
        )
    if found.ndim != ndim or 0 in found.shape:
        raise UserError(
            f"{file.filename}: {name} has shape {found.shape}, expected {wanted} and none empty"
        )
    return found


def _list_content(file: h5py.File, name: str) -> str:
    """What the deepest group on the way to `name` holds."""
    import h5py

    group, place = file, ""
    for part in name.split("/")[:-1]:
        inner = get_object(group, part)
        if not isinstance(inner, h5py.Group):
            break
        group, place = inner, f"{place}/{part}"
    names = list(group)
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"in {place or '/'} there are: {listed or 'none'}"


def read_text(dataset: h5py.Dataset) -> np.ndarray:
    """Strings (fixed or variable length) or whole numbers of a dataset, as text."""
    values = read_values(dataset)
    if values.dtype.kind in "iu":
        return values.astype(str)
    if values.dtype.kind in "SO":
        try:
            decoded = [
                value.decode("utf-8") if isinstance(value, bytes) else value
                for value in values.ravel()
            ]
        except UnicodeDecodeError as error:
            raise UserError(
                f"{dataset.file.filename}: {dataset.name} holds text that is not UTF-8 ({error}); "
                "write it again as UTF-8"
            ) from None
        if all(isinstance(value, str) for value in decoded):
            return np.array(decoded, dtype=str).reshape(values.shape)
    raise UserError(
        f"{dataset.file.filename}: {dataset.name} holds {values.dtype}, expected text or whole "
        "numbers"
    )


def list_blocks(
    shape: tuple[int, ...], chunks: tuple[int, ...] | None, itemsize: int, limit: int = BLOCK_BYTES
) -> Iterator[tuple[slice, ...]]:
    """Yield slices that cover an array once.

    Each slice consists of whole chunks, so every chunk is read once, and holds about `limit`
    bytes. Blocks grow from the last axis on, along which neighbours are adjacent in the file.
    """
    extent = [min(pair) for pair in zip(chunks or (1,) * len(shape), shape, strict=True)]
    for axis in reversed(range(len(shape))):
        factor = limit // max(1, math.prod(extent) * itemsize)
        extent[axis] = min(shape[axis], extent[axis] * max(1, factor))
        if extent[axis] < shape[axis]:
            break
    starts = [range(0, size, step) for size, step in zip(shape, extent, strict=True)]
    for start in itertools.product(*starts):
        yield tuple(slice(a, min(a + e, s)) for a, e, s in zip(start, extent, shape, strict=True))


@dataclass
class Unwritten:
    """Counts values that were never written, where they are read as missing (NaN).

    Attributes
    ----------
    mark
        The number that marks missing values; what was never written and reads so is left as it is.
    number, size
        Values that were never written, and all that were looked at.
    """

    mark: float | None = None
    number: int = 0
    size: int = 0

    def add(self, dataset: h5py.Dataset) -> Gaps | None:
        """Count those of a data set, and return what has to be filled with NaN.

        Raises
        ------
        UserError
            The values are no numbers, or there are very many and none was written.
        """
        gaps = find_gaps(dataset)
        self.size += math.prod(dataset.shape or ())
        is_number = dataset.dtype.kind in "fiub"
        if gaps is not None and is_number and self.mark is not None and not is_virtual(dataset):
            gaps = None if np.isclose(dataset.fillvalue, self.mark, 1e-6, 0) else gaps
        if gaps is None:
            return None
        if not is_number or gaps.number == gaps.size > LARGEST_EMPTY:
            raise _refuse_gaps(dataset, gaps)
        self.number += gaps.number
        return gaps

    def describe(self, where: str) -> list[str]:
        """A note, if there is something to note; `where` is the file and the data set.

        Raises
        ------
        UserError
            No value was ever written.
        """
        if self.number == self.size > 0:
            raise UserError(
                f"{where}: none of the {self.size:,} values was ever written; name another data "
                "set, or write the values"
            )
        return [f"{self.name(where)} and are read as missing"] if self.number else []

    def name(self, where: str) -> str:
        """`where`, with the count if there is one, for messages."""
        counted = f"{self.number:,} of {self.size:,} values were never written to the file"
        return f"{where}: {counted}" if self.number else where


def read_values(dataset: h5py.Dataset, unwritten: Unwritten | None = None) -> np.ndarray:
    """All values of a data set.

    `unwritten` counts those that were never written, which become NaN; None: they are refused.
    """
    return open_values(dataset, unwritten)(())


def open_values(
    dataset: h5py.Dataset, unwritten: Unwritten | None = None
) -> Callable[[tuple[slice, ...]], np.ndarray]:
    """A function that reads a block as `read_values` reads all, which is the block ``()``."""
    gaps = count_gaps(dataset, unwritten)

    def read(place: tuple[slice, ...]) -> np.ndarray:
        values = dataset[place]
        return values if gaps is None else gaps.fill(np.asarray(values), place or None)

    return read


def count_gaps(dataset: h5py.Dataset, unwritten: Unwritten | None) -> Gaps | None:
    """What is to be filled with NaN and is counted; without `unwritten` it is refused."""
    if unwritten is not None:
        return unwritten.add(dataset)
    refuse_gaps(dataset)
    return None


def read_data(data: Any) -> np.ndarray:
    """All of what a library, as pynwb, has opened; see `refuse_gaps`."""
    refuse_gaps(data)
    return np.asarray(data[:])


def refuse_gaps(data: Any) -> None:
    """Raise `UserError` if values of a data set were never written; other objects pass."""
    import h5py

    gaps = find_gaps(data) if isinstance(data, h5py.Dataset) else None
    if gaps is not None:
        raise _refuse_gaps(data, gaps)


def _refuse_gaps(dataset: h5py.Dataset, gaps: Gaps) -> UserError:
    return UserError(
        f"{dataset.file.filename}: {dataset.name}: {gaps.number:,} of {gaps.size:,} values were "
        "never written to the file, and nothing stands for a missing value here; write them"
    )


def check_file(path: str | Path, seen: frozenset[Path] = frozenset()) -> None:
    """Check that a file which a library opens whole points to listed files only.

    Other kinds of files pass, and so do those that h5py cannot open.
    """
    import h5py

    path = Path(path)
    if path.resolve() in seen or not path.is_file():
        return
    try:
        file = h5py.File(path, "r")
    except OSError:
        return
    links: list[str] = []
    datasets: list[str] = []

    def look_link(name: bytes, info: h5py.h5l.LinkInfo) -> None:
        if info.type not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT):
            links.append(decode_name(name))

    def look_object(name: bytes, info: h5py.h5o.ObjInfo) -> None:
        if info.type == h5py.h5o.TYPE_DATASET:
            datasets.append(decode_name(name))

    try:
        with file:
            file.id.links.visit(look_link, info=True)
            h5py.h5o.visit(file.id, look_object, info=True)
            for name in datasets:
                check_storage(file[name])
            for name in links:
                found = get_object(file, name)
                if found is not None:
                    check_file(found.file.filename, seen | {path.resolve()})
    except BROKEN as error:
        raise UserError(
            f"{path}: its names cannot be read ({type(error).__name__}: {error}); it may be "
            "truncated: copy it again"
        ) from None
