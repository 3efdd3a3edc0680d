"""Defaults of a schema, filled in at any depth."""

import pytest

from tgas_neuro.config.schema_defaults import fill_defaults


def test_a_default_is_itself_completed():
    inner = {"properties": {"params": {"default": 5}}}
    schema = {"properties": {"limits": {"default": {}, **inner}, "other": inner}}
    assert fill_defaults({}, schema) == {"limits": {"params": 5}}
    assert fill_defaults({"other": {}}, schema) == {"limits": {"params": 5}, "other": {"params": 5}}


def test_defaults_are_not_shared_between_calls():
    schema = {"properties": {"regions": {"default": []}}}
    fill_defaults({}, schema)["regions"].append("V4")
    assert fill_defaults({}, schema) == {"regions": []}


def test_references_items_and_further_keys_are_followed():
    schema = {
        "$defs": {"region": {"properties": {"level": {"default": "image"}}}},
        "properties": {"listed": {"items": {"$ref": "#/$defs/region"}}},
        "additionalProperties": {"$ref": "#/$defs/region"},
    }
    filled = fill_defaults({"listed": [{}, {"level": "object"}], "IT": {}}, schema)
    assert filled == {
        "listed": [{"level": "image"}, {"level": "object"}],
        "IT": {"level": "image"},
    }


@pytest.mark.parametrize(("kind", "size"), [("small", 32), ("large", 224)])
def test_conditions_see_the_defaults_before_them(kind, size):
    schema = {
        "properties": {"kind": {"default": "small"}},
        "if": {"properties": {"kind": {"const": "small"}}},
        "then": {"properties": {"size": {"default": 32}}},
        "else": {"properties": {"size": {"default": 224}}},
    }
    content = {} if kind == "small" else {"kind": kind}
    assert fill_defaults(content, schema) == {"kind": kind, "size": size}


def test_all_of_and_the_first_branch_that_fits():
    schema = {
        "allOf": [{"properties": {"a": {"default": 1}}}],
        "oneOf": [
            {"properties": {"kind": {"const": "x"}, "b": {"default": 2}}},
            {"properties": {"kind": {"const": "y"}, "b": {"default": 3}}},
        ],
    }
    assert fill_defaults({"kind": "y"}, schema) == {"kind": "y", "a": 1, "b": 3}


def test_what_is_invalid_is_left_for_the_validation():
    schema = {"properties": {"limits": {"type": "object", "properties": {"n": {"default": 1}}}}}
    assert fill_defaults({"limits": "none"}, schema) == {"limits": "none"}
    assert fill_defaults("text", schema) == "text"


def test_only_a_number_without_a_fraction_becomes_whole():
    schema = {"properties": {"n": {"type": "integer"}, "x": {"type": "number"}}}
    filled = fill_defaults({"n": 2.0, "x": 2.0}, schema)
    assert [type(filled["n"]), type(filled["x"])] == [int, float]
    assert fill_defaults({"n": 2.5}, schema) == {"n": 2.5}
