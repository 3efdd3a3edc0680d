"""Arrays from .npy, .npz, .mat and .h5 files; never a pickle, never an array of objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.io

from tgas_neuro.recordings.formats.hdf5_files import open_hdf5
from tgas_neuro.recordings.formats.subprocess_probe import probe_mat
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import h5py

ENDINGS = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".nwb")
Choose = Callable[[list[str]], str]
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
PATH = re.compile(r"([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])*)$")


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
    ".nwb": _load_hdf5,
}


def load_mat_variables(path: Path) -> dict:
    """Load all variables of a .mat file up to version 7."""
    probe_mat(path)
    try:
        return scipy.io.loadmat(path)
    except Exception as error:  # scipy's parser raises all kinds on a damaged file
        raise UserError(
            f"{path}: not a readable .mat file ({error or type(error).__name__}); it may be "
            "truncated: delete it to have it fetched again"
        ) from None


def load_mat(path: Path, choose: Choose, steps: str) -> np.ndarray:
    """Load a variable of a .mat file up to version 7.

    `choose` chooses one of the names of its variables; `steps` are fields and elements of the
    variable, for example ``[0].rdm``, or "".

    Raises
    ------
    UserError
        The file is damaged, or the steps lead nowhere.
    """
    content = load_mat_variables(path)
    name = choose([name for name in content if not name.startswith("__")])
    value, where = content[name], f"{path}: {name}"
    for field, element in STEP.findall(steps):
        value = _take_field(value, field, where) if field else _take(value, int(element), where)
        where += f".{field}" if field else f"[{element}]"
    return _join(value, where)


def load_mat_hdf5(path: Path, choose: Choose, steps: str) -> np.ndarray:
    """Load a variable of a .mat file of version 7.3, which is HDF5; see `load_mat`.

    HDF5 holds MATLAB's arrays with their axes reversed; they are reversed again.
    """
    import h5py

    with open_hdf5(path) as file:
        name = choose([name for name in file if not name.startswith("#")])
        item, where, left = file[name], f"{path}: {name}", STEP.findall(steps)
        while left and isinstance(item, h5py.Group) and left[0][0] in item:
            item = item[left[0][0]]  # of a struct only the field that is asked for is read
            where += f".{left.pop(0)[0]}"
        value = _read_item(file, item)
        if item.name.strip("/") != name and np.size(value) == 1 and isinstance(value, np.ndarray):
            value = value.item() if value.dtype == object else value
        for field, element in left:
            value = _take_field(value, field, where) if field else _take(value, int(element), where)
            where += f".{field}" if field else f"[{element}]"
        return _join(value, where)


def _take_field(value: Any, field: str, where: str) -> Any:
    """The field of a struct; of an array of structs, an object array of its values."""
    if isinstance(value, dict):
        names, values = list(value), value.get(field)
    else:
        names = list(getattr(getattr(value, "dtype", None), "names", None) or ())
        values = value[field] if field in names else None
    if field not in names:
        raise UserError(
            f"{where}: field {field!r} is missing; there are: {', '.join(names) or 'no fields'}"
        )
    if isinstance(values, np.ndarray) and values.dtype == object and values.size == 1:
        return values.item()
    return values


def _take(value: Any, element: int, where: str) -> Any:
    """One element of an array of structs or of cells, counted from 0."""
    if isinstance(value, dict):
        parts = {
            name: part
            for name, part in value.items()
            if isinstance(part, np.ndarray) and part.dtype.hasobject
        }
        size = max((part.size for part in parts.values()), default=1)
        taken: object = {
            name: part.ravel(order="F")[element] for name, part in parts.items()
        } or value
    else:
        size = np.size(value)
        taken = np.ravel(value, order="F")[element] if element < size else None
    if element >= size:
        raise UserError(f"{where}: element [{element}] of {size}; they are counted from 0")
    return taken


def _join(value: Any, where: str) -> np.ndarray:
    """A plain array: cells or fields of a struct array are stacked where they are alike."""
    if isinstance(value, dict) or getattr(getattr(value, "dtype", None), "names", None):
        names = list(value) if isinstance(value, dict) else value.dtype.names
        raise UserError(f"{where}: is a struct; name a field of it: {', '.join(names)}")
    if not isinstance(value, np.ndarray):
        if hasattr(value, "toarray"):
            raise UserError(f"{where}: is sparse; save it as full(...)")
        return np.asarray(value)
    if value.dtype != object:
        return value
    parts = [np.squeeze(np.asarray(part)) for part in value.ravel(order="F")]
    forms = {(part.shape, part.dtype.kind if part.dtype.kind != "U" else "U") for part in parts}
    if len(forms) != 1 or parts[0].dtype.kind not in "fiubU":
        raise UserError(
            f"{where}: its {len(parts)} cells are not alike (numbers of one shape, or text); save "
            "a plain array"
        )
    return np.stack(parts)


def _read_item(file: h5py.File, item: h5py.Dataset | h5py.Group) -> Any:
    """Content of one variable of version 7.3: array, text, object array of cells, or dict."""
    import h5py

    if isinstance(item, h5py.Group):
        return {name: _read_item(file, item[name]) for name in item}
    if "MATLAB_empty" in item.attrs:
        return np.zeros(0)
    if item.dtype == h5py.ref_dtype:
        references = item[()].T
        cells = np.empty(references.shape, dtype=object)
        for place, reference in np.ndenumerate(references):
            cells[place] = _read_item(file, file[reference])
        return cells
    values = item[()].T
    if item.attrs.get("MATLAB_class") == b"char":
        rows = ["".join(map(chr, row)) for row in np.atleast_2d(values)]
        return np.array(rows if len(rows) > 1 else rows[0])
    return values
