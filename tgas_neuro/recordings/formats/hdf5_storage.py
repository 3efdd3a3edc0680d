"""Where the values of an HDF5 file lie: in other files, or nowhere, because nobody wrote them.

HDF5 follows links, virtual data sets and external storage into every file that it can open, and
reads what was never written as the fill value, usually 0. Here a file that the description does
not list is refused before it is opened, and what was never written is found. No values are read
for that, but the links on the way to a data set and the list of its chunks.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import listed

if TYPE_CHECKING:
    import h5py

MOST_STEPS = 16  # links and sources on the way to one object


class Gaps(NamedTuple):
    """Values of a data set that were never written.

    Attributes
    ----------
    number, size
        How many they are, of how many values.
    written, tile
        Truth value of each tile of the data set, and the size of a tile along each axis.
    """

    number: int
    size: int
    written: np.ndarray
    tile: tuple[int, ...]

    def fill(self, block: np.ndarray, place: tuple[slice, ...] | None = None) -> np.ndarray:
        """Numbers with NaN where they were never written.

        `place` is where a block lies in the data set; None: it is the whole one. Whole numbers
        become float32 (of up to 2 bytes) or float64.
        """
        block = block.astype(get_float(block.dtype), copy=False)
        return np.where(self.find(block.shape, place), block, block.dtype.type(np.nan))

    def find(self, shape: tuple[int, ...], place: tuple[slice, ...] | None = None) -> np.ndarray:
        """Whether each value of a block was written."""
        starts = [0] * len(shape) if place is None else [part.start for part in place]
        every = zip(starts, shape, self.tile, strict=True)
        return self.written[np.ix_(*[(start + np.arange(n)) // step for start, n, step in every])]


def get_float(dtype: np.dtype) -> np.dtype:
    """The type of these numbers once some of them are NaN."""
    return dtype if dtype.kind == "f" else np.dtype("f4" if dtype.itemsize <= 2 else "f8")


def get_object(group: h5py.Group, name: str, steps: int = 0) -> Any:
    """The object at a path, or None; links may lead to it, but to no file that is not listed.

    Raises
    ------
    UserError
        A link on the way, or the data set, points to a file that is not listed; or links and
        sources lead in a circle.
    """
    import h5py

    if not _follow(group, name, steps):
        return None
    found = group.get(name)
    if isinstance(found, h5py.Dataset):
        check_storage(found, steps)
    return found


def _follow(group: h5py.Group, name: str, steps: int) -> bool:
    """Whether something lies at a path; links to files that are not listed are refused."""
    import h5py

    if steps > MOST_STEPS:
        raise UserError(
            f"{group.file.filename}: {name}: its links or sources lead in a circle; copy the "
            "values into the file"
        )
    place = group.file if name.startswith("/") else group
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        key, rest = part.encode("utf-8", "surrogateescape"), parts[number + 1 :]
        if not isinstance(place, h5py.Group) or not place.id.links.exists(key):
            return False
        kind = place.id.links.get_info(key).type
        if kind == h5py.h5l.TYPE_HARD:
            place = place[part]
            continue
        if kind == h5py.h5l.TYPE_SOFT:
            inside = decode_name(place.id.links.get_val(key))
            return _follow(place, "/".join([inside, *rest]), steps + 1)
        what = f"{str(place.name).rstrip('/')}/{part}"
        if kind != h5py.h5l.TYPE_EXTERNAL:
            raise UserError(f"{place.file.filename}: {what} is a link of a kind that is not read")
        target, inside = map(decode_name, place.id.links.get_val(key))
        with h5py.File(_find_target(place.file, target, what, "an external link"), "r") as other:
            return _follow(other, "/".join([inside, *rest]), steps + 1)
    return True


def decode_name(text: bytes | str) -> str:
    """A name of HDF5 as text, as h5py has it."""
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


def _find_target(file: h5py.File, name: str, what: str, kind: str) -> Path:
    """The file that HDF5 would open for a name in a file.

    Raises `UserError` if there is none, or if it is not listed.
    """
    here = Path(decode_name(file.filename)).absolute()
    if kind == "external storage":  # as H5Pset_efile_prefix says
        prefix = os.environ.get("HDF5_EXTFILE_PREFIX", "")
        candidates = [Path(prefix.replace("${ORIGIN}", str(here.parent), 1)) / name]
    else:  # as H5Lcreate_external and H5Pset_virtual_prefix say
        variable = "HDF5_VDS_PREFIX" if kind == "a virtual source" else "HDF5_EXT_PREFIX"
        prefixes = [part for part in os.environ.get(variable, "").split(os.pathsep) if part]
        folders = [*map(Path, prefixes), here.parent, Path(), here.resolve().parent]
        tail = Path(name).name if Path(name).is_absolute() else name
        candidates = [*([Path(name)] if tail != name else []), *(one / tail for one in folders)]
    found = next((path for path in candidates if os.access(path, os.F_OK)), None)
    if found and found.resolve() in listed.get() | {here.resolve()}:
        return found
    there = "is not one of the data set's files" if found else "does not exist"
    raise UserError(
        f"{here}: {what} is {kind} that points to {name!r}, which {there}; copy the values into "
        f"{here.name}, or list that file under files of the description (readers arrays and nwb)"
    )


def check_storage(dataset: h5py.Dataset, steps: int = 0) -> None:
    """Check that a data set, and each source of a virtual one, lies in files that are listed.

    Raises `UserError` if it does not, or if what it points to is missing or too small.
    """
    plist = dataset.id.get_create_plist()
    there, n_files = 0, plist.get_external_count()
    if not n_files and not is_virtual(dataset):
        return
    what = str(dataset.name)
    for name, offset, size in map(plist.get_external, range(n_files)):
        path = _find_target(dataset.file, decode_name(name), what, "external storage")
        there += max(0, min(size, path.stat().st_size - offset))
    needed = math.prod(dataset.shape or ()) * dataset.dtype.itemsize if n_files else 0
    if there < needed:
        raise UserError(
            f"{dataset.file.filename}: {what}: its external files hold {there:,} of {needed:,} "
            "bytes; they are truncated: copy them again"
        )
    if is_virtual(dataset):
        for _ in _open_sources(dataset, steps):
            pass


def is_virtual(dataset: h5py.Dataset) -> bool:
    """Whether the values lie in other data sets."""
    import h5py

    return dataset.id.get_create_plist().get_layout() == h5py.h5d.VIRTUAL


def _open_sources(dataset: h5py.Dataset, steps: int = 0) -> Iterator[tuple[int, h5py.Dataset]]:
    """Number and data set of each source of a virtual data set, while its file is open."""
    import h5py

    plist, file, what = dataset.id.get_create_plist(), dataset.file, str(dataset.name)
    for number in range(plist.get_virtual_count()):
        names = (plist.get_virtual_filename(number), plist.get_virtual_dsetname(number))
        name, inside = (decode_name(one).replace("%%", "\0") for one in names)
        if "%" in name + inside:
            raise UserError(
                f"{file.filename}: {what} is virtual, and its sources {name!r}: {inside!r} are a "
                "pattern, which is not read; copy the values into the file"
            )
        name, inside = (one.replace("\0", "%") for one in (name, inside))
        other = file
        if name != ".":
            other = h5py.File(_find_target(file, name, what, "a virtual source"), "r")
        try:
            source = get_object(other, inside, steps + 1)
            if not isinstance(source, h5py.Dataset):
                raise UserError(
                    f"{file.filename}: {what} is virtual, and its source {inside!r} is missing in "
                    f"{other.filename}; write it, or copy the values into the file"
                )
            yield number, source
        finally:
            if name != ".":
                other.close()


def find_gaps(dataset: h5py.Dataset) -> Gaps | None:
    """What was never written of a data set from `get_object`; None where all was.

    A value counts as written if its chunk (or its data set, if that is one piece) has a place in
    the file. So a fill value that somebody wrote is a value. Of a virtual data set, what has no
    source was never written, and neither were the gaps of its sources; its mask is held in memory.

    Raises
    ------
    UserError
        A source of a virtual data set is missing or too small.
    """
    import h5py

    shape, plist = dataset.shape, dataset.id.get_create_plist()
    if shape is None or 0 in shape:
        return None
    layout, size = plist.get_layout(), math.prod(shape)
    nothing = Gaps(size, size, np.zeros((1,) * len(shape), dtype=bool), shape)
    if layout == h5py.h5d.VIRTUAL:
        written, tile = _map_sources(dataset), (1,) * len(shape)
    elif layout == h5py.h5d.CHUNKED:
        tile = dataset.chunks
        grid = tuple(-(-n // step) for n, step in zip(shape, tile, strict=True))
        there = dataset.id.get_num_chunks()
        if there in (0, math.prod(grid)):
            return None if there else nothing
        written = np.zeros(grid, dtype=bool)
        places: list[tuple[int, ...]] = []
        dataset.id.chunk_iter(lambda chunk: places.append(chunk.chunk_offset))
        written[tuple((np.array(places) // tile).T)] = True
    else:
        is_there = layout == h5py.h5d.COMPACT or plist.get_external_count()
        return None if is_there or dataset.id.get_storage_size() else nothing
    counted = written.astype(np.int64)
    for n, step in zip(shape, tile, strict=True):
        extents = np.minimum(step, n - np.arange(0, n, step))
        counted = np.tensordot(extents, counted, axes=(0, 0))
    number = size - int(counted)
    return Gaps(number, size, written, tile) if number else None


def _map_sources(dataset: h5py.Dataset) -> np.ndarray:
    """Whether each value of a virtual data set was written in one of its sources."""
    written, plist = np.zeros(dataset.shape, dtype=bool), dataset.id.get_create_plist()
    for number, source in _open_sources(dataset):
        shape = (0,) if source.shape is None else source.shape
        place = _select(plist.get_virtual_vspace(number), written.shape)
        part = _select(plist.get_virtual_srcspace(number), shape)
        wanted = np.zeros(0) if place is None else written[place]
        there = np.zeros(0) if part is None else np.broadcast_to(True, shape)[part]
        gaps = find_gaps(source)
        if place is None or wanted.size > there.size or (gaps and wanted.size != there.size):
            raise UserError(
                f"{dataset.file.filename}: {dataset.name} is virtual, and its source {source.name} "
                f"in {source.file.filename} is too small or has gaps ({shape}); write it "
                "whole, or copy the values into the file"
            )
        written[place] = gaps.find(shape)[part].reshape(wanted.shape) if gaps else True
    return written


def _select(space: h5py.h5s.SpaceID, shape: tuple[int, ...]) -> tuple | np.ndarray | None:
    """Index of a selection in an array, without what lies outside; None if the axes differ."""
    import h5py

    kind = space.get_select_type()
    if kind == h5py.h5s.SEL_ALL:
        return np.ix_(*map(np.arange, shape))
    if kind != h5py.h5s.SEL_HYPERSLABS or space.get_simple_extent_ndims() != len(shape):
        return None
    if not space.is_regular_hyperslab():
        mask = np.zeros(shape, dtype=bool)
        for first, last in space.get_select_hyper_blocklist():
            mask[tuple(slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))] = True
        return mask
    axes = []
    for start, stride, count, block, n in zip(*space.get_regular_hyperslab(), shape, strict=True):
        starts = np.arange(start, n, stride)[: min(count, n)]  # a count may be unlimited
        places = (starts[:, np.newaxis] + np.arange(min(block, n))).ravel()
        axes.append(places[places < n])
    return np.ix_(*axes)
