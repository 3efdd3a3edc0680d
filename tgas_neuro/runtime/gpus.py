"""One GPU for each process of a machine, so that jobs side by side do not crowd onto the first."""

import fcntl
import os
import tempfile
from pathlib import Path

_held: list[int] = []  # open files: a claim lasts as long as the process and what it forks


def claim_gpu(names: list[str], folder: Path | None = None) -> int:
    """Claim one of the GPUs that no other process of this project has claimed.

    A claim is a lock on a file of the machine itself. It ends with the process, however that ends,
    so that nothing is left behind that somebody must clear up.

    Parameters
    ----------
    names
        Of the GPUs that this process sees, the same for one GPU in all processes (its UUID).
    folder
        Of the lock files; by default the machine's for temporary files, never a shared file system.

    Returns
    -------
    int
        Which of `names`. If all are claimed, one of them nevertheless, shared: the process's number
        decides.
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
