"""Fill in the defaults that a JSON schema names, at any depth."""

import copy
from typing import Any

from tgas_neuro.config.schema_validator import Draft202012Validator


def fill_defaults(content: Any, schema: dict) -> Any:
    """Copy of `content` in which absent keys have the ``default`` of their schema.

    A default is itself completed (``default: {}`` of a nested mapping brings that mapping's
    defaults). ``$ref`` within the schema, ``allOf``, ``if``/``then``/``else`` are followed, and of
    ``anyOf``/``oneOf`` the first branch that is valid once completed. A number without a fraction
    becomes whole where the schema says ``integer``, so that 1.0e+6 and 1000000 are the same.
    What is invalid is left as it is, for the validation that follows.
    """
    return _fill(copy.deepcopy(content), schema, schema)


def _fill(content: Any, schema: Any, root: dict) -> Any:
    if not isinstance(schema, dict):
        return content
    if "$ref" in schema:
        content = _fill(content, _resolve(schema["$ref"], root), root)
    if isinstance(content, float) and schema.get("type") == "integer" and content.is_integer():
        content = int(content)
    if isinstance(content, dict):
        _fill_mapping(content, schema, root)
    if isinstance(content, list) and "items" in schema:
        content = [_fill(item, schema["items"], root) for item in content]
    return _fill_branches(content, schema, root)


def _fill_mapping(content: dict, schema: dict, root: dict) -> None:
    properties = schema.get("properties", {})
    for key, inner in properties.items():
        if key not in content and isinstance(inner, dict) and "default" in inner:
            content[key] = copy.deepcopy(inner["default"])
        if key in content:
            content[key] = _fill(content[key], inner, root)
    for key in content.keys() - properties.keys():
        content[key] = _fill(content[key], schema.get("additionalProperties"), root)


def _fill_branches(content: Any, schema: dict, root: dict) -> Any:
    for inner in schema.get("allOf", []):
        content = _fill(content, inner, root)
    if "if" in schema:
        chosen = "then" if _is_valid(content, schema["if"], root) else "else"
        content = _fill(content, schema.get(chosen), root)
    for branch in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        completed = _fill(copy.deepcopy(content), branch, root)
        if _is_valid(completed, branch, root):
            return completed
    return content


def _resolve(reference: str, root: dict) -> Any:
    """The part of the schema that ``#/$defs/name`` points to; other references are not used."""
    schema = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        schema = schema[part] if part else schema
    return schema


def _is_valid(content: Any, schema: Any, root: dict) -> bool:
    if isinstance(schema, dict) and "$defs" in root:
        schema = {"$defs": root["$defs"], **schema}
    return Draft202012Validator(schema).is_valid(content)
