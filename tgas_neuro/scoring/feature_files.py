"""Features that another program recorded: layers from a file, and which row is which stimulus."""

import fnmatch
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError

NAMES_FILE = "file_names.txt"  # of thingsvision, a line for each row
PART = re.compile(r"features_\d\d+")  # a data set of thingsvision's for every tenth of the rows


@dataclass(frozen=True)
class Features:
    """The layers of a file.

    Attributes
    ----------
    source
        The file, for messages.
    layers
        Layer to a function that loads it, (stimulus, ...).
    names
        Of the rows: identifiers or file names of stimuli; None where none are given.
    """

    source: str
    layers: Mapping[str, Callable[[], np.ndarray]]
    names: tuple[str, ...] | None = None

    def choose(self, patterns: Sequence[str]) -> "Features":
        """The layers of these names, in which ``*`` stands for any text, in the file's order.

        ``all`` and ``auto`` stand for every layer.

        Raises
        ------
        UserError
            No layer has such a name.
        """
        found: set[str] = set()
        for pattern in patterns:
            whole = pattern in ("all", "auto")
            names = list(self.layers) if whole else fnmatch.filter(self.layers, pattern)
            if not names:
                raise UserError(
                    f"layers: {pattern!r}: no layer of {self.source} is called so; there are: "
                    f"{', '.join(self.layers)}"
                )
            found.update(names)
        kept = {name: load for name, load in self.layers.items() if name in found}
        return Features(self.source, kept, self.names)

    def load(self, name: str) -> np.ndarray:
        """A layer, (stimulus, unit), float32 or float64.

        Raises
        ------
        UserError
            It does not hold real numbers for stimuli and units, or one that is not finite.
        """
        values = np.asarray(self.layers[name]())
        where = f"{self.source}: layer {name!r}"
        if values.ndim < 2 or values.size == 0 or values.dtype.kind not in "fiub":
            raise UserError(
                f"{where} has shape {values.shape} and type {values.dtype}; expected real numbers, "
                "(stimulus, unit)"
            )
        narrow = values.dtype.itemsize < 4 or values.dtype == np.float32
        values = values.reshape(len(values), -1).astype(np.float32 if narrow else np.float64)
        wrong = ~np.isfinite(values)
        if wrong.any():
            row = int(wrong.any(axis=1).argmax())
            raise UserError(
                f"{where}: {int(wrong.sum()):,} of {values.size:,} values are not finite, the "
                f"first in row {row}; leave out the units or record them again"
            )
        if self.names is not None and len(self.names) != len(values):
            raise UserError(
                f"{where} has {len(values):,} rows, but there are {len(self.names):,} names of "
                "rows; give a name for each row"
            )
        return values


