"""Check what a user wrote against a JSON schema; the first mistake becomes one readable line."""

import contextlib
import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tgas_neuro.config.schema_defaults import fill_defaults
from tgas_neuro.config.schema_validator import Draft202012Validator, ValidationError
from tgas_neuro.runtime.errors import UserError

TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "null",
}


def check_schema(content: Any, schema: dict | str | Path, name: str, at: Sequence = ()) -> Any:
    """Check `content` against a JSON schema (2020-12) and return it with the defaults filled in.

    Parameters
    ----------
    content
        What the user wrote, as `yaml.safe_load` gives it; it is not changed.
    schema
        The schema, or the YAML file that holds it. Beside the standard keywords a property may
        have ``expected``: what its ``pattern`` or ``not`` means, in words.
    name
        The file as the user knows it, for messages.
    at
        Keys that lead to `content` inside that file, for messages.

    Returns
    -------
    Any
        A copy. A key that is absent gets the ``default`` of its schema, at any depth; a number
        like 1.0e+6 becomes whole where the schema says ``integer``.

    Raises
    ------
    UserError
        One line with the path of the key, the value received, and what is allowed. Of several
        mistakes, misspelt keys come first: they often cause the others.
    """
    if not isinstance(schema, dict):
        schema = yaml.safe_load(Path(schema).read_text(encoding="utf-8"))
    _check_json(content, name, list(at))
    completed = fill_defaults(content, schema)
    errors = [_find_deepest(error) for error in Draft202012Validator(schema).iter_errors(completed)]
    if errors:
        error = min(errors, key=_is_known_key)
        where = format_path([*at, *error.absolute_path])
        raise UserError(f"{name}: {where + ': ' if where else ''}{_word_error(error)}")
    return completed


