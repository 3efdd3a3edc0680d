"""One GPU for each process of a machine: parallel jobs do not all use the first GPU."""

import fcntl
import os
import tempfile
from pathlib import Path

_held: list[int] = []  # open files: a claim lasts as long as the process and what it forks


def claim_gpu(names: list[str], folder: Path | None = None) -> int:
    """Claim one of the GPUs that no other process of this project has claimed.

    A claim is a lock on a local file. The kernel releases it when the process ends, in whatever
    way, and nothing has to be cleaned up.

    Parameters
    ----------
    names
        Names of the visible GPUs. All processes must use the same name for a GPU (its UUID).
    folder
        Folder of the lock files: the machine's temporary folder by default, never a shared file
        system.

    Returns
    -------
    int
        Index into `names`. If all GPUs are claimed, the process id selects one to share.
    """
    for index, name in enumerate(names):
        path = Path(folder or tempfile.gettempdir()) / f"tgas_neuro_gpu_{name}.lock"
        try:
            number = _open(path)
        except PermissionError:
            if not path.exists():
                raise
            continue  # another user's, which has not been opened to all: as good as claimed
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            continue
        _held.append(number)
        return index
    return os.getpid() % len(names)


def _open(path: Path) -> int:
    """A file to lock; one that another user made can be read, and that is enough."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        pass
    try:
        number = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:  # made by another process in between
        return os.open(path, os.O_RDONLY)
    os.fchmod(number, 0o644)  # whatever the user's umask
    return number
