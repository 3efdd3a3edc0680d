"""Open NWB files, in HDF5 or Zarr, and find their objects by name or path."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tgas_neuro.config.messages import suggest
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.hdf5_files import check_file, refuse_gaps
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb

ENDINGS = (".nwb", ".nwb.zarr", ".zarr")
IN_USE = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK)


def find_nwb_files(listed: ListedFiles, options: NwbOptions) -> tuple[Path, Path]:
    """The file with the presentations, and the one with the units; often they are the same.

    Raises
    ------
    UserError
        It is not clear which of several files is meant.
    """
    where = f"{listed.dataset}.yaml: options"
    units = options.units_file
    if units is None:
        path = listed.find(options.file, ENDINGS, "options.file")
        return path, path
    units_path = listed.find(units, ENDINGS, "options.units_file")
    others = {name: path for name, path in listed.paths.items() if name != units}
    if options.file == units:
        raise UserError(f"{where}.units_file: {units!r} is options.file, too; leave it out")
    rest = ListedFiles(listed.dataset, others)
    return rest.find(options.file, ENDINGS, "options.file"), units_path


@contextmanager
def open_nwb(path: Path) -> Iterator[pynwb.NWBFile]:
    """Open an NWB file, or a folder in Zarr; arrays are read on demand, inside the block.

    Raises
    ------
    UserError
        A library is not installed; the file is missing, damaged, in use or no NWB file; it points
        to files that are not listed; or the block fails on it.
    """
    make_io = _choose_library(Path(path))
    if not Path(path).exists():
        raise UserError(f"{path}: no such file; correct the path in the description's files")
    check_file(path)
    io = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other versions of cached namespaces, and the like
            try:
                io = make_io(str(path), mode="r")
                nwb = io.read()
            except Exception as error:  # pynwb and h5py raise all kinds on a damaged file
                raise _describe_unreadable(path, error) from None
            try:
                yield nwb
            except UserError:
                raise
            except OSError as error:
                raise UserError(
                    f"{path}: its data cannot be read ({type(error).__name__}: {error}); it may "
                    "be truncated: fetch it again"
                ) from None
            except Exception as error:
                raise UserError(
                    f"{path}: has a form that the reader nwb does not know "
                    f"({type(error).__name__}: {error}); please report it, or use reader arrays "
                    "on the file's datasets"
                ) from error
    finally:
        if io is not None:
            io.close()


def _choose_library(path: Path) -> Callable[..., Any]:
    """What opens it: pynwb for files, hdmf-zarr for folders."""
    package, extra = ("hdmf-zarr", "zarr") if path.is_dir() else ("pynwb", "nwb")
    try:
        if path.is_dir():
            from hdmf_zarr import NWBZarrIO

            return NWBZarrIO
        from pynwb import NWBHDF5IO

        return NWBHDF5IO
    except ImportError:
        kind = "NWB folders in Zarr" if path.is_dir() else "NWB files"
        raise UserError(
            f"{path}: {kind} need {package}, which is not installed; run: pip install "
            f"'tgas-neuro[{extra}]'"
        ) from None


def _describe_unreadable(path: Path, error: Exception) -> UserError:
    """One line on a file that the library cannot open."""
    import pynwb

    shown = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, OSError) and error.errno in IN_USE:
        return UserError(f"{path}: another program has it open ({shown}); close it there")
    if "Pickle.decode" in shown:
        return UserError(
            f"{path}: holds references as Python pickles, which can run any code when they are "
            "read; convert it to an .nwb file (HDF5), or set "
            "NUMCODECS_ALLOW_UNSAFE_PICKLE_DECODE=1 if you trust where it comes from"
        )
    what = f"{path}: not a readable NWB {'folder' if Path(path).is_dir() else 'file'} ({shown})"
    if isinstance(error, OSError):
        return UserError(f"{what}; it may be truncated, or of another format: fetch it again")
    return UserError(
        f"{what}; it is damaged, of another format, or of a version that pynwb "
        f"{pynwb.__version__} does not read: fetch it again, or convert it"
    )


def read_rows(table: Any, column: str, rows: Iterable[int]) -> list[np.ndarray]:
    """Values of these rows of a column, which may hold a list a row."""
    vector = table[column]
    for part in (vector, getattr(vector, "target", vector)):
        refuse_gaps(part.data)
    return [np.asarray(vector[int(row)]) for row in rows]


def get_path(item: Any) -> str:
    """Path of an object inside its file, as ``/intervals/trials``."""
    builder = item.get_read_io().manager.get_builder(item)
    return "/" + builder.path.removeprefix("root").strip("/")


def find_object(
    nwb: pynwb.NWBFile, name: str, kinds: tuple[type | str, ...], key: str, where: str
) -> Any:
    """The object of that name and kind, wherever in the file it lies.

    Parameters
    ----------
    nwb
        An open file.
    name
        A name, or a path (or its end) such as ``/intervals/trials`` where two share a name, or a
        type such as ``IndexSeries`` where one object is of it.
    kinds
        Classes, or names of classes that an extension defines.
    key
        The option that asks for it, for messages.
    where
        The file, for messages.

    Raises
    ------
    UserError
        There is none (the message lists the names there are), or more than one (it lists paths).
    """
    classes = tuple(kind for kind in kinds if isinstance(kind, type))
    found: list[Any] = [
        item
        for item in nwb.objects.values()
        if isinstance(item, classes) or type(item).__name__ in kinds
    ]
    wanted = name.strip("/")
    if "/" in name:
        named = [item for item in found if f"{get_path(item)}/".endswith(f"/{wanted}/")]
    else:
        named = [item for item in found if item.name == wanted]
        named = named or [item for item in found if type(item).__name__ == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        paths = sorted(map(get_path, named))
        whole = [item for item in named if get_path(item) == f"/{wanted}"]
        if "/" in name and whole:
            return whole[0]
        raise UserError(
            f"{where}: options.{key}: {len(named)} objects are called {name!r}; write the path of "
            f"one: {', '.join(paths)}"
        )
    there = sorted({get_path(item) if "/" in name else item.name for item in found})
    raise UserError(
        f"{where}: options.{key}: {name!r} is missing{suggest(name, there)}; there are: "
        f"{', '.join(there) or 'none'}"
    )