def suggest(value: Any, allowed: Iterable[Any]) -> str:
    """The words ", did you mean 'tpe'?" where one of `allowed` is close to `value`, else ""."""
    close = difflib.get_close_matches(str(value), [str(choice) for choice in allowed], n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def format_path(path: Iterable[str | int]) -> str:
    """Keys and positions as a user writes them: ``files[0].sha256``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _check_json(content: Any, name: str, path: list) -> None:
    """Refuse what YAML can hold and JSON cannot: dates, keys that are numbers, NaN."""
    where = f"{name}: {format_path(path)}{': ' if path else ''}"
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise UserError(f"{where}key {key!r} is not text; put it in quotes")
            _check_json(value, name, [*path, key])
    elif isinstance(content, list):
        for index, value in enumerate(content):
            _check_json(value, name, [*path, index])
    elif isinstance(content, float) and not math.isfinite(content):
        raise UserError(f"{where}{content} is not a finite number")
    elif not isinstance(content, str | int | float | None):
        raise UserError(
            f"{where}{content} was read as a {type(content).__name__}; "
            "put it in quotes if it is text"
        )


def _find_deepest(error: ValidationError) -> ValidationError:
    """Of an ``anyOf`` or ``oneOf``, the mistake in the branch that the user most likely meant.

    A branch of another type, or one that another value of a key such as ``kind`` would choose,
    is not it; of the rest it is the one with the fewest mistakes. Without a rest, the union.
    """
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        return error
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [
        inner for inner in branches.values() if not any(_is_wrong_branch(e, error) for e in inner)
    ]
    if not meant:
        return _merge_choices(error)
    return min(map(_find_deepest, min(meant, key=len)), key=_is_known_key)


def _is_wrong_branch(error: ValidationError, union: ValidationError) -> bool:
    depth = len(error.absolute_path) - len(union.absolute_path)
    chosen = error.validator in ("const", "enum")
    return (depth <= 1 and chosen) or (depth == 0 and error.validator == "type")


def _merge_choices(union: ValidationError) -> ValidationError:
    """Of a union none of whose branches is meant: one error with all that they allow there."""
    wrong = [inner for inner in union.context if _is_wrong_branch(inner, union)]
    chosen = [inner for inner in wrong if inner.validator != "type"]
    values = [value for inner in chosen for value in _as_list(inner.validator_value)]
    types = [
        name for inner in wrong if inner not in chosen for name in _as_list(inner.validator_value)
    ]
    if not chosen:
        return _replace_error(union, union, "type", list(dict.fromkeys(types)))
    allowed = [*values, *(TYPE_NAMES[name] for name in types)]
    return _replace_error(union, chosen[0], "enum", list(dict.fromkeys(allowed)))


def _replace_error(
    union: ValidationError, place: ValidationError, validator: str, allowed: list
) -> ValidationError:
    path = list(place.absolute_path)[len(union.absolute_path) :]
    return ValidationError(
        union.message,
        validator=validator,
        validator_value=allowed,
        instance=place.instance,
        path=path,
        parent=union,
    )


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def _is_known_key(error: ValidationError) -> bool:
    return error.validator not in ("additionalProperties", "unevaluatedProperties")


def _word_error(error: ValidationError) -> str:
    return WORDINGS.get(error.validator, lambda error: error.message)(error)


def _word_type(error: ValidationError) -> str:
    names = dict.fromkeys(TYPE_NAMES[name] for name in _as_list(error.validator_value))
    hint = ""
    if isinstance(error.instance, str) and {"a number", "a whole number"} & set(names):
        with contextlib.suppress(ValueError):
            plain = f"{float(error.instance):.12g}"
            hint = f"; write {plain if 'e' not in plain else 'it out or as in 1.0e+6'}"
    return f"expected {' or '.join(names)}, got {_word_value(error.instance)}{hint}"


def _word_value(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true or false)"
    kinds = {str: "text", int: "a whole number", float: "a number", list: "a list"}
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return f"{shown} ({kinds.get(type(value), 'keys with values')})"


def _word_unknown_key(error: ValidationError) -> str:
    allowed = list(error.schema.get("properties", {}))
    key = next(key for key in error.instance if key not in allowed)
    return f"unknown key {key!r}{suggest(key, allowed)} (allowed: {', '.join(allowed) or 'none'})"


def _word_required(error: ValidationError) -> str:
    key = next(key for key in error.validator_value if key not in error.instance)
    about = error.schema.get("properties", {}).get(key, {}).get("description", "")
    return f"key {key!r} is missing; add it{': ' + about if about else ''}"


def _word_enum(error: ValidationError) -> str:
    allowed = error.validator_value
    listed = ", ".join("null" if choice is None else str(choice) for choice in allowed)
    return f"{error.instance!r} is not one of: {listed}{suggest(error.instance, allowed)}"


def _word_pattern(error: ValidationError) -> str:
    expected = error.schema.get("expected", f"text like {error.validator_value}")
    return f"{error.instance!r} is not what is expected here: {expected}"


def _word_bound(words: str) -> Callable[[ValidationError], str]:
    return lambda error: f"{error.instance!r} is {words} {error.validator_value}"


def _word_length(words: str) -> Callable[[ValidationError], str]:
    return lambda error: (
        f"{len(error.instance)} given, {words} {error.validator_value} "
        f"expected in {_word_value(error.instance)}"
    )


WORDINGS: dict[str, Callable[[ValidationError], str]] = {
    "additionalProperties": _word_unknown_key,
    "unevaluatedProperties": _word_unknown_key,
    "required": _word_required,
    "type": _word_type,
    "enum": _word_enum,
    "const": lambda error: f"{error.instance!r} is not allowed; expected {error.validator_value!r}",
    "pattern": _word_pattern,
    "not": lambda error: error.schema.get("expected", "this value is not allowed here"),
    "minimum": _word_bound("too small; the least allowed is"),
    "maximum": _word_bound("too large; the most allowed is"),
    "exclusiveMinimum": _word_bound("too small; it must be above"),
    "exclusiveMaximum": _word_bound("too large; it must be below"),
    "minItems": _word_length("at least"),
    "maxItems": _word_length("at most"),
    "minLength": _word_length("at least"),
    "maxLength": _word_length("at most"),
    "minProperties": _word_length("at least"),
    "maxProperties": _word_length("at most"),
    "uniqueItems": lambda error: f"{error.instance!r} lists something twice; remove the double",
}
