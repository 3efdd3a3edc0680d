"""Wordings of mistakes in a configuration: value, what is allowed, the nearest key."""

import contextlib
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

from tgas_neuro.config.section import Section, SectionError, get_extra, list_branches

TYPE_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "keys with values",
    type(None): "null",
}
UNKNOWN = "extra_forbidden"  # pydantic's type of the error of a key that does not exist


def suggest(value: Any, allowed: Iterable[Any]) -> str:
    """The words ", did you mean 'tpe'?" if one of `allowed` is close to `value`, otherwise ""."""
    close = difflib.get_close_matches(str(value), [str(choice) for choice in allowed], n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def format_path(path: Iterable[str | int]) -> str:
    """Keys and positions as a user writes them: ``files[0].sha256``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class Found:
    """One of pydantic's errors, with what the models say about its place.

    Attributes
    ----------
    path
        Keys and positions that lead to the value.
    unions
        Unions on the way: length of the path there, the branch, and the union's type.
    annotation
        Type of the value; None of a key that does not exist.
    section
        The section that holds the key.
    error
        As pydantic has it.
    """

    path: tuple[str | int, ...]
    unions: tuple[tuple[int, str, Any], ...]
    annotation: Any
    section: type[Section] | None
    error: ErrorDetails

    @property
    def kind(self) -> str:
        """Pydantic's type of the error."""
        return self.error["type"]

    @property
    def value(self) -> Any:
        """What the user wrote."""
        return self.error["input"]


def is_section(annotation: Any) -> bool:
    """Whether a type is a section."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def is_type(one: Found) -> bool:
    """Whether the value has the wrong type."""
    return one.kind.endswith("_type") or one.kind == "int_from_float"


def format_error(one: Found) -> tuple[tuple[str | int, ...], str]:
    """Path and wording of one error."""
    context = one.error.get("ctx", {})
    mistake = context.get("error")
    if isinstance(mistake, SectionError) and mistake.key:
        return (*one.path, mistake.key), str(mistake)
    if one.kind == "union_tag_invalid":
        name = context["discriminator"].strip("'")
        return (*one.path, name), format_choice(one.value[name], _list_kinds(one.annotation, name))
    if is_type(one):
        return one.path, format_type(one.annotation, one.value)
    wording = WORDINGS.get(one.kind, lambda one: str(mistake or one.error["msg"]))
    return one.path, wording(one)


def format_type(annotation: Any, value: Any) -> str:
    """Wording for a value that is of none of the types of a key."""
    allowed = list_allowed(annotation)
    if any(name not in TYPE_NAMES.values() for name in allowed):
        return format_choice(value, allowed)
    hint = ""
    if isinstance(value, str) and {"a number", "a whole number"} & set(allowed):
        with contextlib.suppress(ValueError):
            plain = f"{float(value):.12g}"
            hint = f"; write {plain if 'e' not in plain else 'it out or as in 1.0e+6'}"
    return f"expected {' or '.join(map(str, allowed))}, got {_format_value(value)}{hint}"


def list_allowed(annotation: Any) -> list[Any]:
    """What a type allows, for a message: values of `Literal`, names of other types."""
    allowed: list[Any] = []
    for branch in sorted(list_branches(annotation), key=lambda one: one is type(None)):
        if get_origin(branch) is Literal:
            allowed += get_args(branch)
        elif is_section(branch):
            allowed.append(TYPE_NAMES[dict])
        else:
            allowed.append(TYPE_NAMES[get_origin(branch) or branch])
    if "a number" in allowed:
        allowed = [one for one in allowed if one != "a whole number"]
    return list(dict.fromkeys(allowed))


def _list_kinds(annotation: Any, name: str) -> list[str]:
    """Values of the key that chooses a branch of a union, such as ``kind``."""
    return [
        value
        for branch in list_branches(annotation)
        if is_section(branch)
        for value in get_args(branch.model_fields[name].annotation)
    ]


def _format_value(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true or false)"
    kinds = {str: "text", int: "a whole number", float: "a number", list: "a list"}
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return f"{shown} ({kinds.get(type(value), 'keys with values')})"


def format_choice(value: Any, allowed: Sequence[Any]) -> str:
    """Wording for a value that is not one of those allowed."""
    allowed = list(dict.fromkeys(allowed))
    listed = ", ".join(str(choice) for choice in allowed)
    return f"{value!r} is not one of: {listed}{suggest(value, allowed)}"


def _format_unknown_key(one: Found) -> str:
    name = str(one.error["loc"][-1])
    allowed = list(one.section.model_fields) if one.section else []
    union = list_branches(one.unions[-1][2]) if one.unions else []
    others = [other for other in union if is_section(other) and name in other.model_fields]
    kind = one.section.model_fields.get("kind") if one.section else None
    if others and kind:
        keys = ", ".join(key for key in allowed if key != "kind")
        return (
            f"key {name!r} does not belong to kind {one.unions[-1][1]!r}, whose keys "
            f"are {keys}; remove it"
        )
    return f"unknown key {name!r}{suggest(name, allowed)} (allowed: {', '.join(allowed) or 'none'})"


def _format_missing(one: Found) -> str:
    name = str(one.error["loc"][-1])
    field = one.section.model_fields.get(name) if one.section else None
    about = (field.description if field else None) or ""
    kind = one.section.model_fields.get("kind") if one.section else None
    needed = f"kind {one.unions[-1][1]!r} needs it" if kind and one.unions else "add it"
    return f"key {name!r} is missing; {needed}{': ' + about if about else ''}"


def _format_missing_kind(one: Found) -> str:
    name = one.error["ctx"]["discriminator"].strip("'")
    kinds = ", ".join(_list_kinds(one.annotation, name))
    return f"key {name!r} is missing; add it: one of {kinds}"


def _format_bound(words: str, bound: str) -> Callable[[Found], str]:
    def word(one: Found) -> str:
        limit = one.error["ctx"][bound]
        shown = int(limit) if float(limit).is_integer() else limit
        return f"{one.value!r} is {words} {shown}{_ask_unit(one) if bound == 'le' else ''}"

    return word


def _ask_unit(one: Found) -> str:
    """A question for who may have given pixels in place of degrees."""
    name = str(one.error["loc"][-1])
    field = one.section.model_fields.get(name) if one.section else None
    in_degrees = field is not None and get_extra(field, "unit") == "deg"
    return " degrees of visual angle: are these pixels?" if in_degrees else ""


def _format_length(words: str, bound: str) -> Callable[[Found], str]:
    return lambda one: (
        f"{len(one.value)} given, {words} {one.error['ctx'][bound]} expected in "
        f"{_format_value(one.value)}"
    )


WORDINGS: dict[str, Callable[[Found], str]] = {
    UNKNOWN: _format_unknown_key,
    "missing": _format_missing,
    "union_tag_not_found": _format_missing_kind,
    "literal_error": lambda one: format_choice(one.value, list_allowed(one.annotation)),
    "greater_than_equal": _format_bound("too small; the least allowed is", "ge"),
    "less_than_equal": _format_bound("too large; the most allowed is", "le"),
    "greater_than": _format_bound("too small; it must be above", "gt"),
    "less_than": _format_bound("too large; it must be below", "lt"),
    "too_short": _format_length("at least", "min_length"),
    "too_long": _format_length("at most", "max_length"),
    "string_too_short": _format_length("at least", "min_length"),
    "string_too_long": _format_length("at most", "max_length"),
}
