"""Arrays from .npy, .npz, .mat and .h5 files; never a pickle, never an array of objects."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tgas_neuro.recordings.formats.hdf5_files import Unwritten, count_gaps, open_hdf5, read_values
from tgas_neuro.recordings.formats.hdf5_storage import get_float, get_object
from tgas_neuro.recordings.formats.mat5_files import load_mat
from tgas_neuro.recordings.formats.mat_files import (
    get_plain_dataset,
    join_cells,
    load_mat_hdf5,
    split_path,
)
from tgas_neuro.runtime.errors import UserError

ENDINGS = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".nwb")
LARGE = 256 << 20  # bytes: a larger array is read in blocks
Axes = Literal["stored", "matlab"]


def load_variable(
    path: str | Path,
    variable: str | None = None,
    axes_as: Axes | None = None,
    unwritten: Unwritten | None = None,
) -> np.ndarray:
    """Load one array.

    Parameters
    ----------
    path
        ``.npy``; ``.npz``; ``.mat`` of any version (7.3 through h5py, its axes in MATLAB's
        order); ``.h5``, ``.hdf5`` or ``.nwb``.
    variable
        Its name; None takes the only one. In .h5 files a path such as ``group/data``; in .mat
        files also fields of structs and elements of struct arrays, as ``data[0].rdm``. A field
        of a whole struct array is the stack of its values.
    axes_as
        ``matlab`` reverses the axes of an HDF5 file that MATLAB's ``h5write`` wrote; .mat files
        have them in MATLAB's order in any case.
    unwritten
        Counts values of an HDF5 file that were never written, which are read as NaN; None: they
        are refused.

    Returns
    -------
    numpy.ndarray
        Numbers, truth values or text.

    Raises
    ------
    UserError
        The file is damaged or of another kind, the variable is not there, or it holds Python
        objects, cells of mixed content, complex values, or an object of a MATLAB class other
        than string, categorical and table; or it lies in a file that is not listed.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    if ending not in LOADERS:
        raise UserError(
            f"{path}: {ending or 'no ending'!r} is no array file; allowed are {', '.join(ENDINGS)}"
        )
    if axes_as == "matlab" and ending in (".npy", ".npz"):
        raise UserError(
            f"{path}: axes_as: matlab is for files that MATLAB wrote, as .h5; leave it out"
        )
    where = f"{path}{f': {variable}' if variable else ''}"
    values = _check_values(np.asarray(LOADERS[ending](path, variable, unwritten)), where)
    return values.T if axes_as == "matlab" and ending != ".mat" else values


@dataclass(frozen=True)
class StoredArray:
    """Numbers that stay in their file until blocks of them are read.

    Attributes
    ----------
    shape, chunks
        Sizes of the array, and of what the file reads at once, along its axes as they are stored.
    is_reversed
        Whether the axes are shown in the reverse order, as those of a .mat file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    chunks: tuple[int, ...] | None
    is_reversed: bool
    read: Callable[[tuple[slice, ...]], np.ndarray]


def open_variable(
    path: str | Path,
    variable: str | None = None,
    axes_as: Axes | None = None,
    unwritten: Unwritten | None = None,
) -> np.ndarray | StoredArray:
    """Load one array as `load_variable` does; one of more than `LARGE` bytes stays in its file.

    Cells of a .mat file are an array of objects, because they may differ in their shapes.

    Parameters
    ----------
    path, variable, axes_as, unwritten
        As those of `load_variable`.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if path.is_file() and path.stat().st_size > LARGE:
        stored = _find_stored(path, variable, ending, axes_as == "matlab", unwritten)
        if stored is not None:
            return stored
    if ending == ".mat" and path.is_file():
        content, where = _open_matlab(path, variable, unwritten)
        if isinstance(content, np.ndarray) and content.dtype == object and content.size:
            return content
        return _check_values(_join_matlab(content, where), where)
    return load_variable(path, variable, axes_as, unwritten)


def _find_stored(
    path: Path, variable: str | None, ending: str, is_matlab: bool, unwritten: Unwritten | None
) -> StoredArray | None:
    """The array, if it is large and can be read in blocks."""
    if ending == ".npy" and not variable:
        mapped = _load_numpy(path, "r")
        shape, dtype, flip = mapped.shape, mapped.dtype, not mapped.flags.c_contiguous

        def read_mapped(place: tuple[slice, ...]) -> np.ndarray:
            # opened for each block: pages of a block that was read do not stay in memory
            stored = _load_numpy(path, "r")
            return np.array((stored.T if flip else stored)[place])

        stored = StoredArray(shape[::-1] if flip else shape, dtype, None, flip, read_mapped)
    elif ending in (".h5", ".hdf5", ".nwb", ".mat") and _is_hdf5(path):
        name = (variable or "").replace(".", "/") if ending == ".mat" else variable or ""

        def read_hdf5(place: tuple[slice, ...]) -> np.ndarray:
            with open_hdf5(path) as file:
                block = file[name][place]
            return block if gaps is None else gaps.fill(block, place)

        with open_hdf5(path) as file:
            names = [key for key in file if not key.startswith("#")]
            name = name or (names[0] if len(names) == 1 else "")
            dataset = get_plain_dataset(file, name) if name else None
            if dataset is None:
                return None
            flip, dtype = is_matlab or ending == ".mat", dataset.dtype
            if dtype.kind not in "fiu" or (dataset.size or 0) * dtype.itemsize <= LARGE:
                return None
            gaps = count_gaps(dataset, unwritten)
            dtype = dtype if gaps is None else get_float(dtype)
            return StoredArray(dataset.shape, dtype, dataset.chunks, flip, read_hdf5)
    else:
        return None
    size = math.prod(stored.shape) * stored.dtype.itemsize
    return stored if stored.dtype.kind in "fiu" and size > LARGE else None


