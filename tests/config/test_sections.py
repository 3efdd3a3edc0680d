"""Sections: what users get wrong in a YAML file, and the one line that each mistake becomes."""

import copy
import datetime
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.messages import format_path, suggest
from tgas_neuro.config.section import (
    Matching,
    Section,
    SectionError,
    Unique,
    dump_decisive,
    dump_section,
    key,
)
from tgas_neuro.runtime.errors import UserError


class Simulated(Section):
    """Rendered."""

    kind: Literal["simulated"] = key(..., "Rendered.", decides=True)
    classes: int = key(10, "Classes.", decides=True)


class Real(Section):
    """Photographs."""

    kind: Literal["cifar10", "imagenet"] = key(..., "Photographs.", decides=True)
    root: str = key(..., "Folder of the images.", decides=True)


class Bins(Section):
    """Bins of equal width."""

    start: float = key(..., "Start of the first bin.", decides=True)


class Search(Section):
    """A section with every kind of key."""

    space: Literal["cell", "chain"] = key(..., "The search space.", decides=True)
    strategy: Literal["random", "tpe"] = key("tpe", "", decides=True)
    candidates: int = key(6, "", decides=True, ge=1, le=100)
    alpha: float = key(1.0, "", decides=True, gt=0)
    memory: int | None = key(None, "", decides=False, ge=0)
    width: Literal["auto"] | float = key("auto", "", decides=True)
    sha256: Annotated[str, Matching("^[0-9a-f]{4}$", "4 hexadecimal digits")] = key(
        "0000", "", decides=True
    )
    flag: bool = key(False, "", decides=True)
    layers: Annotated[list[str], Field(min_length=1), Unique()] = key(["a"], "", decides=True)
    counts: list[int] = key([], "", decides=True)
    bins: list[float] | Bins | None = key(None, "", decides=True)
    data: Annotated[Simulated | Real, Field(discriminator="kind")] = key(
        Simulated(kind="simulated"), "", decides=True
    )
    generations: int = key(4, "", decides=True, stage="final")

    def list_unused(self):
        return {"sha256"} if self.flag else set()


class Whole(Section):
    """A file with one section."""

    search: Search = key(..., "The search.", decides=True)


def check(**search):
    return check_section(Whole, {"search": {"space": "cell", **search}}, "config.yaml").search


MISTAKES = [
    (dict(startegy="tpe"), "search: unknown key 'startegy', did you mean 'strategy'? (allowed: "),
    (dict(strategy="tpee"), "search.strategy: 'tpee' is not one of: random, tpe, did you mean"),
    (dict(strategy=None), "search.strategy: None is not one of: random, tpe"),
    (dict(candidates="six"), "search.candidates: expected a whole number, got 'six' (text)"),
    (dict(candidates="6"), "search.candidates: expected a whole number, got '6' (text); write 6"),
    (dict(candidates="1e2"), "expected a whole number, got '1e2' (text); write 100"),
    (dict(candidates=True), "expected a whole number, got true (true or false)"),
    (dict(candidates=2.5), "expected a whole number, got 2.5 (a number)"),
    (dict(candidates=0), "search.candidates: 0 is too small; the least allowed is 1"),
    (dict(candidates=101), "search.candidates: 101 is too large; the most allowed is 100"),
    (dict(alpha=0), "search.alpha: 0 is too small; it must be above 0"),
    (dict(alpha="1e-3"), "search.alpha: expected a number, got '1e-3' (text); write 0.001"),
    (dict(alpha=True), "search.alpha: expected a number, got true (true or false)"),
    (dict(alpha=float("nan")), "search.alpha: nan is not a finite number"),
    (dict(memory="big"), "search.memory: expected a whole number or null, got 'big' (text)"),
    (dict(memory=-1), "search.memory: -1 is too small; the least allowed is 0"),
    (dict(width="atuo"), "search.width: 'atuo' is not one of: auto, a number, did you mean 'auto'"),
    (dict(sha256="xyz"), "'xyz' is not what is expected here: 4 hexadecimal digits"),
    (dict(flag="yes"), "search.flag: expected true or false, got 'yes' (text)"),
    (dict(layers=[]), "search.layers: 0 given, at least 1 expected"),
    (dict(layers=["a", "a"]), "search.layers: ['a', 'a'] lists something twice"),
    (dict(layers=["a", 3]), "search.layers[1]: expected text, got 3 (a whole number)"),
    (dict(layers="a"), "search.layers: expected a list, got 'a' (text)"),
    (dict(bins=3), "search.bins: expected a list or keys with values or null, got 3 (a whole"),
    (dict(bins={"strat": 1}), "search.bins: unknown key 'strat', did you mean 'start'?"),
    (dict(bins=[1, "a"]), "search.bins[1]: expected a number, got 'a' (text)"),
    (
        dict(data=dict(kind="imagnet")),
        "search.data.kind: 'imagnet' is not one of: simulated, cifar",
    ),
    (dict(data=dict(root="x")), "search.data: key 'kind' is missing; add it: one of simulated, ci"),
    (
        dict(data=dict(kind="imagenet")),
        "search.data: key 'root' is missing; kind 'imagenet' needs it: Folder of the",
    ),
    (
        dict(data=dict(kind="cifar10", rot="x")),
        "search.data: unknown key 'rot', did you mean 'root",
    ),
    (
        dict(data=dict(kind="simulated", root="x")),
        "search.data: key 'root' does not belong to kind 'simulated', whose keys are classes; rem",
    ),
    (
        dict(data=dict(kind="simulated", classes="x")),
        "search.data.classes: expected a whole number",
    ),
    (dict(data=None), "search.data: expected keys with values, got nothing (null)"),
    (dict(data=datetime.date(2024, 1, 1)), "search.data: 2024-01-01 was read as a date; put it in"),
]


