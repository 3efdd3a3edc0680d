"""Write what is generated from the models: JSON schemas and docs/configuration.md.

    python -m tgas_neuro.plan.documents

writes the files into the repository; a test fails if they are older than the models.
"""

from pathlib import Path
from typing import Any

from tgas_neuro.config.documents import build_schema, build_table, format_schema
from tgas_neuro.config.section import Section
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.plan.configuration import build_model
from tgas_neuro.recordings.datasets.description import Description, Download, LocalFile
from tgas_neuro.recordings.readers.options import OPTIONS, LabelSource
from tgas_neuro.runtime.project import find_project

ROOT = find_project()

INTRODUCTION = """# Every key of the configuration

This page is generated from the models in `tgas_neuro/config/` by
`python -m tgas_neuro.plan.documents`; do not edit it. The same models check your files and give
editors the schemas in `workflow/schemas/`.

A key that **decides numbers** is part of the names of results: with another value, the stage and
all later stages get new names and run again. *yes* means the results of the key's own stage, *of
search* and *of final* the results of that stage and no earlier one. A key with *no* can be changed
at any time; results keep their names and nothing is repeated.
"""

DESCRIPTIONS = """
# Every key of a data set's description

A data set is described by `neural_data/<name>.yaml`, which names its files, a reader and the
reader's `options` (see `docs/your_own_recordings.md`).
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
