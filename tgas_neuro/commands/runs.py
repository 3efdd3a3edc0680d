"""`runs`: list the runs of a folder, what came out of them and what differs between them.

A run with several final trainings has a line for each. Of the configurations only keys that differ
are shown.
"""

import argparse
from pathlib import Path
from typing import Any

from tgas_neuro.commands.terminal import Answer, add_forms, print_answer, show_lines, show_table
from tgas_neuro.overview.runs import Found, build_row, find_all, list_differences
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import find_holder
from tgas_neuro.search.runs import SEARCHES, list_runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "folder", nargs="?", default=".", type=Path, help="working directory (default: this one)"
    )
    add_forms(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the runs, the newest first."""
    folders = list_runs(arguments.folder / SEARCHES, planned=True)
    if not folders:
        raise UserError(
            f"{arguments.folder / SEARCHES}: no search has begun here; start with: tgas run"
        )
    found = find_all(folders)
    rows = [build_row(one) for one in found]
    if (holder := find_holder(arguments.folder)) is not None:
        rows[0]["state"] = "running"  # the workflow writes to the newest
    differences = list_differences([one.config for one in found])
    for number, row in enumerate(rows):
        row |= {key: as_cell(values[number]) for key, values in differences.items()}

    def describe() -> str:
        named = any(row["name"] for row in rows)
        text = show_table([_build_short(row, named) for row in rows])
        lines = [f"running: process {holder}"] if holder is not None else []
        if differences and len(rows) > 1:
            lines += ["what differs in their configurations:"]
            lines += [
                _describe_values(one, row, list(differences))
                for one, row in zip(found, rows, strict=True)
            ]
        return f"{text}\n{show_lines(*lines)}" if lines else text

    print_answer(arguments, Answer(rows, list(rows[0]), describe))


def as_cell(value: Any) -> Any:
    """A value of a configuration as one of a table."""
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _build_short(row: dict[str, Any], named: bool) -> dict[str, Any]:
    done = f"{row['done']}/{row['total']}" if row["total"] is not None else str(row["done"])
    keys = ("run", "name", "state") if named else ("run", "state")
    short = {key: row[key] for key in keys} | {"done": done}
    return short | {"reward": row["reward"], "top-1": row["top1"], "date": row["date"]}


def _describe_values(found: Found, row: dict[str, Any], keys: list[str]) -> str:
    if not found.config:
        return f"  {found.folder.name}: not noted, as by versions before"
    values = "; ".join(f"{key} {row[key]}" for key in keys if row[key] != "")
    return f"  {found.folder.name}: {values}"
