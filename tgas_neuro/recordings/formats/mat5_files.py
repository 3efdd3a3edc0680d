"""Variables of .mat files up to version 7, one at a time, and their objects."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io

from tgas_neuro.recordings.formats.mat_files import STEP, Choose, UnreadableObjects, follow_steps
from tgas_neuro.recordings.formats.mat_objects import MatlabObjects, UnreadObject
from tgas_neuro.recordings.formats.subprocess_probe import probe_mat
from tgas_neuro.runtime.errors import UserError

COMPRESSED, OPAQUE, LOGICAL = 15, 17, 0x200  # of the format's version 5


def load_mat_variables(path: Path) -> dict:
    """Load all variables of a .mat file up to version 7."""
    return _load_mat(path, path, None)


def _load_mat(path: Path, source: Path | io.BytesIO, names: list[str] | None) -> dict:
    probe_mat(path, names)
    try:
        return scipy.io.loadmat(source, variable_names=names)
    except Exception as error:  # scipy's parser raises all kinds on a damaged file
        raise _format_damage(path, error) from None


def _format_damage(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: not a readable .mat file ({error or type(error).__name__}); it may be "
        "truncated: delete it to have it fetched again"
    )


class Element(NamedTuple):
    """A variable of a .mat file of version 5 to 7: its name, its class, and where it is."""

    name: str
    flags: int
    start: int
    size: int


def load_mat(path: Path, choose: Choose, steps: str) -> tuple[Any, str]:
    """Load one variable of a .mat file up to version 7, without the others.

    `choose` chooses one of the names of its variables; `steps` are fields and elements of the
    variable, for example ``[0].rdm``, or "".

    Returns
    -------
    tuple
        An array, where an array of objects is cells; a struct, a dict of columns, or an
        `UnreadObject`; and the file and what was taken of it, for messages.

    Raises
    ------
    UserError
        The file is damaged, or the steps lead nowhere.
    """
    header, elements = _list_elements(path)
    if not elements:  # version 4 has no header
        content = load_mat_variables(path)
        name = choose([name for name in content if not name.startswith("__")])
        return follow_steps(
            content[name], STEP.findall(steps), f"{path}: {name}", lambda value: value
        )
    name = choose([element.name for element in elements if element.name])
    element = next(element for element in elements if element.name == name)
    found: list[MatlabObjects | UnreadableObjects] = []

    def read(value: Any) -> Any:
        if isinstance(value, scipy.io.matlab.MatlabFunction):
            return UnreadObject("function_handle")
        if isinstance(value, scipy.io.matlab.MatlabOpaque):
            classname, handle = _split_opaque(value)
            if not found:
                found.append(_load_objects_safely(path))
            content = found[0].read(handle)
            return UnreadObject(classname) if isinstance(content, UnreadObject) else content
        return value

    if element.flags & 0xFF == OPAQUE:
        probe_mat(path, ["None", name])  # scipy before 1.18 calls all such variables None
        try:
            content = _load_element(path, header, element)
            value = content[name if name in content else "None"]
        except Exception as error:  # scipy's parser raises all kinds on a damaged file
            raise _format_damage(path, error) from None
    else:
        value = _load_mat(path, path, [name])[name]
    if element.flags & LOGICAL and isinstance(value, np.ndarray):
        value = value.astype(bool)
    return follow_steps(value, STEP.findall(steps), f"{path}: {name}", read)


def _split_opaque(value: np.ndarray) -> tuple[str, np.ndarray]:
    """Name of the class and handle of a variable that scipy does not read.

    They are the last two fields: s2 and arr, since scipy 1.18 _Class and _ObjectMetadata.
    """
    classname, handle = (value.ravel()[0][name] for name in value.dtype.names[-2:])
    text = classname.decode("utf-8", "replace") if isinstance(classname, bytes) else classname
    return str(text), handle


def _list_elements(path: Path) -> tuple[bytes, list[Element]]:
    """Header and variables of a file of version 5 to 7; none for one of version 4."""
    elements = []
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(128)
        if header[126:128] not in (b"IM", b"MI"):
            return header, []
        order = "<" if header[126:128] == b"IM" else ">"
        while (start := file.tell()) + 8 <= size:
            kind, length = struct.unpack(f"{order}II", file.read(8))
            begin = file.read(min(length, 600))
            try:
                if kind == COMPRESSED:
                    begin = zlib.decompressobj().decompress(begin, 300)
                    begin = begin[8:]
                elements.append(Element(*_read_head(begin, order), start, 8 + length))
            except (struct.error, zlib.error, ValueError) as error:
                raise _format_damage(path, error) from None
            file.seek(start + 8 + length)
    return header, elements


def _read_head(content: bytes, order: str) -> tuple[str, int]:
    """Name and flags (with the class in the lowest byte) at the beginning of a variable."""
    flags, place = struct.unpack_from(f"{order}I", content, 8)[0], 16
    if flags & 0xFF != OPAQUE:
        _, place = _read_part(content, place, order)  # its dimensions
    name, _ = _read_part(content, place, order)
    return name.decode("latin1").strip("\0"), flags


def _read_part(content: bytes, place: int, order: str) -> tuple[bytes, int]:
    kind, length = struct.unpack_from(f"{order}II", content, place)
    if kind >> 16:  # up to four bytes are in the tag itself
        length = kind >> 16
        return content[place + 4 : place + 4 + length], place + 8
    return content[place + 8 : place + 8 + length], place + 8 + -(-length // 8) * 8


def _load_element(path: Path, header: bytes, element: Element) -> dict:
    with path.open("rb") as file:
        file.seek(element.start)
        return scipy.io.loadmat(io.BytesIO(header + file.read(element.size)))


def _load_objects_safely(path: Path) -> MatlabObjects | UnreadableObjects:
    """Objects of a file, after a child process has read them (see `probe_mat`)."""
    probe_mat(path, read=_load_objects)
    try:
        return _load_objects(path)
    except Exception:  # the hidden variable is not documented
        return UnreadableObjects()


def _load_objects(path: str | Path) -> MatlabObjects | UnreadableObjects:
    """Objects of a file: the variable without a name is itself a file, with a short header."""
    header, elements = _list_elements(Path(path))
    offset = int.from_bytes(header[116:124], "little" if header[126:128] == b"IM" else "big")
    hidden = [element for element in elements if not element.name and element.start == offset]
    if not hidden:
        return UnreadableObjects()
    inner = _load_element(Path(path), header, hidden[0])["__function_workspace__"].tobytes()
    length = int.from_bytes(inner[12:16], "little" if inner[2:4] == b"IM" else "big")
    file = io.BytesIO(b" " * 124 + inner[:4] + inner[8 : 16 + length])
    found = scipy.io.loadmat(file)["__function_workspace__"]
    _, cells = _split_opaque(found["MCOS"].flat[0])
    return MatlabObjects(list(cells.ravel(order="F")))
