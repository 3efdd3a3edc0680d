"""Files that appear whole or not at all: write beside, then rename."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tgas_neuro.runtime.errors import UserError


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


def check_writable(path: str | Path, key: str) -> None:
    """Raise `UserError` unless a file can be written at `path`, named by `key`; none is written."""
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
