"""All of config.yaml: its sections, the checks across them, and how a section is checked."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError, model_validator
from pydantic_core import ErrorDetails

from tgas_neuro.config.final import Final
from tgas_neuro.config.guidance import check_guidance
from tgas_neuro.config.loggers import Loggers
from tgas_neuro.config.messages import (
    UNKNOWN,
    Found,
    format_choice,
    format_error,
    format_path,
    format_type,
    is_section,
    is_type,
    list_allowed,
)
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.recordings import Recordings
from tgas_neuro.config.search import Search
from tgas_neuro.config.section import Section, SectionError, key, list_branches
from tgas_neuro.config.teacher import OF_PAIRS, TeacherOptions
from tgas_neuro.runtime.errors import UserError


class Configuration(Section):
    """The science of one run; no threads of rules, no resources, no output folders."""

    recordings: Recordings = key(
        ..., "Which neural recordings, and how sites are treated.", decides=True
    )
    teacher: TeacherOptions = key(..., "What guides the search.", decides=True)
    search: Search = key(
        ..., "Which architectures are proposed, and how they are ranked.", decides=True
    )
    premature: Premature = key(
        ..., "The short training of a candidate, on the training split alone.", decides=True
    )
    final: Final = key(..., "The terminal rule, the winner at full size.", decides=True)
    loggers: Loggers = key(
        Loggers,
        "Other programs that follow a search (docs/integrations.md); none decides numbers.",
        decides=False,
    )

    def list_unused(self) -> set[str]:
        """No logger is what there was before there were any."""
        return set() if self.loggers.list_chosen() else {"loggers"}

    @model_validator(mode="before")
    @classmethod
    def _drop_regions(cls, values: Any) -> Any:
        """Drop regions that are null, also where the teacher names them.

        Snakemake merges configuration files key by key: null is the only way to drop a region of
        the file below.
        """
        regions = _get(values, "recordings", "regions")
        if not isinstance(regions, dict) or None not in regions.values():
            return values
        dropped = {name for name, source in regions.items() if source is None}
        kept = {name: source for name, source in regions.items() if name not in dropped}
        if not kept:
            raise SectionError(
                "recordings.regions",
                f"{', '.join(map(str, regions))}: null; every region is dropped, name the data "
                "sets of at least one",
            )
        values = {**values, "recordings": {**values["recordings"], "regions": kept}}
        teacher = values.get("teacher")
        if isinstance(teacher, dict):
            values["teacher"] = _drop_named(teacher, dropped)
        return values

    @model_validator(mode="after")
    def _check_regions(self) -> "Configuration":
        regions = list(self.recordings.regions)
        there = f"is not a region of recordings.regions; there are: {', '.join(regions)}"
        for position, region in enumerate(self.teacher.uncorrected):
            if region not in regions:
                raise SectionError(f"teacher.uncorrected[{position}]", f"{region!r} {there}")
        layers = self.teacher.network.layers if self.teacher.network else None
        if layers is None:
            return self
        for region in layers:
            if region not in regions:
                raise SectionError("teacher.network.layers", f"{region!r} {there}")
        for region in regions:
            if region not in layers:
                raise SectionError(
                    "teacher.network.layers",
                    f"region {region} has no layer; name one, as in {{{region}: layer4}}",
                )
        return self

    @model_validator(mode="after")
    def _check_pairs(self) -> "Configuration":
        pairs, comparison = self.search.scoring.pairs, self.teacher.comparison
        if pairs is not None and comparison not in OF_PAIRS:
            raise SectionError(
                "search.scoring.pairs",
                f"{pairs}, but teacher.comparison {comparison!r} takes no sample of pairs; set it "
                f"to null, or take one of {', '.join(OF_PAIRS)}",
            )
        return self

    @model_validator(mode="after")
    def _check_guidance(self) -> "Configuration":
        check_guidance(self.search, self.premature)
        return self

    @model_validator(mode="after")
    def _check_sizes(self) -> "Configuration":
        """The stages and the imagenet stem must not use up the resolution."""
        for stage, size_key, size in (
            ("premature", "premature.image_size", self.premature.image_size),
            ("premature", "teacher.stimuli.size", self.teacher.stimuli.size),
            ("final", "final.image_size", self.final.image_size),
        ):
            network = self.premature.network if stage == "premature" else self.final.network
            halvings = network.count_halvings()
            if size < 2**halvings:
                raise SectionError(
                    size_key,
                    f"{size} pixels are halved {halvings} times by {stage}.network; at least "
                    f"{2**halvings} are needed: raise it or lower stages",
                )
        return self


def _get(values: Any, *names: str) -> Any:
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _drop_named(teacher: dict[str, Any], dropped: set[str]) -> dict[str, Any]:
    """Copy of the section ``teacher`` that does not name the dropped regions."""
    teacher = dict(teacher)
    if isinstance(teacher.get("uncorrected"), list):
        teacher["uncorrected"] = [name for name in teacher["uncorrected"] if name not in dropped]
    layers = _get(teacher, "network", "layers")
    if isinstance(layers, dict):
        left = {name: layer for name, layer in layers.items() if name not in dropped}
        teacher["network"] = {**teacher["network"], "layers": left}
    return teacher


SectionType = TypeVar("SectionType", bound=Section)


def check_section(
    model: type[SectionType], values: Any, where: str, at: Sequence[str | int] = ()
) -> SectionType:
    """Check values against a section and return the section, with defaults filled in.

    Parameters
    ----------
    model
        The section's class.
    values
        What the user wrote, as `yaml.safe_load` gives it; it is not changed.
    where
        The file as the user knows it, for messages.
    at
        Keys that lead to `values` inside that file, for messages.

    Raises
    ------
    UserError
        One line with the path of the key, the value received, and what is allowed. Of several
        mistakes, misspelt keys come first: they often cause the others.
    """
    _check_json(values, where, list(at))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        path, text = _describe([_locate(model, found) for found in error.errors()])
    raise _build_error(where, [*at, *path], text) from None


def _check_json(values: Any, where: str, path: list[str | int]) -> None:
    """Refuse what YAML can hold and JSON cannot: dates, keys that are numbers, NaN."""
    if isinstance(values, dict):
        for name, value in values.items():
            if not isinstance(name, str):
                raise _build_error(where, path, f"key {name!r} is not text; put it in quotes")
            _check_json(value, where, [*path, name])
    elif isinstance(values, list):
        for index, value in enumerate(values):
            _check_json(value, where, [*path, index])
    elif isinstance(values, float) and not math.isfinite(values):
        raise _build_error(where, path, f"{values} is not a finite number")
    elif not isinstance(values, str | int | float | None):
        kind = type(values).__name__
        text = f"{values} was read as a {kind}; put it in quotes if it is text"
        raise _build_error(where, path, text)


def _build_error(where: str, path: Sequence[str | int], text: str) -> UserError:
    shown = format_path(path)
    return UserError(f"{where}: {shown}{': ' if shown else ''}{text}")


def _locate(model: type[Section], error: ErrorDetails) -> Found:
    """Walk from the model to the place of an error; tags of union branches are no keys."""
    path: list[str | int] = []
    unions: list[tuple[int, str, Any]] = []
    annotation: Any = model
    keys: Any = str
    section: type[Section] | None = None
    for part in error["loc"]:
        branches = [one for one in list_branches(annotation) if one is not type(None)]
        if len(branches) > 1:
            unions.append((len(path), str(part), annotation))
            annotation = _find_branch(branches, str(part))
            continue
        if part == "[key]":  # the name of a key in a mapping is wrong
            annotation = keys
            continue
        found = branches[0] if branches else None
        keys = get_args(found)[0] if get_origin(found) is dict else str
        path.append(part)
        section = found if is_section(found) else section
        annotation = _step(found, part)
    if error["type"] == UNKNOWN or error["type"] == "missing":
        path.pop()
    return Found(tuple(path), tuple(unions), annotation, section, error)


def _step(annotation: Any, part: str | int) -> Any:
    """The type of a key of a section, of a list's items, or of a mapping's values."""
    if is_section(annotation):
        field = annotation.model_fields.get(part)
        return None if field is None else field.annotation
    arguments = get_args(annotation)
    return arguments[-1] if arguments else None


def _find_branch(branches: Sequence[Any], tag: str) -> Any:
    """The branch of a union that has this tag: the value of ``kind``, or the name of a type."""
    for branch in branches:
        if is_section(branch):
            kind = branch.model_fields.get("kind")
            chosen = get_args(kind.annotation) if kind else ()
            if tag in chosen or branch.__name__ in tag:
                return branch
    for branch in branches:
        name = getattr(get_origin(branch) or branch, "__name__", str(branch)).lower()
        if tag.startswith(name) or name in tag:
            return branch
    return branches[0]


def _describe(found: list[Found], depth: int = 0) -> tuple[tuple[str | int, ...], str]:
    """Path and wording of the mistake that is reported: a misspelt key, or the first.

    Of the errors of a union, those of the branch that the user most likely meant count. A branch
    of another type is not meant, nor one that another value of a key such as ``kind`` would
    choose; of the rest it is the one with the fewest errors. Without a rest, the message lists
    what the whole union allows.
    """
    outside = [one for one in found if len(one.unions) <= depth]
    first = next((one for one in outside if one.kind == UNKNOWN), found[0])
    if first in outside:
        return format_error(first)
    length, _, union = first.unions[depth]
    inside = [
        one for one in found if len(one.unions) > depth and one.path[:length] == first.path[:length]
    ]
    branches: dict[str, list[Found]] = {}
    for one in inside:
        branches.setdefault(one.unions[depth][1], []).append(one)
    meant = [
        errors
        for errors in branches.values()
        if len(branches) == 1 or not any(_is_wrong_branch(one, length) for one in errors)
    ]
    if meant:
        return _describe(min(meant, key=len), depth + 1)
    chosen = [one for one in inside if len(one.path) > length]
    if not chosen:
        return first.path, format_type(union, first.value)
    allowed = [value for one in chosen for value in list_allowed(one.annotation)]
    return chosen[0].path, format_choice(chosen[0].value, allowed)


def _is_wrong_branch(one: Found, length: int) -> bool:
    depth = len(one.path) - length
    return (depth <= 1 and one.kind == "literal_error") or (depth == 0 and is_type(one))
