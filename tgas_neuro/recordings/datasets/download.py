"""Fetch a file whole or not at all: from a mirror or by HTTP, resumed, checked by its SHA-256."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tgas_neuro.recordings.datasets.local_files import check_local_file
from tgas_neuro.recordings.datasets.part_file import PartFile, own_part
from tgas_neuro.recordings.datasets.transfer import BrokenError, RefusedError, receive
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256

WAITS = (1.0, 4.0, 15.0)
MOST_WAIT = 120.0  # [s]; of what a server may ask for
PROGRESS = 1 << 20  # [bytes]; an attempt that brought as many is not counted as a failure
MISMATCHES = 2  # whole downloads with a wrong digest before giving up


def fetch_files(
    description: dict, folder: str | Path, mirror: str | Path | None = None
) -> dict[str, Path]:
    """Fetch every file of a data set (see `fetch_file`); the user's own are checked, not copied.

    Parameters
    ----------
    description
        From `tgas_neuro.recordings.datasets.description.load_description`.
    folder
        Where this data set's downloads are kept, for example ``neural_data/raw/<dataset>``.
    mirror
        A folder looked in before the internet; there the files lie as ``<dataset>/<name>``.

    Returns
    -------
    dict[str, Path]
        Path of each file by its name in the description.

    Raises
    ------
    UserError
        A file cannot be had, or is not the one that the description means.
    """
    paths = {}
    for file in description["files"]:
        if "path" in file:
            paths[file["name"]] = check_local_file(file, description["name"])
        else:
            paths[file["name"]] = fetch_file(
                file["url"],
                Path(folder) / file["name"],
                file["sha256"],
                mirror=mirror,
                mirror_name=f"{description['name']}/{file['name']}",
                size=file.get("size"),
            )
    return paths


def fetch_file(
    url: str,
    destination: str | Path,
    sha256: str,
    mirror: str | Path | None = None,
    mirror_name: str = "",
    size: int | None = None,
    waits: Sequence[float] = WAITS,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch one file unless `destination` has it already, and return `destination`.

    The mirror is looked in first, then `url` is downloaded to a part file, which a later call
    continues after a break. Several processes at once each write a part of their own (see
    `tgas_neuro.recordings.datasets.part_file`). Only a file with the right digest gets the name
    `destination`.

    Parameters
    ----------
    url
        Address of the file.
    destination
        Path that it gets.
    sha256
        Its SHA-256, 64 hexadecimal digits.
    mirror, mirror_name
        A local folder, and the file's path inside it; None: no mirror.
    size
        Size [bytes] for the progress bar where the server does not say it.
    waits
        Waits before the second, third, ... attempt [s], or longer where the server asks for it;
        their number bounds the attempts in a row that brought less than `PROGRESS` bytes.
    sleep
        How to wait.

    Raises
    ------
    UserError
        The file cannot be had, or has another digest; both digests are named.
    """
    destination = Path(destination)
    if _has_digest(destination, sha256):
        return destination
    mirrored = _find_in_mirror(mirror, mirror_name)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with own_part(destination) as part:
            if mirrored is not None:
                _copy(mirrored, part, sha256)
                _publish(part, destination, sha256)
                return destination
            way_out = _word_way_out(destination, mirror, mirror_name)
            if _download(url, part, sha256, destination, size, [*waits], sleep, way_out):
                _publish(part, destination, sha256)
    except OSError as error:
        raise UserError(
            f"{destination}: cannot be written ({error.strerror or error}); "
            "check the folder and the space left"
        ) from None
    return destination


