"""Files that appear whole or not at all: write beside, then rename.

What takes long to arrive has a part file (`own_part`); every process writes one of its own, or
adopts a dead one's. No locks are held: many shared file systems have none, or keep those of a dead
machine. While a process receives ``<name>``, its part is ``.<name>.<machine>-<pid>-<token>.part``;
what it leaves unfinished becomes ``<name>.part``, which the next one continues. A part changes its
owner by being renamed within one folder; if several processes try, exactly one succeeds.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any

import psutil

from tgas_neuro.runtime.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
STALE = 600.0  # [s] without a byte or a sign of life, after which another machine's part is adopted
listed: ContextVar[frozenset[Path]] = ContextVar("listed", default=frozenset())


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it to `path` at the end.

    The renaming is atomic within a folder (also on NFS). After an error, or a signal that
    Python sees, nothing is left beside it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def copy_whole(source: str | Path, path: str | Path) -> None:
    """Copy a file to `path`, whole or not at all."""
    with written_whole(path) as beside:
        shutil.copyfile(source, beside)


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON; numbers must be finite (NaN is not JSON)."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    with written_whole(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a missing, unreadable or broken one is a `UserError` that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: not a readable file ({error.strerror}); name another") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: not JSON ({error}); delete it to have it made again") from None


def check_writable(path: str | Path | None, key: str) -> None:
    """Raise `UserError` unless a file can be written at `path`, named by `key`; none is written.

    None, of a file that is not wanted, passes.
    """
    if path is None:
        return
    path = Path(path)
    try:
        if path.is_dir():
            raise UserError(f"{key}: {path}: is a folder; name a file")
        above = next(folder for folder in path.absolute().parents if folder.exists())
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise UserError(
            f"{key}: {path}: cannot be written ({error.strerror}); name a file in another folder"
        ) from None


@contextmanager
def reading_files(paths: Iterable[str | Path]) -> Iterator[None]:
    """Inside the block a file may point to these files, those of a description, and to no other."""
    token = listed.set(frozenset(Path(path).resolve() for path in paths))
    try:
        yield
    finally:
        listed.reset(token)


def refuse_open_elsewhere(path: str | Path) -> None:
    """Raise `UserError` if another program has a file open for writing and says so by a lock.

    HDF5 locks files so; where the file system knows no locks, nothing is refused.
    """
    try:
        with Path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"{path}: another program has it open for writing; close it there, and try again"
        ) from None
    except OSError:  # no locks, or no such file, which the reader reports
        return


def calc_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def calc_digest(content: Any) -> str:
    """SHA-256 of `content` as canonical JSON (sorted keys, no spaces), 64 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find_project() -> Path:
    """Folder with ``Snakefile``, ``config.yaml``, ``workflow/``, ``neural_data/``, ``profiles/``.

    In a clone, also in one that is installed as editable, it is the root of the repository. A wheel
    has the same files in the folder ``project`` of the package. The folder may be read-only.
    """
    installed = PACKAGE / "project"
    return installed if (installed / "Snakefile").is_file() else PACKAGE.parent


@dataclass(frozen=True)
class PartFile:
    """An unfinished file, open for appending, that no other process writes to.

    Attributes
    ----------
    file
        The open file; what is written goes to its end.
    path
        Where it lies.
    """

    file: BufferedRandom
    path: Path

    def size(self) -> int:
        """Size [bytes] of what has arrived."""
        self.file.flush()
        return self.file.seek(0, os.SEEK_END)

    def clear(self) -> None:
        """Throw away what has arrived."""
        self.file.flush()
        self.file.truncate(0)

    def calc_sha256(self) -> str:
        """SHA-256 of what has arrived, 64 hexadecimal digits."""
        self.file.flush()
        self.file.seek(0)
        return hashlib.file_digest(self.file, "sha256").hexdigest()

    def show_life(self) -> None:
        """Make it look in use: to be called more often than every `STALE` seconds."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path)

    def publish(self, destination: Path) -> None:
        """Give it its final name, and delete what dead processes left of the same file.

        Raises
        ------
        FileNotFoundError
            Another process took this one for dead and adopted the part.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        self.path.replace(destination)
        for path in _list_abandoned(destination, destination.stat().st_mtime):
            path.unlink(missing_ok=True)


@contextmanager
def own_part(destination: Path) -> Iterator[PartFile]:
    """A part file for `destination` that is this process's own, with what an abandoned one holds.

    A part is abandoned when it was left as ``<name>.part``, when its process on this machine is
    dead, or when nothing was written to it for `STALE` seconds by the file system's own clock.
    Unless it was published, an empty part is deleted at the end and another one left as
    ``<name>.part``; of two such parts the longer one stays.
    """
    path = _name_own(destination)
    path.touch()
    try:
        _adopt_longest(path, destination)
        with path.open("a+b") as file:
            yield PartFile(file, path)
    finally:
        _leave(path, destination)


def _adopt_longest(path: Path, destination: Path) -> None:
    abandoned = sorted(_list_abandoned(destination, path.stat().st_mtime), key=_get_size)
    while abandoned and _get_size(path) == 0:
        _adopt(abandoned.pop(), path, destination)
    for shorter in abandoned:
        shorter.unlink(missing_ok=True)


def _name_own(destination: Path) -> Path:
    owner = f"{_name_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    return destination.with_name(f".{destination.name}.{owner}.part")


def _name_machine() -> str:
    """Eight digits for the machine, and on Linux the container, in which process ids are unique."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
        parts.append(Path("/etc/machine-id").read_text(encoding="ascii", errors="replace"))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]


def _list_abandoned(destination: Path, now: float) -> list[Path]:
    """Parts of `destination` that no process writes to."""
    left = destination.with_name(f"{destination.name}.part")
    owned = destination.parent.glob(f".{glob.escape(destination.name)}.*.part")
    dead = [path for path in owned if _is_dead(path, destination, now)]
    return [left, *dead] if left.is_file() else dead


def _is_dead(path: Path, destination: Path, now: float) -> bool:
    """Whether the process in the part's name is gone; a name of another form is nobody's."""
    owner = path.name[len(f".{destination.name}.") : -len(".part")]
    named = re.fullmatch(r"([0-9a-f]{8})-(\d{1,9})-[0-9a-f]{8}", owner)
    if named is None:
        return False  # not ours: of a file whose name begins with this one's
    if named[1] == _name_machine() and not psutil.pid_exists(int(named[2])):
        return True
    with contextlib.suppress(FileNotFoundError):
        return now - path.stat().st_mtime > STALE
    return False


def _adopt(abandoned: Path, path: Path, destination: Path) -> None:
    """Take over what an abandoned part holds, unless another process is faster.

    Its bytes are copied: a process that was only asleep may go on writing to the old file, not to
    this one. Where the part was left on purpose nobody does, and it is renamed.
    """
    with contextlib.suppress(FileNotFoundError):
        if abandoned.name == f"{destination.name}.part":
            abandoned.rename(path)
            return
        claimed = abandoned.rename(_name_own(destination))
        shutil.copyfile(claimed, path)
        claimed.unlink(missing_ok=True)


def _get_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _leave(path: Path, destination: Path) -> None:
    left = destination.with_name(f"{destination.name}.part")
    with contextlib.suppress(FileNotFoundError):  # published, or adopted by another process
        if path.stat().st_size > _get_size(left):
            path.replace(left)
        else:
            path.unlink()