@pytest.mark.parametrize(("search", "message"), MISTAKES, ids=[m[1][:50] for m in MISTAKES])
def test_a_mistake_becomes_one_line_that_names_it(search, message):
    with pytest.raises(UserError) as error:
        check(**search)
    assert message in str(error.value)
    assert str(error.value).startswith("config.yaml: search")
    assert "\n" not in str(error.value)


def test_mistakes_at_the_top():
    with pytest.raises(
        UserError, match=r"^config.yaml: unknown key 'serach', did you mean 'search'"
    ):
        check_section(Whole, {"serach": {"space": "cell"}}, "config.yaml")
    with pytest.raises(
        UserError, match=r"^config.yaml: search: key 'space' is missing; add it: The"
    ):
        check_section(Whole, {"search": {}}, "config.yaml")
    with pytest.raises(UserError, match=r"^config.yaml: expected keys with values, got nothing"):
        check_section(Whole, None, "config.yaml")
    with pytest.raises(UserError, match=r"^config.yaml: key 1 is not text; put it in quotes"):
        check_section(Whole, {1: 2}, "config.yaml")


def test_a_misspelt_required_key_is_reported_as_misspelt():
    with pytest.raises(UserError, match="unknown key 'spaec', did you mean 'space'"):
        check_section(Whole, {"search": {"spaec": "cell"}}, "config.yaml")


def test_the_place_of_the_values_leads_the_path():
    with pytest.raises(UserError, match=r"^x.yaml: options.start: expected a number"):
        check_section(Bins, {"start": "a"}, "x.yaml", at=["options"])


def test_defaults_are_filled_in_and_the_values_are_not_changed():
    values = {"search": {"space": "cell", "data": {"kind": "simulated"}}}
    before = copy.deepcopy(values)
    search = check_section(Whole, values, "config.yaml").search
    assert values == before
    assert (search.strategy, search.candidates, search.memory) == ("tpe", 6, None)
    assert search.data == Simulated(kind="simulated", classes=10)


def test_a_whole_float_becomes_whole():
    """YAML reads 1.0e+1 as a float."""
    search = check(candidates=1.0e1, counts=[2.0, 3])
    assert (search.candidates, search.counts) == (10, [2, 3])
    assert all(isinstance(value, int) for value in (search.candidates, *search.counts))
    assert isinstance(check(alpha=2.0).alpha, float)


def test_a_section_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        check().alpha = 2.0


def test_a_key_must_say_whether_it_decides_numbers():
    with pytest.raises(TypeError, match=r"Unmarked.depth: does not say whether it decides numbers"):

        class Unmarked(Section):
            depth: int = 3


def test_only_keys_that_decide_numbers_are_in_digests():
    search = check()
    everything = set(Search.model_fields)
    assert set(dump_section(search)) == everything
    assert set(dump_decisive(search)) == everything - {"memory", "generations"}
    assert set(dump_decisive(search, "final")) == everything - {"memory"}
    assert set(dump_decisive(check(flag=True))) == everything - {"memory", "generations", "sha256"}
    assert check(**dump_section(check(alpha=3))) == check(alpha=3)


def test_a_mistake_between_keys_names_the_key_below_its_section():
    class Pair(Section):
        low: int = key(0, "", decides=True)
        high: int = key(0, "", decides=True)

        def model_post_init(self, context):
            if self.low > self.high:
                raise SectionError("low", f"{self.low} is above high, {self.high}; lower it")

    with pytest.raises(UserError, match=r"^x.yaml: low: 3 is above high, 0; lower it$"):
        check_section(Pair, {"low": 3}, "x.yaml")


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a",), "a"), (("files", 0, "sha256"), "files[0].sha256"), ((0, "a"), "[0].a")],
)
def test_format_path(path, text):
    assert format_path(path) == text


def test_suggest():
    assert suggest("tpee", ["random", "tpe"]) == ", did you mean 'tpe'?"
    assert suggest("zzz", ["random", "tpe"]) == ""


TEXT = st.text(alphabet="ab.e1-", max_size=5) | st.sampled_from(["kind", "root", "imagenet"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*Search.model_fields]), JSON))
def test_whatever_is_written_gives_a_section_or_one_line(search):
    try:
        checked = check_section(Whole, {"search": search}, "config.yaml")
    except UserError as error:
        assert str(error).startswith("config.yaml: search")
    else:
        assert check_section(Whole, dump_section(checked), "config.yaml") == checked


def list_sections(cls=Section):
    for own in cls.__subclasses__():
        yield own
        yield from list_sections(own)


def bound(field):
    """The type of a field with its bounds."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def test_every_default_is_within_its_own_bounds():
    import tgas_neuro.config.experiments
    import tgas_neuro.recordings.readers.options  # noqa: F401

    sections = [one for one in list_sections() if one.__module__.startswith("tgas_neuro.")]
    assert len(sections) > 60
    for section in sections:
        for name, field in section.model_fields.items():
            if field.is_required():
                continue
            allowed = TypeAdapter(bound(field))
            default = field.get_default(call_default_factory=True)
            assert allowed.validate_python(default) == default, f"{section.__name__}.{name}"


def test_a_default_out_of_bounds_would_be_noticed():
    class Wrong(Section):
        number: int = key(0, "Of something.", decides=True, ge=1)

    field = Wrong.model_fields["number"]
    with pytest.raises(ValidationError):
        TypeAdapter(bound(field)).validate_python(field.default)