def check_files(description: dict, files: dict[str, Path]) -> None:
    """Check that files which lie there already, however they came, are those of the description.

    Raises
    ------
    UserError
        A file is missing or has another digest; it is left as it is. Of the user's own files also
        what `tgas_neuro.recordings.datasets.local_files.check_local_file` finds.
    """
    for file in description["files"]:
        if "path" in file:
            check_local_file(file, description["name"])
            continue
        path = files.get(file["name"])
        if path is None or not path.is_file():
            raise UserError(
                f"{file['name']} of {description['name']}: no such file; fetch it again"
            )
        found = calc_sha256(path)
        if found != file["sha256"]:
            raise UserError(
                f"{path}: sha256 is {found}, the description of {description['name']} says "
                f"{file['sha256']}; delete the file to have it fetched again, or correct the digest"
            )


def _has_digest(path: Path, sha256: str) -> bool:
    return path.is_file() and calc_sha256(path) == sha256


def _find_in_mirror(mirror: str | Path | None, mirror_name: str) -> Path | None:
    if mirror is None:
        return None
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise UserError(f"mirror: {str(mirror)!r} is not a folder; correct it, or null for none")
    path = folder / mirror_name
    return path if path.is_file() else None


def _word_way_out(destination: Path, mirror: str | Path | None, mirror_name: str) -> str:
    if mirror is not None:
        return f"put the file into the mirror as {Path(mirror) / mirror_name}"
    if mirror_name:
        return f"set mirror to a folder that holds {mirror_name}"
    return f"put the file to {destination}"


def _copy(source: Path, part: PartFile, sha256: str) -> None:
    part.clear()
    try:
        with source.open("rb") as file:
            shutil.copyfileobj(file, part.file, 1 << 20)
    except PermissionError:
        part.clear()
        raise UserError(f"{source}: the mirror's file may not be read; allow it") from None
    found = part.calc_sha256()
    if found != sha256:
        part.clear()
        raise UserError(
            f"{source}: the mirror's file has sha256 {found}, expected {sha256}; "
            "replace it, or delete it to have it downloaded"
        )


def _publish(part: PartFile, destination: Path, sha256: str) -> None:
    try:
        part.publish(destination)
    except FileNotFoundError:
        if not _has_digest(destination, sha256):
            raise UserError(
                f"{destination}: its unfinished part was taken over by another process while this "
                "one was asleep; run it again"
            ) from None


def _download(
    url: str,
    part: PartFile,
    sha256: str,
    destination: Path,
    size: int | None,
    waits: list[float],
    sleep: Callable[[float], None],
    way_out: str,
) -> bool:
    """Fill `part` from `url` until it has the digest; raise `UserError` when it cannot be had.

    False: another process has finished the same file meanwhile.
    """
    name, failures, mismatches, furthest = destination.name, 0, 0, part.size()
    if part.size() and part.calc_sha256() == sha256:  # stopped before it was renamed
        return True
    while True:
        why, wait, begin = "", 0.0, None
        part.show_life()
        try:
            begin = receive(url, part, name, size)
        except BrokenError as error:
            why, wait = str(error), min(error.wait, MOST_WAIT)
        except RefusedError as error:
            raise UserError(f"{name}: {url}: {error}; correct the address or {way_out}") from None
        # also after a break: a server may announce a wrong length
        found = part.calc_sha256()
        if found == sha256:
            return True
        if begin is not None:
            why = f"sha256 is {found}, expected {sha256}"
            mismatches += begin == 0
            part.clear()
        if mismatches == MISMATCHES:
            raise UserError(
                f"{name}: {url}: {why}, twice; the file there was changed or the digest in the "
                f"data set's description is wrong: correct it, or {way_out}"
            )
        failures = 1 if part.size() - furthest >= PROGRESS else failures + 1
        furthest = max(furthest, part.size())
        if failures > len(waits):
            raise UserError(
                f"{name}: {url} could not be downloaded in {failures} attempts ({why}); "
                f"without internet, {way_out}"
            )
        wait = max(wait, waits[failures - 1])
        print(f"{name}: {why}; trying again in {wait:g} s", file=sys.stderr)
        sleep(wait)
        if _has_digest(destination, sha256):
            part.clear()
            return False
