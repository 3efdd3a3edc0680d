"""Objects of MATLAB's classes in .mat files: string, categorical and table.

A variable of such a class is a handle of a few numbers. What it stands for is in a hidden variable
of the file: a list of cells whose first says which cells hold the properties of which object.
MATLAB does not document this. The layout here is the one that the package mat-io reads and writes
(https://github.com/foreverallama/matio), versions 2 to 4.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = 0xDD000000  # first number of a handle
VERSIONS = (2, 3, 4)
N_CHARACTERS_MISSING = 0xFFFFFFFFFFFFFFFF  # <missing> among strings
READ_AS = {
    "datetime": "cellstr(x) as text or posixtime(x) as numbers",
    "duration": "seconds(x)",
    "timetable": "table2struct(timetable2table(x), 'ToScalar', true)",
    "containers.Map": "cells, keys(x) and values(x)",
    "dictionary": "cells, keys(x) and values(x)",
    "function_handle": "the values that it returns",
    "string": "cellstr(x)",
    "categorical": "cellstr(x)",
    "table": "table2struct(x, 'ToScalar', true)",
}


@dataclass(frozen=True)
class UnreadObject:
    """A value of a class that is not read; `classname` as MATLAB says it."""

    classname: str

    def describe(self) -> str:
        """What it is and how MATLAB saves it so that it is read, for messages."""
        way_out = READ_AS.get(self.classname, "a struct or plain arrays")
        return f"is a MATLAB {self.classname}, which is not read; save it in MATLAB as {way_out}"


class MatlabObjects:
    """The objects of one file.

    Parameters
    ----------
    cells
        The cells of the hidden variable ``MCOS``, (cell,), of any content.
    """

    def __init__(self, cells: list[Any]) -> None:
        self.cells = cells
        content = np.ascontiguousarray(cells[0]).view(np.uint8).tobytes()
        head = np.frombuffer(content, "<i4", count=10)
        if head[0] not in VERSIONS:
            raise ValueError(f"objects of version {head[0]}")
        starts = head[2:]
        texts = content[40 : starts[0]].split(b"\0")
        self.names = [text.decode("utf-8") for text in texts if text]
        ends = itertools.pairwise(starts[:5])
        regions = [np.frombuffer(content[first:last], "<i4") for first, last in ends]
        self.classes = regions[0].reshape(-1, 4)
        self.saved, self.objects = regions[1], regions[2].reshape(-1, 6)
        self.plain = regions[3]

    def read(self, handle: np.ndarray) -> Any:
        """Text of a string or categorical, columns of a table, or an `UnreadObject`."""
        numbers = np.asarray(handle).ravel(order="F").tolist()
        n_dims = numbers[1]
        identifiers = numbers[2 + n_dims : -1]
        namespace, own = self.classes[numbers[-1]][:2]
        classname = (f"{self.names[namespace - 1]}." if namespace else "") + self.names[own - 1]
        reader = CLASSES.get(classname)
        if reader is None or len(identifiers) != 1:
            return UnreadObject(classname)
        try:
            return reader(self._read_properties(identifiers[0], numbers[-1]))
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            return UnreadObject(classname)

    def _read_properties(self, identifier: int, class_number: int) -> dict[str, Any]:
        properties = _get_fields(np.ravel(self.cells[-1], order="F")[class_number])
        saved, plain = self.objects[identifier][3:5]
        records = self.saved if saved else self.plain
        place = 0
        for _ in range(saved or plain):
            place += 1 + 3 * records[place]
            place += place % 2
        found = records[place + 1 : place + 1 + 3 * records[place]].reshape(-1, 3)
        for name, kind, value in found.tolist():
            # 0: a name, 1: a cell (counted from the third), 2: a truth value or small number
            values = {0: lambda v: self.names[v - 1], 1: lambda v: self.cells[v + 2]}
            properties[self.names[name - 1]] = values.get(kind, np.asarray)(value)
        return {name: self._resolve(value) for name, value in properties.items()}

    def _resolve(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype == object:
            resolved = np.empty(value.shape, dtype=object)
            for place, part in np.ndenumerate(value):
                resolved[place] = self._resolve(part)
            return resolved
        is_handle = value.dtype == np.uint32 and value.size > 3 and value.flat[0] == MAGIC
        return self.read(value) if is_handle else value


def _get_fields(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    names = getattr(getattr(value, "dtype", None), "names", None) or ()
    return {name: value[name].flat[0] for name in names if value.size}


def _read_string(properties: dict[str, Any]) -> np.ndarray:
    """Text; a missing one is empty."""
    numbers = np.ascontiguousarray(properties["any"].ravel(order="F"), dtype="<u8")
    if not numbers.size:
        return np.empty((0, 0), dtype=str)
    if numbers[0] != 1:
        raise ValueError(f"string of version {numbers[0]}")
    n_dims = int(numbers[1])
    shape = tuple(map(int, numbers[2 : 2 + n_dims]))
    size = int(np.prod(shape))
    lengths = numbers[2 + n_dims : 2 + n_dims + size].tolist()
    content, place, texts = numbers[2 + n_dims + size :].tobytes(), 0, []
    for length in lengths:
        length = 0 if length == N_CHARACTERS_MISSING else length
        texts.append(content[place : place + 2 * length].decode("utf-16-le"))
        place += 2 * length
    return np.array(texts, dtype=str).reshape(shape, order="F")


def _read_categorical(properties: dict[str, Any]) -> np.ndarray:
    """Names of the categories; an undefined one is empty."""
    names = ["", *(_get_text(name) for name in properties["categoryNames"].ravel(order="F"))]
    codes = np.asarray(properties["codes"]).astype(np.int64)
    return np.array(names, dtype=str)[codes]


def _read_table(properties: dict[str, Any]) -> dict[str, Any]:
    """Columns by their names."""
    further = _get_fields(properties["props"])
    names = properties["varnames"]
    for suffix in ("Original", "2048"):
        flag = further.get(f"useVariableNames{suffix}")
        if flag is not None and np.size(flag) and np.ravel(flag)[0]:
            names = further[f"VariableNames{suffix}"]
    columns = properties["data"].ravel(order="F")
    return dict(zip(map(_get_text, names.ravel(order="F")), columns, strict=True))


def _get_text(value: Any) -> str:
    return str(np.ravel(value)[0]) if np.size(value) else ""


CLASSES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "string": _read_string,
    "categorical": _read_categorical,
    "table": _read_table,
}