def read_features(path: str | Path) -> Features:
    """Read the layers of a file, which are loaded when they are asked for.

    Parameters
    ----------
    path
        ``.npy``: a layer, called as the file, or as its folder where the file is called
        ``features``. ``.npz``, ``.h5``, ``.hdf5``: a layer for each array. ``.pt``: a tensor, or a
        dict of them. Rows have names where the file holds one array of texts, or where
        ``file_names.txt`` lies beside it or in the folder above, as thingsvision writes it. Data
        sets ``features_01``, ``features_02``, ... of thingsvision are parts of one layer.

    Raises
    ------
    UserError
        The file is missing, broken, or holds no layer.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct its path")
    try:
        arrays = FORMATS[path.suffix](path)
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{path}: not a readable {path.suffix} file of features ({reason}); write it again"
        ) from None
    texts = {name: load for name, (load, is_text) in arrays.items() if is_text}
    layers = {name: load for name, (load, is_text) in arrays.items() if not is_text}
    if len(texts) > 1:
        raise UserError(
            f"{path}: {len(texts)} arrays hold texts ({', '.join(texts)}); keep the one that names "
            "the rows"
        )
    if not layers:
        raise UserError(f"{path}: holds no array of features; expected (stimulus, unit)")
    if len(layers) > 1 and all(PART.fullmatch(name) for name in layers):
        parts = [layers[name] for name in sorted(layers, key=lambda name: int(name[9:]))]
        layers = {"features": lambda: np.concatenate([load() for load in parts])}
    names = None
    if texts:
        (load,) = texts.values()
        names = tuple(_decode(one) for one in np.asarray(load()).ravel())
    else:
        names = _read_names(path)
    return Features(str(path), layers, names)


def match_rows(features: Features, n_rows: int, stimuli: pd.DataFrame, region: str) -> np.ndarray:
    """The row of each stimulus of a region, (stimulus,).

    Parameters
    ----------
    features
        With names, rows are matched by these: with the identifiers of the stimuli, or with the
        names of their files, with or without folder and ending. Without names, rows are the
        stimuli in their order.
    n_rows
        Rows of the layers.
    stimuli
        With ``stimulus_id``, perhaps ``filename``.
    region
        For messages.

    Raises
    ------
    UserError
        Rows and stimuli do not fit, or in more than one way.
    """
    here = f"{features.source}: {n_rows:,} rows, but region {region} has {len(stimuli):,} stimuli"
    if features.names is None:
        if n_rows == len(stimuli):
            return np.arange(n_rows)
        raise UserError(
            f"{here}; give a row for each, in the order of stimuli.csv, or name the rows in "
            f"{NAMES_FILE} beside the file"
        )
    found: list[np.ndarray] = []
    as_files = False  # with their endings they can mean nothing else
    most, missing = -1, ""
    for names, wanted, whole in _list_forms(features.names, stimuli):
        if as_files:
            break
        numbers = {name: number for number, name in enumerate(names)}
        absent = [name for name in wanted if name not in numbers]
        if len(wanted) - len(absent) > most:
            most, missing = len(wanted) - len(absent), absent[0] if absent else ""
        if absent or len(set(wanted)) < len(wanted):
            continue
        needed = set(wanted)
        if sum(name in needed for name in names) > len(wanted):
            continue  # several rows of one name
        rows = np.array([numbers[name] for name in wanted])
        as_files = whole
        found = [rows] if whole else [*found, rows]
    if not found:
        what = f"{most:,} of them are among its names, not {missing!r}"
        if not missing:
            what = "several rows have the name of one stimulus"
        raise UserError(f"{here}, and {what}; name each row as the stimulus or its file")
    if not as_files and any((rows != found[0]).any() for rows in found):
        raise UserError(
            f"{here}, and the names of the rows fit them in more than one way, as identifiers and "
            "as files; name each row as the stimulus's file, with its ending"
        )
    return found[0]


def _list_forms(
    names: Sequence[str], stimuli: pd.DataFrame
) -> list[tuple[Sequence[str], Sequence[str], bool]]:
    """Names of rows, what they may be of the stimuli, and whether that is files with endings."""
    ids = [str(one) for one in stimuli["stimulus_id"]]
    bases = [PurePosixPath(name).name for name in names]
    stems = [PurePosixPath(name).stem for name in names]
    forms: list[tuple[Sequence[str], Sequence[str], bool]]
    forms = [(names, ids, False), (bases, ids, False), (stems, ids, False)]
    if "filename" in stimuli:
        files = [PurePosixPath(str(file)) for file in stimuli["filename"]]
        endings = all(file.suffix for file in files)
        forms.append((names, [str(file) for file in files], endings))
        forms.append((bases, [file.name for file in files], endings))
        forms.append((stems, [file.stem for file in files], False))
    return forms


def _read_names(path: Path) -> tuple[str, ...] | None:
    for folder in (path.parent, path.absolute().parent.parent):
        file = folder / NAMES_FILE
        if file.is_file():
            return tuple(line.strip() for line in file.read_text().splitlines() if line.strip())
    return None


def _decode(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


Arrays = dict[str, tuple[Callable[[], Any], bool]]  # name to a loader, and whether it holds texts


def _read_npy(path: Path) -> Arrays:
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    name = path.parent.name if path.stem == "features" and path.parent.name else path.stem
    return {name: (lambda: values, False)}


def _read_npz(path: Path) -> Arrays:
    archive = np.load(path, allow_pickle=False)
    found = {}
    for name in archive.files:
        with archive.zip.open(f"{name}.npy") as file:  # its type alone
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
                version, np.lib.format.read_array_header_2_0
            )
            found[name] = read(file)[2].kind in "US"
    return {name: (partial(archive.__getitem__, name), text) for name, text in found.items()}


def _read_hdf5(path: Path) -> Arrays:
    import h5py

    from tgas_neuro.recordings.formats.subprocess_probe import probe_hdf5

    probe_hdf5(path)
    found: dict[str, bool] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = h5py.check_string_dtype(item.dtype) is not None

    def load(name: str) -> np.ndarray:
        with h5py.File(path, "r") as file:
            return np.asarray(file[name][()])

    with h5py.File(path, "r") as file:
        file.visititems(note)
    return {name: (partial(load, name), text) for name, text in found.items()}


def _read_pt(path: Path) -> Arrays:
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(str(error)) from None
    tensors = content if isinstance(content, dict) else {path.stem: content}
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"{name!r} is a {type(tensor).__name__}, not a tensor")
    wide = {
        key: one.float() if one.dtype == torch.bfloat16 else one for key, one in tensors.items()
    }
    return {str(key): (one.detach().numpy, False) for key, one in wide.items()}


FORMATS: dict[str, Callable[[Path], Arrays]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".pt": _read_pt,
}
