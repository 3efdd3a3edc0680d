"""Write what is generated from the models: JSON schemas, docs/configuration.md, docs/best_cell.md.

    python -m tgas_neuro.plan.documents

writes the files into the repository; a test fails if they are older than the models.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tgas_neuro.config.section import MARK, Section
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.plan.configuration import build_model
from tgas_neuro.recordings.datasets.description import Description, Download, LocalFile
from tgas_neuro.recordings.readers.options import OPTIONS, LabelSource
from tgas_neuro.runtime.files import find_project

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COLUMNS = ("key", "value", "default", "decides numbers", "meaning")
RESULT_COLUMNS = ("key", "value", "meaning")
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def build_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The JSON schema (2020-12) of a model, with its own title and no others."""
    schema = model.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title", None)
        for inner in part.get("properties", {}).values():
            inner.pop("title", None)
    return {"$schema": DIALECT, "title": title, **schema}


def format_schema(schema: dict[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def build_table(
    schema: dict[str, Any], prefix: str = "", columns: tuple[str, ...] = COLUMNS
) -> list[str]:
    """Lines of a Markdown table with a row for every key of a schema, at any depth.

    Parameters
    ----------
    schema
        JSON schema of a section.
    prefix
        What comes before the keys, for example ``"search."``.
    columns
        Which of `COLUMNS` the table has.
    """
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _list_rows(schema, schema, prefix)]
    lines = [columns, *([row[one] for one in columns] for row in rows)]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return [head, "|" + "---|" * len(columns), *body]


def _list_rows(
    schema: dict[str, Any], root: dict[str, Any], prefix: str
) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, prop in schema.get("properties", {}).items():
        inner = [_resolve(branch, root) for branch in _list_branches(prop)]
        parts = [one for one in inner if _is_section(one)]
        yield _format_row(prefix + name, prop, inner, name in required, root)
        for part in parts:
            if "properties" in part:
                kind = part["properties"].get("kind", {}).get("const")
                at = f"{prefix}{name}" if kind is None else f"{prefix}{name} ({kind})"
                yield from _list_rows(part, root, f"{at}.")
            else:
                for value in _list_branches(part["additionalProperties"]):
                    yield from _list_rows(
                        _resolve(value, root), root, f"{prefix}{name}.<{name.rstrip('s')}>."
                    )


def _format_row(
    key: str, prop: dict[str, Any], inner: list[dict], required: bool, root: dict[str, Any]
) -> tuple[str, ...]:
    mark = prop.get(MARK)
    decides = {True: "yes", False: "no", None: ""}.get(mark, f"of {mark}")
    default = "required" if required else _format_default(prop, inner)
    unit = f" [{prop['unit']}]" if "unit" in prop else ""
    values = " or ".join(dict.fromkeys(_describe(one, root) for one in inner))
    # pydantic leaves a description out if it is that of the section itself
    about = " ".join(str(prop.get("description") or inner[0].get("description", "")).split())
    about = about.replace("|", "\\|").replace("<", "&lt;")
    return f"`{key}`", f"{values}{unit}", default, decides, about


def _format_default(prop: dict[str, Any], inner: list[dict]) -> str:
    default = prop.get("default")
    if isinstance(default, dict) or (default is None and "default" not in prop):
        return ""
    if default is None and all(one.get("type") != "null" for one in inner):
        return ""
    return f"`{json.dumps(default)}`"


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = root["$defs"][schema["$ref"].split("/")[-1]]
    return found


def _list_branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    branches = schema.get("anyOf") or schema.get("oneOf") or [schema]
    numbers = {one.get("type") for one in branches} >= {"integer", "number"}
    return [one for one in branches if not (numbers and one.get("type") == "integer")]


def _is_section(schema: dict[str, Any]) -> bool:
    return "properties" in schema or isinstance(schema.get("additionalProperties"), dict)


def _describe(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """What a branch allows, in words: its values, or its type and bounds."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        items = [_resolve(one, root) for one in _list_branches(schema.get("items", {}))]
        least, most = schema.get("minItems"), schema.get("maxItems")
        number = f"{least} " if least is not None and least == most else ""
        what = " or ".join(dict.fromkeys(_describe(one, root) for one in items))
        return f"list of {number}{what}" + (f" (at least {least})" if least and not number else "")
    if schema.get("type") == "object":
        return "keys"
    kind = schema.get("type")
    names = [TYPES.get(one, one) for one in (kind if isinstance(kind, list) else [kind]) if one]
    return " or ".join(names) + _describe_bounds(schema)


def _describe_bounds(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    if "minimum" in schema and "maximum" in schema:
        return f" ({schema['minimum']} to {schema['maximum']})"
    found = [text.format(schema[name]) for name, text in words.items() if name in schema]
    return f" ({', '.join(found)})" if found else ""


ROOT = find_project()

INTRODUCTION = """# Every key of the configuration

This page is generated from the models in `tgas_neuro/config/` by
`python -m tgas_neuro.plan.documents`; do not edit it. The same models check your files and give
editors the schemas in `workflow/schemas/`.

A key that **decides numbers** is part of the names of results: with another value, the stage and
all later stages get new names and run again. *yes* means the results of the key's own stage, *of
search* and *of final* the results of that stage and no earlier one. A key with *no* can be changed
at any time; results keep their names, and nothing is repeated but `best_cell.json`, which holds the
configuration.
"""

DESCRIPTIONS = """
# Every key of a data set's description

A data set is described by `neural_data/<name>.yaml`, which names its files, a reader and the
reader's `options` (see [your_own_recordings.md](your_own_recordings.md)).
"""

RESULT = """# Every key of `best_cell.json`

This page is generated from the models in `tgas_neuro/final/result/` by
`python -m tgas_neuro.plan.documents`; do not edit it. `workflow/schemas/best_cell.schema.json` has
the same as a JSON schema. [reading_results.md](reading_results.md) says how to read the file.
"""


def build_documents() -> dict[Path, str]:
    """Path of every generated file to its text."""
    schemas = ROOT / "workflow" / "schemas"
    config = build_schema(build_model(), "config.yaml of tgas-neuro")
    best_cell = build_schema(BestCell, "best_cell.json of tgas-neuro")
    return {
        schemas / "config.schema.json": format_schema(config),
        schemas / "best_cell.schema.json": format_schema(best_cell),
        schemas / "neural_data.schema.json": format_schema(_build_description_schema()),
        ROOT / "docs" / "configuration.md": _build_page(config),
        ROOT / "docs" / "best_cell.md": _build_result_page(best_cell),
    }


def _build_page(config: dict[str, Any]) -> str:
    lines = INTRODUCTION.splitlines()
    for name, prop in config["properties"].items():
        section = config["$defs"][prop["$ref"].split("/")[-1]]
        lines += ["", f"## `{name}`", "", prop.get("description", section["description"]), ""]
        lines += build_table(section | {"$defs": config["$defs"]}, f"{name}.")
    lines += [*DESCRIPTIONS.splitlines(), "", *build_table(build_schema(Description, ""))]
    parts: dict[str, type[Section]] = {
        "`files`: a file that is downloaded": Download,
        "`files`: a file of your own": LocalFile,
        **{f"Reader `{name}`": options for name, options in OPTIONS.items()},
        "Reader `arrays`: where the values of a label are": LabelSource,
    }
    for title, model in parts.items():
        lines += ["", f"## {title}", "", *build_table(build_schema(model, title))]
    return "\n".join(lines) + "\n"


def _build_result_page(schema: dict[str, Any]) -> str:
    return "\n".join([*RESULT.splitlines(), "", *build_table(schema, "", RESULT_COLUMNS)]) + "\n"


def _build_description_schema() -> dict[str, Any]:
    """The schema of a description, whose reader decides which options there are."""
    schema = build_schema(Description, "neural_data/<name>.yaml of tgas-neuro")
    schema["allOf"] = []
    for name, model in OPTIONS.items():
        options = build_schema(model, f"Options of the reader {name}")
        schema["$defs"] |= options.pop("$defs", {})
        del options["$schema"]
        required = ["options"] if "required" in options else []
        schema["allOf"].append(
            {
                "if": {"properties": {"reader": {"const": name}}},
                "then": {"properties": {"options": options}, "required": required},
            }
        )
    return schema


def main() -> None:
    """Write all generated files."""
    for path, text in build_documents().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
