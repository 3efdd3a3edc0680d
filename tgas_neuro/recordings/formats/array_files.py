"""Arrays from .npy, .npz, .mat and .h5 files; never a pickle, never an array of objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tgas_neuro.recordings.formats.hdf5_files import open_hdf5
from tgas_neuro.recordings.formats.mat5_files import load_mat
from tgas_neuro.recordings.formats.mat_files import join_cells, load_mat_hdf5, split_path
from tgas_neuro.runtime.errors import UserError

ENDINGS = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".nwb")


def load_variable(path: str | Path, variable: str | None = None) -> np.ndarray:
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

    Returns
    -------
    numpy.ndarray
        Numbers, truth values or text.

    Raises
    ------
    UserError
        The file is damaged or of another kind, the variable is not there, or it holds Python
        objects, cells of mixed content, complex values, or an object of a MATLAB class other
        than string, categorical and table.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    if ending not in LOADERS:
        raise UserError(
            f"{path}: {ending or 'no ending'!r} is no array file; allowed are {', '.join(ENDINGS)}"
        )
    where = f"{path}{f': {variable}' if variable else ''}"
    return _check_values(np.asarray(LOADERS[ending](path, variable)), where)


def load_cells(path: str | Path, variable: str | None = None) -> np.ndarray:
    """Load one array, or of a .mat file cells of numbers as an array of arrays; see above."""
    path = Path(path)
    if path.suffix.lower() == ".mat" and path.is_file():
        values, _ = _open_matlab(path, variable)
        if isinstance(values, np.ndarray) and values.dtype == object and values.size:
            return values
    return load_variable(path, variable)


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


def _load_npy(path: Path, variable: str | None) -> np.ndarray:
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


def _load_npz(path: Path, variable: str | None) -> np.ndarray:
    archive = _load_numpy(path)
    if isinstance(archive, np.ndarray):
        raise UserError(f"{path}: is an .npy array, not an .npz archive; rename it to .npy")
    with archive:
        chosen = choose_variable(path, variable, archive.files)
        try:
            return archive[chosen]
        except Exception as error:
            raise _format_damage(path, "variable " + repr(chosen), error) from None


def _load_numpy(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
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


def _load_matlab(path: Path, variable: str | None) -> np.ndarray:
    value, where = _open_matlab(path, variable)
    values = join_cells(value, where)
    if not values.size:
        raise UserError(
            f"{where}: is empty ({' x '.join(map(str, values.shape))}); name the variable that "
            "holds the values"
        )
    return values


def _open_matlab(path: Path, variable: str | None) -> tuple[Any, str]:
    """Content of a variable, as `load_mat` returns it."""
    name, steps = (None, "") if variable is None else split_path(path, variable)
    load = load_mat_hdf5 if _is_hdf5(path) else load_mat
    return load(path, lambda names: choose_variable(path, name, names), steps)


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _load_hdf5(path: Path, variable: str | None) -> np.ndarray:
    import h5py

    with open_hdf5(path) as file:
        names: list[str] = []
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )
        dataset = file[choose_variable(path, variable and variable.strip("/"), names)]
        if h5py.check_string_dtype(dataset.dtype):
            return np.asarray(dataset.asstr()[()], dtype=str)
        return dataset[()]


LOADERS = {
    ".npy": _load_npy,
    ".npz": _load_npz,
    ".mat": _load_matlab,
    ".h5": _load_hdf5,
    ".hdf5": _load_hdf5,
    ".nwb": _load_hdf5,
}
