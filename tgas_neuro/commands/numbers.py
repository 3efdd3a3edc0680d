"""Numbers on the command line: what is out of range is refused before anything is loaded."""

import math
from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """A whole number from 1 on, as `type` of an argument."""
    return _read_whole(text, 1)


def natural(text: str) -> int:
    """A whole number from 0 on, as `type` of an argument."""
    return _read_whole(text, 0)


def duration(text: str) -> float:
    """Seconds, finite and from 0 on, as `type` of an argument."""
    return _read_number(text, math.inf, "a finite number of seconds, at least 0")


def share(text: str) -> float:
    """A number from 0 to 1, as `type` of an argument."""
    return _read_number(text, 1, "a number from 0 to 1")


def _read_whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or number < least:
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
