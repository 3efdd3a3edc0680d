"""Arrays from .npy, .npz, .mat and .h5 files; never a pickle, never an array of objects."""

import re
from pathlib import Path

import numpy as np

from tgas_neuro.recordings.formats.hdf5_files import open_hdf5
from tgas_neuro.recordings.formats.mat_files import load_mat, load_mat_hdf5
from tgas_neuro.runtime.errors import UserError

ENDINGS = (".npy", ".npz", ".mat", ".h5", ".hdf5")
PATH = re.compile(r"([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])*)$")


def load_variable(path: str | Path, variable: str | None = None) -> np.ndarray:
    """Load one array.

    Parameters
    ----------
    path
        ``.npy``; ``.npz``; ``.mat`` of any version (7.3 through h5py, its axes in MATLAB's
        order); ``.h5`` or ``.hdf5``.
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
        objects, cells of mixed content, sparse or complex values.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    if ending not in LOADERS:
        raise UserError(
            f"{path}: {ending or 'no ending'!r} is no array file; allowed are {', '.join(ENDINGS)}"
        )
    values = np.asarray(LOADERS[ending](path, variable))
    where = f"{path}{f': {variable}' if variable else ''}"
    if values.dtype.kind == "S":
        values = _decode(values, where)
    if values.dtype.kind not in "fiubU":
        raise UserError(
            f"{where}: holds {values.dtype}, expected real numbers or text; arrays of objects are "
            "never loaded: save a plain array"
        )
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
            raise _word_damage(path, "variable " + repr(chosen), error) from None


def _load_numpy(path: Path):
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:  # numpy's parser raises all kinds on a damaged file
        raise _word_damage(path, f"{path.suffix} array", error) from None


def _word_damage(path: Path, what: str, error: Exception) -> UserError:
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
    steps = ""
    if variable is not None:
        match = PATH.match(variable)
        if not match:
            raise UserError(
                f"{path}: variable: {variable!r} is not a name with fields and elements, as "
                "data[0].rdm"
            )
        variable, steps = match.groups()
    load = load_mat_hdf5 if _is_hdf5(path) else load_mat
    return load(path, lambda names: choose_variable(path, variable, names), steps)


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
}
