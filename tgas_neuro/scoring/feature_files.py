"""Features that another program recorded: the layers of a file, and the names of its rows."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.scoring.features import NAMES_FILE, Features, decode

PART = re.compile(r"features_\d\d+")  # a data set of thingsvision's for every tenth of the rows


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
    with _reading(path):
        arrays = FORMATS[path.suffix](path)
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
        numbered = {int(name[9:]): load for name, load in layers.items()}
        parts = [numbered[number] for number in sorted(numbered)]
        if sorted(numbered) != list(range(1, len(layers) + 1)):
            raise UserError(
                f"{path}: {', '.join(layers)} are parts of one layer, but not numbered from 1 to "
                f"{len(layers)}; write them again, or give layers other names"
            )
        layers = {"features": lambda: np.concatenate([load() for load in parts])}
    if texts:
        ((called, load),) = texts.items()
        with _reading(path):
            names = tuple(decode(one) for one in np.asarray(load()).ravel())
        return Features(str(path), layers, names, f"its array {called!r}")
    return Features(str(path), layers, *_read_names(path))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a library raises of a broken file is one line."""
    try:
        yield
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{path}: not a readable {path.suffix} file of features ({reason}); write it again"
        ) from None


def _read_names(path: Path) -> tuple[tuple[str, ...] | None, str]:
    """Names of the rows beside a file or in the folder above, and the file that holds them."""
    for folder in (path.parent, path.absolute().parent.parent):
        file = folder / NAMES_FILE
        if file.is_file():
            try:
                lines = file.read_text(encoding="utf-8-sig").splitlines()
            except (OSError, ValueError) as error:
                raise UserError(
                    f"{file}: cannot be read ({describe_error(error)}); write the names of the "
                    "rows as text, UTF-8, one a line"
                ) from None
            return tuple(line.strip() for line in lines if line.strip()), str(file)
    return None, ""


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

    def list_datasets(group: Any, above: tuple[Any, ...]) -> Iterator[tuple[str, bool]]:
        for name in group:  # also links, which h5py's own walk leaves out
            item = group.get(name)
            where = f"{group.name}/{name}".lstrip("/")
            if item is None:
                raise ValueError(f"the link {where!r} leads nowhere")
            if isinstance(item, h5py.Dataset):
                yield where, h5py.check_string_dtype(item.dtype) is not None
            elif isinstance(item, h5py.Group) and item not in above:
                yield from list_datasets(item, (*above, item))

    def load(name: str) -> np.ndarray:
        with h5py.File(path, "r") as file:
            return np.asarray(file[name][()])

    with h5py.File(path, "r") as file:
        found = dict(list_datasets(file, (file["/"],)))
    return {name: (partial(load, name), text) for name, text in found.items()}


def _read_pt(path: Path) -> Arrays:
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # of many lines, on how to trust a file
        raise ValueError(
            "it holds other objects than tensors, or was not written by torch"
        ) from None
    tensors = content if isinstance(content, dict) else {path.stem: content}
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"{name!r} is a {type(tensor).__name__}, not a tensor")
    if len({str(name) for name in tensors}) < len(tensors):
        raise ValueError("two of its keys are the same text")
    return {str(name): (tensor.detach, False) for name, tensor in tensors.items()}


FORMATS: dict[str, Callable[[Path], Arrays]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".pt": _read_pt,
}
