"""Options of `score` and of intervals, checked as the keys of a configuration are."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.section import Section, Text, key
from tgas_neuro.runtime.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
CALL = "options"


class InputOptions(Section):
    """How stimuli become inputs of a network; None is its own."""

    size: int | None = key(
        None, "Width and height of the input.", decides=True, unit="pixel", ge=1, le=2048
    )
    mean: Annotated[list[Share], Field(min_length=3, max_length=3)] | None = key(
        None, "Of red, green and blue in [0, 1], subtracted.", decides=True
    )
    deviation: Annotated[list[PositiveShare], Field(min_length=3, max_length=3)] | None = key(
        None, "Of red, green and blue in [0, 1], divided by.", decides=True
    )


class ScoreOptions(InputOptions):
    """Options of `score`."""

    layers: Annotated[list[Text], Field(min_length=1)] = key(
        ["auto"], "Names of modules, all or auto.", decides=True
    )
    name: Text | None = key(None, "What the network is called.", decides=False)
    threads: int = key(1, "Of torch.", decides=True, ge=1, le=1024)
    seed: int = key(0, "Of projections.", decides=True, ge=0)
    batch_size: int = key(32, "Stimuli that go through at once.", decides=False, ge=1)


class InferenceOptions(Section):
    """Options of `Scores.infer`."""

    n_resamples: int = key(1000, "Resamples.", decides=True, ge=0, le=100_000)
    seed: int = key(0, "Of the resamples.", decides=True, ge=0)
    over: Literal["auto", "stimuli", "sites", "both"] = key(
        "auto", "What is resampled.", decides=True
    )


def find_mirror(mirror: str | Path | None) -> Path | None:
    """The folder that is searched before the internet; refuse one that is not there."""
    check_path("mirror", mirror)
    if not mirror:
        return None
    if not Path(mirror).is_dir():
        raise UserError(f"mirror: {mirror}: no such folder; correct its path, or leave it out")
    return Path(mirror)


def check_path(name: str, value: Any) -> None:
    """Raise `UserError` for what is neither the text of a path, nor a path, nor None."""
    if not isinstance(value, str | Path | None):
        raise UserError(f"{name}: a {type(value).__name__}; expected a path")


SectionType = TypeVar("SectionType", bound=Section)


def check_options(model: type[SectionType], **values: Any) -> SectionType:
    """Check options that are given in Python; arrays, tuples and numbers of numpy are as others.

    Raises
    ------
    UserError
        One line that begins with the name of the option.
    """
    plain = {name: _make_plain(value) for name, value in values.items()}
    try:
        return check_section(model, plain, CALL)
    except UserError as error:
        raise UserError(str(error).removeprefix(f"{CALL}: ")) from None


def _make_plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # of numpy, torch and pandas
        return value.tolist()
    several = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
    return list(value) if several else value
