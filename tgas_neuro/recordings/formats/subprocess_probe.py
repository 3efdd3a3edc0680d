"""Read a file in a child process first, where a library may crash or hang on damaged bytes.

Two operations are guarded. HDF5 2 (in h5py 3.16): reading the texts and attributes
of a damaged file may not return, and no exception handler or signal handler ends it. scipy 1.17.1:
`scipy.io.loadmat` on a damaged file may end the process. A file that is known to be whole by its
digest needs no probe.
"""

from __future__ import annotations

import faulthandler
import functools
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.recordings.formats.hdf5_storage import is_virtual
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import refuse_open_elsewhere
from tgas_neuro.runtime.processes import die_with_parent

if TYPE_CHECKING:
    import h5py

BYTES_PER_SECOND = 1e7  # of a slow disk: a large file gets more time
HDF5_SECONDS = 30.0  # 0.03 to 0.1 s are usual
MAT_SECONDS = 60.0
SIGNATURE = b"\x89HDF\r\n\x1a\n"
OFFSETS = (0, 512, 1024, 2048, 4096, 8192)  # MATLAB's files begin with a user block


def probe_hdf5(path: str | Path, seconds: float | None = None) -> None:
    """Check that reading the texts of an HDF5 file (netCDF4, NWB, MATLAB 7.3) ends.

    The child reads all names, attributes and texts, and no numbers. Files of other kinds pass, and
    so do errors that the library reports: the caller that reads the file later reports them more
    precisely. A file is probed once per process.

    Parameters
    ----------
    path
        The file.
    seconds
        Time limit [s] for one object of the file; None: `HDF5_SECONDS`, and more for a large file.
        A file with many objects, as cells of MATLAB, may take longer in all.

    Raises
    ------
    UserError
        The library crashed, or did not return in time; or another program writes the file.
    """
    path = Path(path)
    refuse_open_elsewhere(path)
    try:
        state = path.stat()
        is_hdf5 = _has_signature(path)
    except OSError:
        return
    if is_hdf5:
        limit = HDF5_SECONDS + state.st_size / BYTES_PER_SECOND if seconds is None else seconds
        end = _probe_once(str(path.resolve()), state.st_mtime_ns, state.st_size, limit)
        if end:
            raise UserError(
                f"{path}: a damaged HDF5 file: reading its names and attributes {end}; "
                "copy it again from where it is whole, or delete it to have it made again"
            )


def probe_mat(
    path: str | Path,
    names: list[str] | None = None,
    read: Callable[[str], object] | None = None,
) -> None:
    """Check that reading variables of a .mat file up to version 7 ends.

    `names` are the variables, None for all; `read` reads another part of the file instead.

    Errors that scipy reports pass: the caller that reads the file later reports them. The file is
    read twice; such files hold at most 2 GB a variable.

    Raises
    ------
    UserError
        The library crashed, or did not return in time.
    """
    seconds = MAT_SECONDS + Path(path).stat().st_size / BYTES_PER_SECOND
    if read is None:
        read = functools.partial(read_mat, names=names) if names else read_mat
    code = read_in_child(read, path, seconds)
    if code is None or code < 0:
        end = f"ended with {signal.Signals(-code).name}" if code else f"took over {seconds:.0f} s"
        raise UserError(
            f"{path}: not a readable .mat file (reading it {end}); it is damaged: copy it again, "
            "or save it again"
        )


def read_in_child(read: Callable[[str], object], path: str | Path, seconds: float) -> int | None:
    """Call `read(path)` in a child process and return how the child ended.

    Parameters
    ----------
    read
        A function of a module. Exceptions count as success.
    path
        The file.
    seconds
        Time limit [s]; it begins again whenever `read` calls `note_progress`.

    Returns
    -------
    code
        0, minus the signal that ended the child, or None when it did not end in time.
    """
    linux = sys.platform == "linux"
    context = multiprocessing.get_context("fork") if linux else multiprocessing.get_context("spawn")
    counter = context.Value("Q", 0)
    child = context.Process(target=_read, args=(read, str(path), os.getpid(), counter))
    child.start()
    child.join(seconds)
    before = 0
    while child.exitcode is None and counter.value > before:
        before = counter.value
        child.join(seconds)
    code = child.exitcode
    child.kill()
    child.join()
    child.close()
    return code


progress: list[Any] = []  # in a child, the counter that its parent looks at


def note_progress() -> None:
    """Tell the parent of a child that reading goes on; nothing elsewhere."""
    for counter in progress:
        counter.value += 1


def _read(read: Callable[[str], object], path: str, parent: int, counter: Any) -> None:
    """Read in the child, without messages and without a core dump."""
    die_with_parent(parent)
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        progress.append(counter)
        read(path)
    except Exception:  # libraries raise nearly every type on damaged bytes
        pass
    finally:
        os._exit(0)


def _has_signature(path: Path) -> bool:
    with path.open("rb") as file:
        for offset in OFFSETS:
            file.seek(offset)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
    return False


@functools.lru_cache(maxsize=256)
def _probe_once(path: str, mtime_ns: int, size: int, seconds: float) -> str:
    """Say how the child ended; "" when it ended well."""
    code = read_in_child(read_texts, path, seconds)
    if code is None:
        return f"did not end within {seconds:.0f} s"
    return f"ended with signal {signal.Signals(-code).name}" if code < 0 else ""


def read_texts(path: str) -> None:
    """Read the names, attributes and texts of an HDF5 file."""
    import h5py

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        note_progress()
        for key in item.attrs:
            _try(item.attrs.__getitem__, key)
        # what lies in other files is refused later, by those who need it
        is_here = isinstance(item, h5py.Dataset) and not (is_virtual(item) or item.external)
        if is_here and item.dtype.hasobject:
            _try(item.__getitem__, ())

    with h5py.File(path, "r") as file:
        look("/", file)
        file.visititems(look)


def read_mat(path: str, names: list[str] | None = None) -> None:
    """Read variables of a .mat file up to version 7."""
    import scipy.io

    scipy.io.loadmat(path, variable_names=names)


def _try(function: Callable, *arguments: object) -> None:
    try:
        function(*arguments)
    except Exception:  # h5py raises nearly every type on damaged bytes
        return
