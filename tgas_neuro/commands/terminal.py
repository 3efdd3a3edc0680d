"""What commands share: arguments, numbers within their range, and answers as text, JSON or CSV."""

import csv
import json
import math
import re
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tgas_neuro.runtime.text import format_table, get_width, wrap_line

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
    add_forms(parser)


def add_forms(parser: ArgumentParser) -> None:
    """Declare the forms in which an answer is printed for other programs (see `print_answer`)."""
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON, for other programs")
    forms.add_argument("--csv", action="store_true", help="print the whole table as CSV")


@dataclass(frozen=True)
class Answer:
    """What a command has to say.

    Attributes
    ----------
    rows
        Of the CSV table; values are numbers, texts, truth values or None. All have the same keys.
    columns
        Names of the columns, which CSV shows even if there are no rows.
    content
        As JSON; None prints the rows.
    text
        For people. It makes the text only when it is needed.
    """

    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    text: Callable[[], str]
    content: Any = None


def print_answer(arguments: Namespace, answer: Answer) -> None:
    """Print an answer for people, or with ``--json`` or ``--csv`` for other programs.

    JSON and CSV hold numbers as they were measured; nothing is rounded or left out.
    """
    if arguments.json:
        rows = [dict(row) for row in answer.rows]
        print(json.dumps(rows if answer.content is None else answer.content, indent=2))
    elif arguments.csv:
        writer = csv.DictWriter(sys.stdout, answer.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(answer.rows)
    else:
        print(answer.text())


def show_table(rows: Sequence[Mapping[str, Any]], folding: bool = True) -> str:
    """A table no wider than the terminal, or 80 columns where there is none; see `format_table`."""
    return format_table(rows, get_width(), folding)


def show_lines(*lines: str) -> str:
    """Lines no wider than that; what is continued is indented to the text of the line."""
    width = get_width()
    return "\n".join(wrap_line(line, _find_text(line), width) for line in lines)


def _find_text(line: str) -> int:
    """Where the text of a line begins, whose first word is its label; 2 without a label."""
    found = re.match(r" *\S+ {2,}(?=\S)| +(?=\S)", line)
    return found.end() if found else 2


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
