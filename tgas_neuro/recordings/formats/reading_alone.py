"""Read a file in a process of its own first: on damaged bytes a library may crash or never end."""

import faulthandler
import multiprocessing
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from tgas_neuro.runtime.processes import die_with_parent

BYTES_PER_SECOND = 1e7  # of a slow disk: a large file gets longer


def read_alone(read: Callable[[str], object], path: str | Path, seconds: float) -> int | None:
    """Call `read(path)` in a child process and say how that ended.

    Parameters
    ----------
    read
        A function of a module. What it raises counts as a good end: who reads the file afterwards
        tells such mistakes better.
    path
        The file.
    seconds
        Time after which it does not end [s].

    Returns
    -------
    code
        0, minus the signal that ended it, or None when it did not end in time.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    child = context.Process(target=_read, args=(read, str(path), os.getpid()))
    child.start()
    child.join(seconds)
    code = child.exitcode
    child.kill()
    child.join()
    child.close()
    return code


def _read(read: Callable[[str], object], path: str, parent: int) -> None:
    """In the child: read, silently, without a dump of its memory."""
    die_with_parent(parent)
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        read(path)
    except Exception:  # damaged bytes make libraries raise nearly everything
        pass
    finally:
        os._exit(0)
