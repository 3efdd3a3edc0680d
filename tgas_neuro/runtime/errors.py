"""The one error that a user can cause, with a message of one line, and checks that raise it."""

from collections.abc import Iterable
from typing import Any


class UserError(Exception):
    """A mistake in a configuration, a data set or a file that the user can correct.

    The message names the key or file, the value received, what is allowed and what to do,
    in one line. Rules and commands print it without a traceback and exit with 1.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class MachineError(UserError):
    """A failure of the machine: it says nothing about what was computed there, and may pass."""


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
