"""Sections of a configuration: typed keys, each declared once with all that is known about it."""

import os
import re
import types
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from tgas_neuro.runtime.yaml_files import read_arguments

MARK = "decides_numbers"  # in the JSON schema of a key


class SectionError(ValueError):
    """A mistake that no type or bound expresses, found by a validator of a section.

    Parameters
    ----------
    key
        The key below the section, for example ``"network.weights"``; "" is the section itself.
    text
        What follows the key in the message: the value, what is allowed, and the way out.
    """

    def __init__(self, key: str, text: str):
        super().__init__(text)
        self.key = key


class Section(BaseModel):
    """A mapping in a YAML file, with a fixed set of keys.

    Every key is declared with `key`; a class with another kind of field cannot be defined. Values
    are checked strictly: the text ``"6"`` is not a number and ``yes`` in quotes is not a truth
    value, but 1.0e+6 is accepted where a whole number is expected. Instances are frozen.

    Raises
    ------
    TypeError
        When the class is defined: a field does not say whether it decides numbers.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        defer_build=True,
        regex_engine="python-re",
        protected_namespaces=(),
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        for name, field in cls.model_fields.items():
            if not isinstance(field.json_schema_extra, dict) or MARK not in field.json_schema_extra:
                raise TypeError(
                    f"{cls.__name__}.{name}: does not say whether it decides numbers; declare it "
                    "with key(default, description, decides=True or False)"
                )

    @model_validator(mode="before")
    @classmethod
    def _make_whole(cls, values: Any) -> Any:
        """Turn floats without a fraction into integers where a key allows only integers.

        Texts of the command line become numbers where a key allows no text.
        """
        if not isinstance(values, dict):
            return values
        values = {
            name: read_arguments(value, cls.model_fields[name].annotation, list_branches)
            if name in cls.model_fields
            else value
            for name, value in values.items()
        }
        return {
            name: _convert_whole(value)
            if name in cls.model_fields and _is_whole(cls.model_fields[name].annotation)
            else value
            for name, value in values.items()
        }

    def list_unused(self) -> set[str]:
        """Keys without any effect, because of what other keys say; they are in no digest."""
        return set()


def key(
    default: Any,
    description: str,
    *,
    decides: bool,
    stage: Literal["search", "final"] | None = None,
    unit: str | None = None,
    **constraints: Any,
) -> Any:
    """Declare a key of a section.

    Parameters
    ----------
    default
        Its value if the file does not have the key. A section's class means its defaults;
        ``...`` means that the file must have the key.
    description
        What it means, one or two sentences; part of the JSON schema, of the reference page and of
        the message when the key is missing.
    decides
        Whether results depend on it. If so, it is part of the digests that name them.
    stage
        The first stage whose results it decides, if that is a later one than its section's.
    unit
        Unit of the value, for example ``"ms"``.
    **constraints
        Bounds, as `pydantic.Field` takes them: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``,
        ``max_length``, ``discriminator``.
    """
    extra: dict[str, Any] = {MARK: stage or decides}
    if unit:
        extra["unit"] = unit
    constraints |= {"description": description, "json_schema_extra": extra}
    if isinstance(default, type) and issubclass(default, Section):
        return Field(default_factory=default, **constraints)
    return Field(default, **constraints)


def get_extra(field: FieldInfo, name: str) -> Any:
    """What `key` noted of a field beside pydantic's own attributes: `MARK` or ``"unit"``."""
    return field.json_schema_extra.get(name) if isinstance(field.json_schema_extra, dict) else None


def dump_section(section: Section) -> dict[str, Any]:
    """The keys of a section with their values, at any depth, as JSON holds them.

    Keys without effect (`Section.list_unused`) are left out: read back, they have their defaults.
    """
    return _dump(section, lambda mark: True)


