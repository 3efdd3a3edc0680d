#!/usr/bin/env bash
# pydantic 2.14.3: a field's description vanishes from the JSON schema when it equals a docstring.
#
# Expected: Field(description=...) of a field whose type is another model always stands in
# model_json_schema(), beside the "$ref".
# What happens: when the description equals the docstring of the field's model, the field is left
# with "$ref" alone. With any other text, the description stays.
# Why it matters: experiments that compare networks with brains are often set up by nested models,
# and tables of their settings are made from the schema. A table that reads the description of each
# field has an empty cell, or raises a KeyError, once somebody words the two alike. Read
# model_fields[name].description instead, or follow the "$ref".
#
# Output seen:
#   pydantic 2.14.3
#   same text as the docstring: {'$ref': '#/$defs/Image'}
#   another text:               {'$ref': '#/$defs/Image', 'description': 'Size of the picture.'}
#   model_fields keeps it:      Size of the image.
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pydantic==2.14.3 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import sys

import pydantic
from pydantic import BaseModel, Field

print("pydantic", pydantic.VERSION)


class Image(BaseModel):
    """Size of the image."""

    pixels: int = 64


class Run(BaseModel):
    same: Image = Field(description="Size of the image.")
    other: Image = Field(description="Size of the picture.")


properties = Run.model_json_schema()["properties"]
print("same text as the docstring:", properties["same"])
print("another text:              ", properties["other"])
print("model_fields keeps it:     ", Run.model_fields["same"].description)
seen = (
    properties["same"] == {"$ref": "#/$defs/Image"}
    and properties["other"].get("description") == "Size of the picture."
    and Run.model_fields["same"].description == "Size of the image."
)
print("as recorded" if seen else "the behaviour has changed")
sys.exit(not seen)
PY