def _check_values(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind == "S":
        values = _decode(values, where)
    if values.dtype.kind not in "fiubU":
        way_out = "arrays of objects are never loaded: save a plain array"
        if values.dtype.kind == "c":
            way_out = "save what the responses are, as abs(x) or real(x)"
        raise UserError(f"{where}: holds {values.dtype}, expected real numbers or text; {way_out}")
    return values


def _decode(values: np.ndarray, where: str) -> np.ndarray:
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: text is not UTF-8 ({error}); save it as UTF-8") from None


def _load_npy(path: Path, variable: str | None, _: Unwritten | None = None) -> np.ndarray:
    if variable:
        raise UserError(
            f"{path}: an .npy file has no variables, but variable: {variable!r} is asked for; "
            "leave the key out"
        )
    values = _load_numpy(path)
    if not isinstance(values, np.ndarray):
        values.close()
        raise UserError(f"{path}: is an .npz archive, not an .npy array; rename it to .npz")
    return values


def _load_npz(path: Path, variable: str | None, _: Unwritten | None = None) -> np.ndarray:
    archive = _load_numpy(path)
    if isinstance(archive, np.ndarray):
        raise UserError(f"{path}: is an .npy array, not an .npz archive; rename it to .npy")
    with archive:
        chosen = choose_variable(path, variable, archive.files)
        try:
            return archive[chosen]
        except Exception as error:
            raise _format_damage(path, "variable " + repr(chosen), error) from None


def _load_numpy(path: Path, mode: Literal["r"] | None = None) -> Any:
    try:
        return np.load(path, mmap_mode=mode, allow_pickle=False)
    except Exception as error:  # numpy's parser raises all kinds on a damaged file
        raise _format_damage(path, f"{path.suffix} array", error) from None


def _format_damage(path: Path, what: str, error: Exception) -> UserError:
    return UserError(
        f"{path}: not a readable {what} ({error or type(error).__name__}); it may be truncated, "
        "or hold Python objects: delete it to have it fetched again, or save a plain array"
    )


def choose_variable(path: Path, variable: str | None, names: list[str]) -> str:
    """The name asked for, or the only one; otherwise a line that lists what there is."""
    listed = ", ".join(map(repr, names[:20])) or "none"
    if variable is None:
        if len(names) != 1:
            raise UserError(
                f"{path}: {len(names)} variables, say which one as variable: ...; there are: "
                f"{listed}"
            )
        return names[0]
    if variable not in names:
        raise UserError(f"{path}: variable {variable!r} is missing; there are: {listed}")
    return variable


def _load_matlab(path: Path, variable: str | None, unwritten: Unwritten | None) -> np.ndarray:
    return _join_matlab(*_open_matlab(path, variable, unwritten))


def _join_matlab(value: Any, where: str) -> np.ndarray:
    values = join_cells(value, where)
    if not values.size:
        raise UserError(
            f"{where}: is empty ({' x '.join(map(str, values.shape))}); name the variable that "
            "holds the values"
        )
    return values


def _open_matlab(path: Path, variable: str | None, unwritten: Unwritten | None) -> tuple[Any, str]:
    """Content of a variable, as `load_mat` returns it."""
    name, steps = (None, "") if variable is None else split_path(path, variable)
    choose = functools.partial(choose_variable, path, name)
    if _is_hdf5(path):
        return load_mat_hdf5(path, choose, steps, unwritten)
    return load_mat(path, choose, steps)


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _load_hdf5(path: Path, variable: str | None, unwritten: Unwritten | None) -> np.ndarray:
    import h5py

    with open_hdf5(path) as file:
        dataset = get_object(file, variable) if variable else None
        if not isinstance(dataset, h5py.Dataset):
            found: list[str] = []
            file.visititems(
                lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
            )
            dataset = get_object(file, choose_variable(path, variable, found))
        if h5py.check_string_dtype(dataset.dtype):
            count_gaps(dataset, None)
            return np.asarray(dataset.asstr()[()], dtype=str)
        return read_values(dataset, unwritten)


LOADERS: dict[str, Callable[[Path, str | None, Unwritten | None], np.ndarray]] = {
    ".npy": _load_npy,
    ".npz": _load_npz,
    ".mat": _load_matlab,
    ".h5": _load_hdf5,
    ".hdf5": _load_hdf5,
    ".nwb": _load_hdf5,
}
