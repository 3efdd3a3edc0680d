"""Fields of JSON content: objects with the keys that are asked for, and lists."""

from typing import Any

from tgas_neuro.runtime.errors import UserError


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
