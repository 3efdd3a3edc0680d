"""What users get wrong in a YAML file, and the one line that each mistake becomes."""

import copy
import datetime

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tgas_neuro.config.schema_errors import check_schema, format_path, suggest
from tgas_neuro.runtime.errors import UserError

SCHEMA = yaml.safe_load("""
type: object
additionalProperties: false
required: [search]
properties:
  search:
    type: object
    additionalProperties: false
    required: [space]
    properties:
      space: {description: The search space., enum: [cell, chain]}
      strategy: {enum: [random, tpe], default: tpe}
      candidates: {type: integer, minimum: 1, maximum: 100, default: 6}
      alpha: {type: number, exclusiveMinimum: 0, default: 1.0}
      memory: {anyOf: [{type: "null"}, {type: integer, minimum: 0}], default: null}
      width: {anyOf: [{const: auto}, {type: number}]}
      sha256: {type: string, pattern: "^[0-9a-f]{4}$", expected: 4 hexadecimal digits}
      flag: {type: boolean}
      layers: {type: array, minItems: 1, uniqueItems: true, items: {type: string}}
      data:
        oneOf:
          - type: object
            additionalProperties: false
            required: [kind]
            properties: {kind: {const: simulated}, classes: {type: integer, default: 10}}
          - type: object
            additionalProperties: false
            required: [kind, root]
            properties:
              kind: {enum: [cifar10, imagenet]}
              root: {type: string, description: Folder of the images.}
""")


def check(**search):
    return check_schema({"search": {"space": "cell", **search}}, SCHEMA, "config.yaml")["search"]


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
    (dict(alpha=float("nan")), "search.alpha: nan is not a finite number"),
    (dict(memory="big"), "search.memory: expected null or a whole number, got 'big' (text)"),
    (dict(memory=-1), "search.memory: -1 is too small; the least allowed is 0"),
    (dict(width="atuo"), "search.width: 'atuo' is not one of: auto, a number, did you mean 'auto'"),
    (dict(sha256="xyz"), "'xyz' is not what is expected here: 4 hexadecimal digits"),
    (dict(flag="yes"), "search.flag: expected true or false, got 'yes' (text)"),
    (dict(layers=[]), "search.layers: 0 given, at least 1 expected"),
    (dict(layers=["a", "a"]), "search.layers: ['a', 'a'] lists something twice"),
    (dict(layers=["a", 3]), "search.layers[1]: expected text, got 3 (a whole number)"),
    (dict(layers="a"), "search.layers: expected a list, got 'a' (text)"),
    (
        dict(data=dict(kind="imagnet")),
        "search.data.kind: 'imagnet' is not one of: simulated, cifar",
    ),
    (dict(data=dict(kind="imagenet")), "search.data: key 'root' is missing; add it: Folder of the"),
    (
        dict(data=dict(kind="cifar10", rot="x")),
        "search.data: unknown key 'rot', did you mean 'root",
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
        check_schema({"serach": {"space": "cell"}}, SCHEMA, "config.yaml")
    with pytest.raises(
        UserError, match=r"^config.yaml: search: key 'space' is missing; add it: The"
    ):
        check_schema({"search": {}}, SCHEMA, "config.yaml")
    with pytest.raises(UserError, match=r"^config.yaml: expected keys with values, got nothing"):
        check_schema(None, SCHEMA, "config.yaml")
    with pytest.raises(UserError, match=r"^config.yaml: key 1 is not text; put it in quotes"):
        check_schema({1: 2}, SCHEMA, "config.yaml")


def test_a_misspelt_required_key_is_reported_as_misspelt():
    with pytest.raises(UserError, match="unknown key 'spaec', did you mean 'space'"):
        check_schema({"search": {"spaec": "cell"}}, SCHEMA, "config.yaml")


def test_the_place_of_the_content_leads_the_path():
    schema = {"properties": {"seed": {"type": "integer"}}}
    with pytest.raises(UserError, match=r"^x.yaml: options.seed: expected a whole number"):
        check_schema({"seed": "a"}, schema, "x.yaml", at=["options"])


def test_defaults_are_filled_in_a_copy():
    content = {"search": {"space": "cell", "data": {"kind": "simulated"}}}
    before = copy.deepcopy(content)
    completed = check_schema(content, SCHEMA, "config.yaml")
    assert content == before
    assert completed["search"] == {
        "space": "cell",
        "strategy": "tpe",
        "candidates": 6,
        "alpha": 1.0,
        "memory": None,
        "data": {"kind": "simulated", "classes": 10},
    }


def test_a_whole_float_becomes_whole():
    value = check(candidates=1.0e1)["candidates"]
    assert value == 10
    assert isinstance(value, int)


def test_a_schema_can_be_a_file(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text(yaml.safe_dump(SCHEMA))
    assert check_schema({"search": {"space": "chain"}}, path, "c")["search"]["strategy"] == "tpe"


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"]["search"]["properties"]]), JSON))
def test_whatever_is_written_gives_a_completed_copy_or_one_line(search):
    try:
        completed = check_schema({"search": search}, SCHEMA, "config.yaml")
    except UserError as error:
        assert str(error).startswith("config.yaml: search")
    else:
        assert check_schema(completed, SCHEMA, "config.yaml") == completed
