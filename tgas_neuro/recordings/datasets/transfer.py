"""One attempt to receive a file by HTTP: from where the last one stopped, if the server can."""

import contextlib
import email.utils
import sys
import time

import requests
import urllib3
from tqdm import tqdm

from tgas_neuro.recordings.datasets.part_file import PartFile

TIMEOUT = (10.0, 60.0)  # [s] to connect, and between two pieces
CHUNK = 1 << 16  # [bytes]; received at once at most


class BrokenError(Exception):
    """An attempt failed in a way that may pass on its own.

    Attributes
    ----------
    wait
        How long the server asks to wait [s]; 0 where it does not.
    """

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class RefusedError(Exception):
    """An attempt failed in a way that another one will not cure."""


def receive(url: str, part: PartFile, name: str, size: int | None = None) -> int:
    """Append to `part` what is missing of `url`; start over where the server cannot resume.

    The bytes are kept as they come over the line, as wget and curl do: servers that announce
    ``Content-Encoding: gzip`` for a file that ends in .gz mean the file itself.

    Parameters
    ----------
    url
        Address of the file.
    part
        What has arrived so far.
    name
        The file as the user knows it, for the progress bar (only on a terminal).
    size
        Size [bytes] that is expected where the server says none.

    Returns
    -------
    int
        Position in the file at which the answer began [bytes]: 0, or what had arrived before.

    Raises
    ------
    BrokenError, RefusedError
        See there; what has arrived is kept if the next attempt may continue it.
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
            with tqdm(
                desc=name,
                total=total,
                initial=begin,
                unit="B",
                unit_scale=True,
                file=sys.stderr,
                disable=None,  # no bar where stderr is a log file
            ) as bar:
                # read1 gives what is there: a break loses nothing that has arrived
                while piece := response.raw.read1(CHUNK, decode_content=False):
                    part.file.write(piece)
                    bar.update(len(piece))
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # requests uses ValueError for addresses that cannot be right
        kind = RefusedError if isinstance(error, ValueError) else BrokenError
        raise kind(_word_failure(error, part)) from None
    if total is not None and part.size() != total:
        raise BrokenError(f"the connection broke after {part.size()} of {total} bytes")
    return begin


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


def _word_failure(error: Exception, part: PartFile) -> str:
    """The innermost reason, without the layers of objects around it."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"no answer within {max(TIMEOUT):g} s"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return f"the connection broke after {part.size()} bytes"
    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    text = str(reason).rsplit(">: ", 1)[-1]
    return f"{type(error).__name__}: {text}"
