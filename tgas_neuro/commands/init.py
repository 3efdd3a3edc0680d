"""`init`: write a config.yaml into a folder, and on request the description of a data set.

`tgas init` writes the default configuration, `tgas init --preset NAME` another one.
`tgas init --data-set NAME` writes neural_data/NAME.yaml for recordings of your own; an existing
config.yaml is kept. Existing files are overwritten only with --force.
"""

import argparse
import re
from pathlib import Path

from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.files import find_project, written_whole

DEFAULT = "default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", nargs="?", default=Path(), type=Path)
    parser.add_argument(
        "--preset", metavar="NAME", help=f"one of: {', '.join(list_presets())} (default: default)"
    )
    parser.add_argument(
        "--data-set", metavar="NAME", help="also write neural_data/NAME.yaml, to be filled in"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def list_presets() -> dict[str, Path]:
    """Name to file of the whole configurations of the project."""
    project = find_project()
    presets = sorted((project / "workflow" / "presets").glob("*.yaml"))
    return {DEFAULT: project / "config.yaml"} | {path.stem: path for path in presets}


def run(arguments: argparse.Namespace) -> None:
    """Write the files, and say what was written and what to do next."""
    folder, name = arguments.folder, arguments.data_set
    config = folder / "config.yaml"
    presets = list_presets()
    preset = arguments.preset or DEFAULT
    check_choice("--preset", preset, presets)
    texts: dict[Path, str] = {}
    kept = name is not None and arguments.preset is None and config.exists()
    if not kept:
        texts[config] = _read(presets[preset])
    if name is not None:
        texts[folder / "neural_data" / f"{name}.yaml"] = build_description(name)
    for path in texts:
        if path.exists() and not arguments.force:
            raise UserError(f"{path}: exists; name another folder, or overwrite it with --force")
    for path, text in texts.items():
        _write(path, text)
        print(f"wrote {path}")
    if kept:
        print(f"kept {config}")
    print("\n".join(_describe_next(folder, name)))


def build_description(name: str) -> str:
    """The template of a description, with the name of the data set.

    Raises
    ------
    UserError
        A data set cannot have this name, or one of the project has it.
    """
    project = find_project() / "neural_data"
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise UserError(
            f"--data-set: {name!r}: letters, digits, '_', '-' and '.' are allowed, the last two "
            "not as the first; choose another name"
        )
    if (project / f"{name}.yaml").exists():
        raise UserError(f"--data-set: {name!r}: the project has this data set; choose another name")
    text = _read(project / "template.yaml").replace("<name>", name)
    return re.sub(r"^name: template$", f"name: {name}", text, flags=re.MULTILINE)


def _read(path: Path) -> str:
    """Text of a file of the project, whose schemas are named by their place on this machine."""
    text = path.read_text(encoding="utf-8")
    schemas = f"{find_project() / 'workflow' / 'schemas'}/"
    return re.sub(r"(?<![\w/])(\.\./)?workflow/schemas/", lambda _: schemas, text)


def _write(path: Path, text: str) -> None:
    try:
        with written_whole(path) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); name another folder"
        ) from None


def _describe_next(folder: Path, name: str | None) -> list[str]:
    lines = ["next:"]
    if folder.resolve() != Path.cwd():
        lines.append(f"  cd '{folder}'")
    if name is not None:
        lines += [
            f"  fill in neural_data/{name}.yaml, and name {name} under recordings.regions in "
            "config.yaml",
            f"  tgas check {name}",
        ]
    return [*lines, "  tgas run --cores 2"]
