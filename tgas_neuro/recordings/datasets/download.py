"""Fetch one file by HTTP, whole or not at all: resumed, and checked by its SHA-256."""

import contextlib
import email.utils
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from tgas_neuro.recordings.datasets.files import has_digest, publish_part, receiving
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import PartFile

WAITS = (1.0, 4.0, 15.0)
MOST_WAIT = 120.0  # [s]; the longest wait that a server may ask for
PROGRESS = 1 << 20  # [bytes]; an attempt that brought as many is not counted as a failure
MISMATCHES = 2  # whole downloads with a wrong digest before giving up
TIMEOUT = (10.0, 60.0)  # [s] to connect, and between two pieces
CHUNK = 1 << 16  # [bytes]; received at once at most
BAR: dict[str, Any] = {"unit": "B", "unit_scale": True, "disable": None}  # none in a log file


class BrokenError(Exception):
    """A failure that may pass on its own; the server asks to wait so long [s]."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class RefusedError(Exception):
    """A failure that another attempt will not cure."""


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

    It is downloaded to a part file, which a later call continues after a break. Several processes
    at once each write a part of their own (see `tgas_neuro.runtime.files.own_part`). Only a file
    with the right digest gets the name `destination`.

    Parameters
    ----------
    url
        Address of the file.
    destination
        Path that it gets.
    sha256
        Its SHA-256, 64 hexadecimal digits.
    mirror, mirror_name
        A local folder that does not have the file, and the path that it would have inside; for
        messages.
    size
        Size [bytes] that is expected where the server says none.
    waits
        Waits before the second, third, ... attempt [s], or longer where the server asks for it;
        their number bounds the attempts in a row that brought less than `PROGRESS` bytes.
    sleep
        How to wait.

    Raises
    ------
    UserError
        The file cannot be had, or has another digest; both digests are named. A host name that
        does not resolve is an error at once, without another attempt.
    """
    destination = Path(destination)
    if has_digest(destination, sha256):
        return destination
    way_out = _format_way_out(destination, mirror, mirror_name)
    with receiving(destination) as part:
        if _download(url, part, sha256, destination, size, [*waits], sleep, way_out):
            publish_part(part, destination, sha256)
    return destination


def _format_way_out(destination: Path, mirror: str | Path | None, mirror_name: str) -> str:
    if mirror is not None:
        return f"put the file into the mirror as {Path(mirror) / mirror_name}"
    if mirror_name:
        return f"set mirror to a folder that holds {mirror_name}"
    return f"put the file to {destination}"


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
        if has_digest(destination, sha256):
            part.clear()
            return False


def receive(url: str, part: PartFile, name: str, size: int | None = None) -> int:
    """Append to `part` what is missing of `url`; start over where the server cannot resume.

    The bytes are kept as they come over the line, as wget and curl do: servers that announce
    ``Content-Encoding: gzip`` for a file that ends in .gz mean the file itself.

    Returns the position in the file at which the answer began [bytes]: 0, or what had arrived
    before. Raises `BrokenError` or `RefusedError`; what has arrived is kept if the next attempt
    may continue it.
    """
    done = part.size()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416 and done:  # nothing comes after what we have
                return done
            begin, total = _check_answer(response, done)
            if begin != done:
                part.clear()
            if begin not in (0, done):
                raise BrokenError("the server resumed at another place")
            total = size if total is None else total
            bar = tqdm(desc=name, total=total, initial=begin, file=sys.stderr, **BAR)
            with bar:
                # read1 gives what is there: a break loses nothing that has arrived
                while piece := response.raw.read1(CHUNK, decode_content=False):
                    part.file.write(piece)
                    bar.update(len(piece))
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if _is_unresolved(error):
            host = urlsplit(url).hostname
            raise RefusedError(
                f"the host name {host!r} cannot be resolved, there is no internet or no such host"
            ) from None
        # requests raises a ValueError for addresses that cannot be right
        kind = RefusedError if isinstance(error, ValueError) else BrokenError
        raise kind(_format_failure(error, part)) from None
    if total is not None and part.size() != total:
        raise BrokenError(f"the connection broke after {part.size()} of {total} bytes")
    return begin


def _is_unresolved(error: BaseException | None) -> bool:
    """Whether the name server knew no address; a wait of seconds does not change that."""
    while error is not None:
        if isinstance(error, socket.gaierror | urllib3.exceptions.NameResolutionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _check_answer(response: requests.Response, done: int) -> tuple[int, int | None]:
    """Where the answer begins (-1: unknown) and the file's size [bytes], None if not said."""
    status = response.status_code
    if status == 206:
        content_range = response.headers.get("Content-Range", "")
        span, _, total = content_range.removeprefix("bytes ").partition("/")
        begin = _read_number(span.partition("-")[0])
        return -1 if begin is None else begin, _read_number(total)
    if status == 200:
        return 0, _read_number(response.headers.get("Content-Length", ""))
    message = f"the server answered {status} {response.reason or ''}".strip()
    if status >= 500 or status in (408, 416, 425, 429):
        raise BrokenError(message, _read_wait(response.headers.get("Retry-After", "")))
    raise RefusedError(message)


def _read_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _read_wait(text: str) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date); 0 without one."""
    seconds = _read_number(text.strip())
    if seconds is not None:
        return float(seconds)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return 0.0


def _format_failure(error: Exception, part: PartFile) -> str:
    """The innermost reason, without the layers of objects around it."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"no answer within {max(TIMEOUT):g} s"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return f"the connection broke after {part.size()} bytes"
    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    return f"{type(error).__name__}: {str(reason).rsplit('>: ', 1)[-1]}"
