"""Fetch a file whole or not at all: from a mirror or by HTTP, resumed, checked by its SHA-256."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests
from tqdm import tqdm

from tgas_neuro.errors import UserError
from tgas_neuro.files import calc_sha256
from tgas_neuro.recordings.part_file import PartFile, locked_part

WAITS = (1.0, 4.0, 15.0)
TIMEOUT = (10.0, 60.0)  # [s] to connect, and between two pieces
CHUNK = 1 << 16  # [bytes]; what a break loses at most
MISMATCHES = 2  # downloads with a wrong digest before giving up


class _BrokenError(Exception):
    """An attempt failed in a way that may pass on its own."""


class _RefusedError(Exception):
    """An attempt failed in a way that another one will not cure."""


def fetch_files(
    description: dict, folder: str | Path, mirror: str | Path | None = None
) -> dict[str, Path]:
    """Fetch every file of a data set (see `fetch_file`).

    Parameters
    ----------
    description
        From `tgas_neuro.recordings.description.load_description`.
    folder
        Where this data set's files are kept, for example ``neural_data/raw/<dataset>``.
    mirror
        A folder looked in before the internet; there the files lie as ``<dataset>/<name>``.

    Returns
    -------
    dict[str, Path]
        Path of each file by its name in the description.
    """
    return {
        file["name"]: fetch_file(
            file["url"],
            Path(folder) / file["name"],
            file["sha256"],
            mirror=mirror,
            mirror_name=f"{description['name']}/{file['name']}",
            size=file.get("size"),
        )
        for file in description["files"]
    }


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

    The mirror is looked in first, then `url` is downloaded to ``<destination>.part``, which a
    later call continues after a break. A second process that wants the same file waits for the
    first. Only a file with the right digest gets the name `destination`.

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
        Seconds to wait before the second, third, ... attempt [s]; their number bounds the attempts.
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
        with locked_part(destination) as part:
            if _has_digest(destination, sha256):  # another process was faster
                return destination
            if mirrored is not None:
                _copy(mirrored, part, sha256)
            else:
                way_out = _word_way_out(destination, mirror, mirror_name)
                _download(url, part, sha256, destination.name, size, [*waits], sleep, way_out)
            part.path.replace(destination)
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
        A file is missing or has another digest; it is left as it is.
    """
    for file in description["files"]:
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
        found = calc_sha256(source)
        if found == sha256:
            with source.open("rb") as file:
                shutil.copyfileobj(file, part.file, CHUNK)
            part.file.flush()
            found = calc_sha256(part.path)
    except PermissionError:
        part.path.unlink(missing_ok=True)
        raise UserError(f"{source}: the mirror's file may not be read; allow it") from None
    if found != sha256:
        part.path.unlink(missing_ok=True)
        raise UserError(
            f"{source}: the mirror's file has sha256 {found}, expected {sha256}; "
            "replace it, or delete it to have it downloaded"
        )


def _download(
    url: str,
    part: PartFile,
    sha256: str,
    name: str,
    size: int | None,
    waits: list[float],
    sleep: Callable[[float], None],
    way_out: str,
) -> None:
    """Fill `part` from `url` until it has the digest; raise `UserError` when it cannot be had."""
    if part.size() and calc_sha256(part.path) == sha256:  # killed before it was renamed
        return
    mismatches, why = 0, ""
    for attempt in range(len(waits) + 1):
        if attempt:
            print(f"{name}: {why}; trying again in {waits[attempt - 1]:g} s", file=sys.stderr)
            sleep(waits[attempt - 1])
        try:
            _receive(url, part, name, size)
        except _BrokenError as error:
            why = str(error)
            continue
        except _RefusedError as error:
            part.path.unlink(missing_ok=True)
            raise UserError(f"{name}: {url}: {error}; correct the address or {way_out}") from None
        part.file.flush()
        found = calc_sha256(part.path)
        if found == sha256:
            return
        part.clear()
        mismatches += 1
        why = f"sha256 is {found}, expected {sha256}"
        if mismatches == MISMATCHES:
            break
    else:
        raise UserError(
            f"{name}: {url} could not be downloaded in {len(waits) + 1} attempts ({why}); "
            f"without internet, {way_out}"
        )
    part.path.unlink(missing_ok=True)
    raise UserError(
        f"{name}: {url}: {why}, twice; the file there was changed or the digest in the data set's "
        f"description is wrong: correct it, or {way_out}"
    )


def _receive(url: str, part: PartFile, name: str, size: int | None) -> None:
    """Append to `part` what is missing of `url`; start over where the server cannot resume."""
    done = part.size()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            total = _check_answer(response, part, done)
            done = part.size()
            bar = tqdm(
                desc=name,
                total=total or size,
                initial=done,
                unit="B",
                unit_scale=True,
                file=sys.stderr,
                disable=None,  # no bar where stderr is a log file
            )
            with bar:
                for piece in response.iter_content(CHUNK):
                    part.file.write(piece)
                    bar.update(len(piece))
    except requests.RequestException as error:
        # requests uses ValueError for addresses that cannot be right
        kind = _RefusedError if isinstance(error, ValueError) else _BrokenError
        raise kind(_word_failure(error)) from None
    if total is not None and part.size() != total:
        raise _BrokenError(f"the connection broke after {part.size()} of {total} bytes")


def _check_answer(response: requests.Response, part: PartFile, done: int) -> int | None:
    """Total size [bytes] if the server says it; empties `part` where the answer starts at 0."""
    status = response.status_code
    if status == 206:
        content_range = response.headers.get("Content-Range", "")
        span, _, total = content_range.removeprefix("bytes ").partition("/")
        if span.partition("-")[0] != str(done):
            part.clear()
            raise _BrokenError("the server resumed at another place")
        return int(total) if total.isdigit() else None
    if status == 200:
        part.clear()
        length = response.headers.get("Content-Length", "")
        encoded = "Content-Encoding" in response.headers  # then it is not the file's length
        return int(length) if length.isdigit() and not encoded else None
    if status == 416:  # the part is longer than the file
        part.clear()
        raise _BrokenError("the unfinished file does not fit, starting over")
    message = f"the server answered {status} {response.reason}"
    if status >= 500 or status in (408, 429):
        raise _BrokenError(message)
    raise _RefusedError(message)


def _word_failure(error: requests.RequestException) -> str:
    """The innermost reason, without the layers of objects around it."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT[1]:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    text = str(reason).rsplit(">: ", 1)[-1]
    return f"{type(error).__name__}: {text}"
