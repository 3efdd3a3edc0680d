"""Open an HDF5 file in another process first: a damaged one can crash the library or never end.

Of 2,100 small netCDF files with damaged bytes, 41 kept HDF5 2 in an endless loop (a damaged heap
of texts or attributes), which no exception handler ends and which blocks Python's signal handlers,
too; none crashed it. So a file that is not known to be whole by its digest is opened by a child
process that reads all names, attributes and texts, and no numbers. It takes 0.03 to 0.1 s.
"""

import functools
import signal
from collections.abc import Callable
from pathlib import Path

from tgas_neuro.recordings.formats.reading_alone import BYTES_PER_SECOND, read_alone
from tgas_neuro.runtime.errors import UserError

SECONDS = 30.0  # milliseconds are usual
SIGNATURE = b"\x89HDF\r\n\x1a\n"
OFFSETS = (0, 512, 1024, 2048, 4096, 8192)  # a user block comes first in MATLAB's files


def probe_hdf5(path: str | Path, seconds: float | None = None) -> None:
    """Raise `UserError` when opening an HDF5 file (netCDF4, NWB, MATLAB 7.3) ends the process.

    Files of other kinds are left alone, and so are mistakes that the library reports itself: who
    reads the file tells them better. A file is probed once per process.

    Parameters
    ----------
    path
        The file.
    seconds
        Time after which reading does not end [s]; None: `SECONDS` and more for a large file.

    Raises
    ------
    UserError
        The library crashed, or did not end.
    """
    path = Path(path)
    try:
        state = path.stat()
        is_hdf5 = _has_signature(path)
    except OSError:
        return
    if is_hdf5:
        limit = SECONDS + state.st_size / BYTES_PER_SECOND if seconds is None else seconds
        end = _probe_once(str(path.resolve()), state.st_mtime_ns, state.st_size, limit)
        if end:
            raise UserError(
                f"{path}: a damaged HDF5 file: reading its names and attributes {end}; "
                "copy it again from where it is whole, or delete it to have it made again"
            )


def _has_signature(path: Path) -> bool:
    with path.open("rb") as file:
        for offset in OFFSETS:
            file.seek(offset)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
    return False


@functools.lru_cache(maxsize=256)
def _probe_once(path: str, mtime_ns: int, size: int, seconds: float) -> str:
    """How the child ended in words, "" when it ended well."""
    code = read_alone(_walk, path, seconds)
    if code is None:
        return f"did not end within {seconds:.0f} s"
    return f"ended with signal {signal.Signals(-code).name}" if code < 0 else ""


def _walk(path: str) -> None:
    """Read names, attributes and texts."""
    import h5py

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        for key in item.attrs:
            _try(item.attrs.__getitem__, key)
        if isinstance(item, h5py.Dataset) and item.dtype.hasobject:  # texts lie in a heap
            _try(item.__getitem__, ())

    with h5py.File(path, "r") as file:
        look("/", file)
        file.visititems(look)


def _try(function: Callable, *arguments: object) -> None:
    """Call it, whatever it raises: only what ends the process is looked for here."""
    try:
        function(*arguments)
    except Exception:  # damaged bytes make h5py raise nearly everything
        return
