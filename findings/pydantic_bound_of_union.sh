#!/usr/bin/env bash
# pydantic 2.14.3: a bound on a union of a number and a word raises a TypeError for the word.
#
# Expected: `batch: int | Literal["auto"] = Field(ge=1)` bounds the number and takes "auto"; or, if
# the bound is not meant for words, a ValidationError, or an error when the class is made.
# What happens: the class is made without complaint and numbers work. "auto" raises a plain
# TypeError, which `except ValidationError` does not catch. As a default, "auto" is not validated,
# so the model works until somebody writes that same default out. The JSON schema has a key "ge",
# which JSON Schema does not know, in place of "minimum".
# The bound inside the union, `Annotated[int, Field(ge=1)] | Literal["auto"]`, does what is meant.
# Why it matters: "a number or auto" is how batch sizes, layers and numbers of components are set
# when features of networks are fitted to brain data. A saved run that spells out its defaults can
# then not be read back.
#
# Output seen:
#   pydantic 2.14.3
#   bound outside the union:
#     3: 3
#     0: ValidationError
#     default: 'auto'
#     "auto": TypeError
#     schema: {'anyOf': [{'type': 'integer'}, {'const': 'auto', 'type': 'string'}], 'default': 'auto', 'ge': 1, 'title': 'Batch'}
#   bound inside the union:
#     3: 3
#     0: ValidationError
#     default: 'auto'
#     "auto": 'auto'
#     schema: {'anyOf': [{'minimum': 1, 'type': 'integer'}, {'const': 'auto', 'type': 'string'}], 'default': 'auto', 'title': 'Batch'}
#   reading back its own dump: TypeError: Unable to apply constraint 'ge' to supplied value auto
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pydantic==2.14.3 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import sys
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, Field

print("pydantic", pydantic.VERSION)


class Outside(BaseModel):
    batch: int | Literal["auto"] = Field("auto", ge=1)


class Inside(BaseModel):
    batch: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"


def outcome(model, **values):
    try:
        return repr(model(**values).batch)
    except Exception as error:
        return type(error).__name__


seen = {}
for model in (Outside, Inside):
    seen[model] = [outcome(model, **v) for v in ({"batch": 3}, {"batch": 0}, {}, {"batch": "auto"})]
    print(f"bound {model.__name__.lower()} the union:")
    for what, result in zip(("3", "0", "default", '"auto"'), seen[model], strict=True):
        print(f"  {what}: {result}")
    print("  schema:", model.model_json_schema()["properties"]["batch"])
try:
    Outside.model_validate_json(Outside().model_dump_json())
    print("its own dump is read back")
    back = True
except TypeError as error:
    print("reading back its own dump: TypeError:", error)
    back = False
same = (
    seen[Outside] == ["3", "ValidationError", "'auto'", "TypeError"]
    and seen[Inside] == ["3", "ValidationError", "'auto'", "'auto'"]
    and "ge" in Outside.model_json_schema()["properties"]["batch"]
    and not back
)
print("as recorded" if same else "the behaviour has changed")
sys.exit(not same)
PY
