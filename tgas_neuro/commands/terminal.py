"""What commands share: arguments, numbers within their range, and tables of plain text."""

import math
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

ABSENT = "-"
PLAIN_INTERVAL = 10.0  # [s] between lines of progress where there is no terminal


def report(line: str) -> None:
    """Tell the user of progress, beside the results on standard output."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def show_progress(what: str, total: int) -> Iterator[Callable[[int], Any]]:
    """Show how many of `total` are finished and the time that is left, on standard error.

    On a terminal it is a bar, which disappears at the end. Elsewhere it is a line in every
    `PLAIN_INTERVAL` seconds.

    Yields
    ------
    advance
        To be called with the number that has been finished since.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, desc=what, leave=False, dynamic_ncols=True) as bar:
            yield bar.update
        return
    done, start = 0, time.monotonic()
    shown = start

    def advance(number: int) -> None:
        nonlocal done, shown
        done, now = done + number, time.monotonic()
        if now - shown >= PLAIN_INTERVAL and done < total:
            left = (now - start) / done * (total - done)
            report(f"{what}: {done:,} of {total:,}, {left:.0f} s left")
            shown = now

    yield advance


def add_run(parser: ArgumentParser) -> None:
    """Declare the argument that names a run."""
    parser.add_argument("run", nargs="?", help="name or folder of a run (default: the newest)")


def add_list(parser: ArgumentParser) -> None:
    """Declare how many candidates are listed, and in which form."""
    parser.add_argument("--n", type=positive, default=10, help="number of candidates (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")


def positive(text: str) -> int:
    """A whole number of at least 1, as `type` of an argument."""
    return _read_whole(text, 1)


def natural(text: str) -> int:
    """A whole number of at least 0, as `type` of an argument."""
    return _read_whole(text, 0)


def duration(text: str) -> float:
    """A finite number of seconds, at least 0, as `type` of an argument."""
    return _read_number(text, math.inf, "a finite number of seconds, at least 0")


def degrees(text: str) -> float:
    """A number of degrees of visual angle, as `type` of an argument."""
    return _read_number(text, 180, "a number of degrees, at most 180")


def share(text: str) -> float:
    """A number from 0 to 1, as `type` of an argument."""
    return _read_number(text, 1, "a number from 0 to 1")


def _read_whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise ArgumentTypeError(f"{text!r}: expected a whole number, at least {least}")
    return number


def _read_number(text: str, most: float, expected: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and 0 <= number <= most):
        raise ArgumentTypeError(f"{text!r}: expected {expected}")
    return number


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format rows as a table, whose head is the keys of the first row.

    Numbers are aligned to the right: fractions have three digits, whole numbers have commas. None
    is a dash.
    """
    names = list(rows[0])
    texts = [[_format_value(row[name]) for name in names] for row in rows]
    numeric = [any(isinstance(row[name], int | float) for row in rows) for name in names]
    widths = [max(map(len, column)) for column in zip(names, *texts, strict=True)]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in [names, *texts]
    ]
    return "\n".join(lines)


def _format_value(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
