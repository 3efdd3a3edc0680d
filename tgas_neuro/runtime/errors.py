"""Errors of one line: mistakes of the user, checks that find them, and failures of the machine."""

import contextlib
import numbers
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FAILED = "failed"  # folder of a run; empty unless the last candidates failed with the machine
IN_A_ROW = 3  # candidates there, beyond which no other begins


class UserError(Exception):
    """A mistake in a configuration, a data set or a file that the user can correct.

    The message names the key or file, the value received, what is allowed and what to do,
    in one line. Rules and commands print it without a traceback and exit with 1.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class MachineError(UserError):
    """A failure of the machine: it says nothing about what was computed there, and may pass."""


def describe_error(error: Exception) -> str:
    """What a library raised, its type and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def check_choice(name: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `UserError` unless `value` is one of `allowed`.

    Parameters
    ----------
    name
        The key, argument or field, as in the configuration.
    value
        The value received.
    allowed
        The allowed values, in the order in which the message lists them.
    """
    allowed = list(allowed)
    if value not in allowed:
        listed = ", ".join(str(choice) for choice in allowed)
        raise UserError(f"{name}: {value!r} is not one of: {listed}")


def check_whole_number(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raise `UserError` unless `value` is a whole number, of any type, in these bounds.

    Parameters
    ----------
    name
        The argument.
    value
        The value received.
    least, most
        The bounds, included; None is no upper one.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        bounds = f"at least {least:,}" if most is None else f"{least:,} to {most:,}"
        raise UserError(f"{name}: {value!r}; expected a whole number, {bounds}")


def check_object(
    content: Any, name: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Raise `UserError` unless the content is an object that has these keys, and maybe others."""
    allowed = ", ".join([*required, *optional])
    if not isinstance(content, dict):
        raise UserError(f"{name}: {content!r} is not an object with the keys {allowed}")
    for key in required:
        if key not in content:
            raise UserError(f"{name}: key {key!r} is missing; the keys are {allowed}")


def check_keys(
    content: Any, name: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Raise `UserError` unless the content is an object with exactly these keys."""
    check_object(content, name, required, optional)
    for key in content:
        if key not in required and key not in optional:
            allowed = ", ".join([*required, *optional])
            raise UserError(f"{name}: key {key!r} is unknown; the keys are {allowed}")


def check_list(value: Any, name: str) -> None:
    """Raise `UserError` unless the value is a list."""
    if not isinstance(value, list):
        raise UserError(f"{name}: {value!r} is not a list")


@contextmanager
def counting_failures(run: Path | None, name: str) -> Iterator[None]:
    """Name the candidate that a failure of the machine ended; refuse to go on after a few in a row.

    Every job of a run counts, whichever process or machine it runs on, because their causes lie in
    the run's folder. A candidate that ends, in whatever state, and a new start of the workflow
    forget them.

    Parameters
    ----------
    run
        Folder of the run; None counts nothing.
    name
        Id of the candidate.
    """
    causes = [path.read_text() for path in (run / FAILED).glob("*.txt")] if run else []
    if len(causes) >= IN_A_ROW:
        raise UserError(
            f"the search stops: {len(causes)} candidates in a row failed for reasons of the "
            f"machine, {causes[-1]}"
        )
    try:
        yield
    except MachineError as error:
        message = f"candidate {name}: {error}"
        if run:
            with contextlib.suppress(OSError):  # as the disk may be full
                (run / FAILED).mkdir(parents=True, exist_ok=True)
                (run / FAILED / f"{name}.txt").write_text(message)
        raise MachineError(
            f"{message}; the machine failed, and nothing is recorded: correct the cause, and the "
            "same command evaluates it again"
        ) from None
    if run:
        forget_failures(run)


def forget_failures(run: Path) -> None:
    """Begin to count the failures of the machine again."""
    shutil.rmtree(run / FAILED, ignore_errors=True)
