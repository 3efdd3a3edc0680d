"""Write what is generated from the models: JSON schemas and docs/configuration.md.

    python -m tgas_neuro.plan.documents

writes the files into the repository; a test fails if they are older than the models.
"""

from pathlib import Path

from tgas_neuro.config.documents import build_schema, build_table, format_schema
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.plan.configuration import build_model
from tgas_neuro.recordings.readers.options import OPTIONS

ROOT = Path(__file__).parents[2]

INTRODUCTION = """# Every key of the configuration

This page is generated from the models in `tgas_neuro/config/` by
`python -m tgas_neuro.plan.documents`; do not edit it. The same models check your files and give
editors the schemas in `workflow/schemas/`.

A key that **decides numbers** is part of the names of results: with another value, the stage and
all later stages get new names and run again. *yes* means the results of the key's own stage, *of
search* and *of final* the results of that stage and no earlier one. A key with *no* can be changed
at any time; results keep their names and nothing is repeated.
"""

READERS = """
# Options of readers

A data set's description, `neural_data/<name>.yaml`, names a reader and its `options`
(see `docs/your_own_recordings.md`). All options decide numbers.
"""


def build_documents() -> dict[Path, str]:
    """Path of every generated file to its text."""
    schemas = ROOT / "workflow" / "schemas"
    config = build_schema(build_model(), "config.yaml of tgas-neuro")
    best_cell = build_schema(BestCell, "best_cell.json of tgas-neuro")
    return {
        schemas / "config.schema.json": format_schema(config),
        schemas / "best_cell.schema.json": format_schema(best_cell),
        ROOT / "docs" / "configuration.md": _build_page(config),
    }


def _build_page(config: dict) -> str:
    lines = INTRODUCTION.splitlines()
    for name, prop in config["properties"].items():
        section = config["$defs"][prop["$ref"].split("/")[-1]]
        lines += ["", f"## `{name}`", "", prop.get("description", section["description"]), ""]
        lines += build_table(section | {"$defs": config["$defs"]}, f"{name}.")
    lines += READERS.splitlines()
    for name, options in OPTIONS.items():
        schema = options if isinstance(options, dict) else build_schema(options, name)
        lines += ["", f"## Reader `{name}`", "", *build_table(schema)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all generated files."""
    for path, text in build_documents().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
