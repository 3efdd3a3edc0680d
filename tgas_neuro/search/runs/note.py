"""The note of a run, ``run.json``: how long it is to be, how it is called, when it last began."""

from pathlib import Path

from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.records import RunNote

NOTE = "run.json"


def load_note(folder: Path) -> RunNote | None:
    """The note in the folder of a run; None of a run of the API, which writes none."""
    path = folder / NOTE
    return read_json(path) if path.is_file() else None


def load_name(folder: Path) -> str | None:
    """The name that ``search.name`` gave a run; None without one."""
    note = load_note(folder)
    return note.get("name") if note else None


def name_run(folder: Path) -> str:
    """A run in words: its folder, and its name if it has one."""
    name = load_name(folder)
    return folder.name + (f" ({name})" if name else "")