def dump_decisive(section: Section, *stages: str) -> dict[str, Any]:
    """The keys of a section on which results depend, at any depth, with values as JSON holds them.

    Parameters
    ----------
    section
        A checked section.
    *stages
        Keys that decide the results of another stage (`stage` of `key`) are left out unless that
        stage is named here.

    Returns
    -------
    dict
        Keys without effect (`Section.list_unused`) are left out as well.
    """
    return _dump(section, lambda mark: mark in (True, *stages))


def _dump(value: Any, takes: Callable[[Any], bool]) -> Any:
    """`value` as JSON holds it; of sections the keys whose mark `takes` accepts."""
    if isinstance(value, Section):
        unused = value.list_unused()
        return {
            name: _dump(getattr(value, name), takes)
            for name, field in type(value).model_fields.items()
            if name not in unused and takes(get_extra(field, MARK))
        }
    if isinstance(value, dict):
        return {name: _dump(item, takes) for name, item in value.items()}
    if isinstance(value, list):
        return [_dump(item, takes) for item in value]
    return value


class Checked(ABC):
    """Annotation of a type whose values are checked once more by `check`."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    @abstractmethod
    def check(self, value: Any) -> Any:
        """Return `value` if it is allowed, otherwise raise `SectionError`."""


@dataclass(frozen=True)
class Matching(Checked):
    """Annotation of text that must match a pattern, with the pattern's meaning for messages."""

    pattern: str
    expected: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def check(self, value: str) -> str:
        """Return `value` if it matches, otherwise raise `SectionError`."""
        if not re.search(self.pattern, value):
            raise SectionError("", f"{value!r} is not what is expected here: {self.expected}")
        return value


@dataclass(frozen=True)
class Unique(Checked):
    """Annotation of a list that holds nothing twice."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "uniqueItems": True}

    def check(self, value: list[Any]) -> list[Any]:
        """Return `value` if nothing is in it twice, otherwise raise `SectionError`."""
        if any(item in value[:position] for position, item in enumerate(value)):
            raise SectionError("", f"{value!r} lists something twice; remove the double")
        return value


@dataclass(frozen=True)
class TextAt(Checked):
    """Annotation of a mapping whose value of one key is text, with its meaning for messages."""

    name: str
    meaning: str

    def check(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return `value` if it has text there, or no such key, otherwise raise `SectionError`."""
        found = value.get(self.name, "")
        if not isinstance(found, str):
            raise SectionError(self.name, f"expected text, {self.meaning}, got {found!r}")
        return value


def _check_window(value: list[float]) -> list[float]:
    if value[0] >= value[1]:
        fault = "is empty" if value[0] == value[1] else "ends before it begins"
        raise SectionError("", f"{value!r} {fault}; give the start and a later stop")
    return value


Text = Annotated[str, Field(min_length=1)]
UserPath = Annotated[Text, AfterValidator(os.path.expanduser)]  # ~ is the user's home
Window = Annotated[
    list[int | float], Field(min_length=2, max_length=2), AfterValidator(_check_window)
]
Colour = Annotated[list[float], Field(min_length=3, max_length=3)]
Device = Annotated[str, Matching("^(auto|cpu|cuda(:[0-9]+)?)$", "auto, cpu, cuda or cuda:<n>")]


def list_branches(annotation: Any) -> list[Any]:
    """The alternatives of a type, without `Annotated`: ``int | None`` has int and None's type."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return list_branches(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [one for part in get_args(annotation) for one in list_branches(part)]
    return [annotation]


def _is_whole(annotation: Any) -> bool:
    """Whether the numbers of a type, also inside lists and mappings, are integers only."""
    found: set[type] = set()
    _collect_numbers(annotation, found.add)
    return found == {int}


def _collect_numbers(annotation: Any, add: Callable[[type], None]) -> None:
    for branch in list_branches(annotation):
        if branch in (int, float):
            add(branch)
        elif get_origin(branch) in (list, dict):
            for part in get_args(branch):
                _collect_numbers(part, add)


def _convert_whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_convert_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _convert_whole(item) for name, item in value.items()}
    return value
