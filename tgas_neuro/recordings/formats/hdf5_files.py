"""Open HDF5 files and read them in blocks, with one line for each error.

h5py is imported when a file is opened, because planning does not need it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import refuse_open_elsewhere

if TYPE_CHECKING:
    import h5py

BLOCK_BYTES = 16 << 20
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
        It is not there, is a group, or has another number of dimensions.
    """
    import h5py

    found = file.get(name)
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
        inner = group.get(part)
        if not isinstance(inner, h5py.Group):
            break
        group, place = inner, f"{place}/{part}"
    names = list(group)
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"in {place or '/'} there are: {listed or 'none'}"


def read_text(dataset: h5py.Dataset) -> np.ndarray:
    """Strings (fixed or variable length) or whole numbers of a dataset, as text."""
    values = dataset[()]
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
