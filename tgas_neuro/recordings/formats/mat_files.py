"""Variables of .mat files: fields, elements and cells of all versions; version 7.3 is read here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse

from tgas_neuro.recordings.formats.hdf5_files import Unwritten, open_hdf5, read_values
from tgas_neuro.recordings.formats.hdf5_storage import check_storage, get_object
from tgas_neuro.recordings.formats.mat_objects import MatlabObjects, UnreadObject
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import h5py

Choose = Callable[[list[str]], str]
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
PATH = re.compile(r"([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])*)$")
LARGEST_SPARSE = 10**9  # values of a sparse matrix in full


def split_path(path: Path, variable: str) -> tuple[str, str]:
    """Name of a variable, and its fields and elements, as ``data`` and ``[0].rdm``."""
    match = PATH.match(variable)
    if not match:
        raise UserError(
            f"{path}: variable: {variable!r} is not a name with fields and elements, as data[0].rdm"
        )
    name, steps = match.groups()
    return name, steps


def load_mat_hdf5(
    path: Path, choose: Choose, steps: str, unwritten: Unwritten | None = None
) -> tuple[Any, str]:
    """Load a variable of a .mat file of version 7.3, which is HDF5; see `load_mat`.

    HDF5 holds MATLAB's arrays with their axes reversed; they are reversed again. `unwritten`
    is as in `tgas_neuro.recordings.formats.hdf5_files.read_values`.
    """
    with open_hdf5(path) as file:
        name = choose([name for name in file if not name.startswith("#")])
        objects: list[MatlabObjects | UnreadableObjects] = []

        def read(value: Any) -> Any:
            if not isinstance(value, _Handle):
                return value
            if not objects:
                objects.append(_load_hdf5_objects(file))
            found = objects[0].read(value.numbers)
            return UnreadObject(value.classname) if isinstance(found, UnreadObject) else found

        item, where, left = get_object(file, name), f"{path}: {name}", STEP.findall(steps)
        # of a struct only the field that is asked for is read
        while left and _is_struct(item) and (field := get_object(item, left[0][0])) is not None:
            item = field
            where += f".{left.pop(0)[0]}"
        value = _read_item(file, item, unwritten)
        if where != f"{path}: {name}" and isinstance(value, np.ndarray):
            value = value.item() if value.dtype == object and value.size == 1 else value
        return follow_steps(value, left, where, read)


def get_plain_dataset(file: h5py.File, name: str) -> h5py.Dataset | None:
    """A dataset of plain numbers that is not empty, or None; `name` is a path in the file."""
    import h5py

    item: h5py.File | h5py.Group | h5py.Dataset = file
    for part in name.strip("/").split("/"):
        item = get_object(item, part) if _is_struct(item) else None
    marks = ("MATLAB_empty", "MATLAB_object_decode")
    plain = isinstance(item, h5py.Dataset) and not any(mark in item.attrs for mark in marks)
    return item if plain and _get_classname(item) != "char" else None


def _is_struct(item: h5py.Dataset | h5py.Group) -> bool:
    import h5py

    marks = ("MATLAB_sparse", "MATLAB_object_decode")
    return isinstance(item, h5py.Group) and not any(mark in item.attrs for mark in marks)


class UnreadableObjects:
    """Stands for the objects of a file whose hidden variable cannot be read."""

    def read(self, handle: np.ndarray) -> UnreadObject:
        """An object of unknown content."""
        return UnreadObject("object")


class _Handle(NamedTuple):
    """An object of version 7.3 that is not looked up yet."""

    numbers: np.ndarray
    classname: str


def _load_hdf5_objects(file: h5py.File) -> MatlabObjects | UnreadableObjects:
    try:
        cells = _read_item(file, get_object(file, "#subsystem#/MCOS"), cells=True)
        return MatlabObjects(list(cells.ravel(order="F")))
    except UserError:
        raise
    except Exception:  # the hidden variable is not documented
        return UnreadableObjects()


def follow_steps(
    value: Any, steps: list[tuple[str, str]], where: str, read: Callable[[Any], Any]
) -> tuple[Any, str]:
    """Take fields and elements (see `STEP`) one after the other; `read` looks objects up."""
    value = read(value)
    for field, element in steps:
        if isinstance(value, UnreadObject):
            raise UserError(f"{where}: {value.describe()}")
        value = _take_field(value, field, where) if field else _take(value, int(element), where)
        value = read(value)
        where += f".{field}" if field else f"[{element}]"
    if isinstance(value, np.ndarray) and value.dtype == object:
        for place, part in np.ndenumerate(value):
            value[place] = read(part)
    return value, where


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


def join_cells(value: Any, where: str) -> np.ndarray:
    """A plain array: cells or fields of a struct array are stacked where they are alike."""
    if isinstance(value, UnreadObject):
        raise UserError(f"{where}: {value.describe()}")
    if isinstance(value, dict) or getattr(getattr(value, "dtype", None), "names", None):
        names = list(value) if isinstance(value, dict) else value.dtype.names
        raise UserError(f"{where}: is a struct or a table; name a field of it: {', '.join(names)}")
    if scipy.sparse.issparse(value):
        if value.shape[0] * value.shape[1] > LARGEST_SPARSE:
            raise UserError(
                f"{where}: is sparse and {value.shape[0]} x {value.shape[1]}, more than "
                f"{LARGEST_SPARSE} values in full; save the part that is needed"
            )
        return value.toarray()
    if not isinstance(value, np.ndarray):
        return np.asarray(value)
    if value.dtype != object:
        return value
    if not value.size:
        return np.zeros(value.shape)
    unread = [part for part in value.ravel(order="F") if isinstance(part, UnreadObject)]
    if unread:
        raise UserError(f"{where}: a cell {unread[0].describe()}")
    parts = [np.squeeze(np.asarray(part)) for part in value.ravel(order="F")]
    forms = {(part.shape, part.dtype.kind) for part in parts}
    if len(forms) != 1 or parts[0].dtype.kind not in "fiubU":
        raise UserError(
            f"{where}: its {len(parts)} cells are not alike (numbers of one shape, or text); save "
            "a plain array"
        )
    return np.stack(parts)


def _read_item(
    file: h5py.File,
    item: h5py.Dataset | h5py.Group,
    unwritten: Unwritten | None = None,
    cells: bool = False,
) -> Any:
    """Content of one variable of version 7.3: array, text, object array of cells, or dict."""
    import h5py

    classname = _get_classname(item)
    if classname == "function_handle":
        return UnreadObject(classname)
    if "MATLAB_object_decode" in item.attrs and not cells:
        is_handle = isinstance(item, h5py.Dataset) and item.dtype.kind in "iu"
        return _Handle(read_values(item).T, classname) if is_handle else UnreadObject(classname)
    if "MATLAB_sparse" in item.attrs:
        return _read_sparse(item)
    if isinstance(item, h5py.Group):
        return {name: _read_item(file, get_object(item, name), unwritten) for name in item}
    if item.attrs.get("MATLAB_empty", 0):  # the numbers of the data set are its size
        kind = {"char": str, "cell": object, "logical": bool}.get(classname, float)
        return np.zeros(tuple(map(int, np.ravel(read_values(item)))), dtype=kind)
    if item.dtype == h5py.ref_dtype:
        references = read_values(item).T
        found = np.empty(references.shape, dtype=object)
        for place, reference in np.ndenumerate(references):
            cell = file[reference]
            if isinstance(cell, h5py.Dataset):
                check_storage(cell)
            found[place] = _read_item(file, cell, unwritten)
        return found
    values = read_values(item, None if classname == "char" else unwritten).T
    if item.dtype.names == ("real", "imag"):
        return values["real"] + 1j * values["imag"]
    if classname == "char":
        rows = [_decode(row) for row in np.atleast_2d(values)]
        return np.array(rows if len(rows) > 1 else rows[0])
    is_logical = classname == "logical" and values.dtype.kind != "f"  # NaN was never written
    return values.astype(bool) if is_logical else values


def _get_classname(item: h5py.Dataset | h5py.Group) -> str:
    name = item.attrs.get("MATLAB_class", b"")
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _decode(row: np.ndarray) -> str:
    if row.dtype.itemsize > 2:
        return "".join(map(chr, row))
    return row.astype("<u2").tobytes().decode("utf-16-le", "replace")


def _read_sparse(group: h5py.Group) -> Any:
    """A sparse matrix as scipy has it; a logical one with truth values."""
    parts = {
        name: read_values(get_object(group, name)) for name in ("jc", "data", "ir") if name in group
    }
    columns = parts["jc"].astype(np.int64)
    shape = (int(group.attrs["MATLAB_sparse"]), len(columns) - 1)
    if "data" not in group:
        return scipy.sparse.csc_array(shape)
    data, rows = parts["data"], parts["ir"].astype(np.int64)
    if data.dtype.names == ("real", "imag"):
        data = data["real"] + 1j * data["imag"]
    if _get_classname(group) == "logical":
        data = data.astype(bool)
    return scipy.sparse.csc_array((data, rows, columns), shape=shape)
