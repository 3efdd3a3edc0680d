"""The unfinished part of a download: kept for resuming, held by one process at a time."""

import fcntl
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class PartFile:
    """An unfinished file, open for appending.

    Attributes
    ----------
    file
        The open file; what is written goes to its end.
    path
        Where it lies; whoever holds it may rename or delete it.
    """

    file: BinaryIO
    path: Path

    def size(self) -> int:
        """Size [bytes] of what has arrived."""
        self.file.flush()
        return self.file.seek(0, os.SEEK_END)

    def clear(self) -> None:
        """Throw away what has arrived."""
        self.file.flush()
        self.file.truncate(0)


@contextmanager
def locked_part(destination: Path) -> Iterator[PartFile]:
    """``<destination>.part``, locked until the block or the process ends, however it ends.

    The lock lies on the part file itself, which its holder renames or deletes; whoever waited
    for it then has a lock on something else and tries again. Where a file system has no locks,
    the part has a name of its own and is not resumed. An empty part is deleted at the end.
    """
    path = destination.with_name(f"{destination.name}.part")
    while True:
        file = path.open("a+b")
        try:
            _lock(file, destination.name)
        except OSError:
            file.close()
            path = destination.with_name(f"{destination.name}.{secrets.token_hex(4)}.part")
            file = path.open("a+b")
        if _lies_at(file, path):
            break
        file.close()
    with file:
        part = PartFile(file, path)
        try:
            yield part
        finally:
            # still locked, so that nobody else can have begun to use it
            if part.size() == 0 and _lies_at(file, path):
                path.unlink()


def _lock(file: BinaryIO, name: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{name}: another process fetches it, waiting", file=sys.stderr)
        fcntl.flock(file, fcntl.LOCK_EX)


def _lies_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
