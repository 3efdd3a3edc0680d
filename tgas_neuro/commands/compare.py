"""`compare`: two runs side by side, their configurations and their results.

Refuses runs whose numbers mean different things: of other data, or of another version.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from tgas_neuro.commands.runs import as_cell
from tgas_neuro.commands.terminal import Answer, add_forms, print_answer, show_lines, show_table
from tgas_neuro.overview.comparison import compare
from tgas_neuro.overview.runs import find_finals
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.text import format_value
from tgas_neuro.search.runs import find_run
from tgas_neuro.search.runs.note import name_run

CONFIGURATION = "configuration: "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    for name in ("left", "right"):
        parser.add_argument(name, metavar="RUN", help="name or folder of a run")
    add_forms(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print both runs."""
    folders = [find_run(name) for name in (arguments.left, arguments.right)]
    if folders[0].resolve() == folders[1].resolve():
        raise UserError(f"run {folders[0].name}: is compared with itself; name two runs")
    left, right = (find_finals(folder)[0] for folder in folders)
    found = compare(left, right)
    heads = [folder.name for folder in folders]
    if heads[0] == heads[1]:  # of two working directories
        heads = [str(folder) for folder in folders]
    rows: list[dict[str, Any]] = [
        {"quantity": f"{prefix}{key}"} | dict(zip(heads, map(as_cell, values), strict=True))
        for prefix, values_of in ((CONFIGURATION, found.differences), ("", found.results))
        for key, values in values_of.items()
    ]

    def describe() -> str:
        parts = [show_lines(*(name_run(folder) for folder in folders))]
        for title, values_of in (
            ("what differs in their configurations", found.differences),
            ("results", join_intervals(found.results)),
        ):
            table = [
                {"": key} | {head: _show(one) for head, one in zip(heads, values, strict=True)}
                for key, values in values_of.items()
            ]
            parts += ["", title, show_table(table) if table else "nothing"]
        notes = [f"Note: {note}" for note in found.notes]
        return "\n".join([*parts, *([show_lines(*notes)] if notes else [])])

    content = {
        "runs": heads,
        "configuration": found.differences,
        "results": found.results,
        "notes": found.notes,
    }
    print_answer(arguments, Answer(rows, ["quantity", *heads], describe, content))


def join_intervals(results: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The results with the interval of the accuracy beside it."""
    low, high = results["top1_low"], results["top1_high"]
    joined = [
        None if value is None else f"{value:.3f} ({a:.3f} to {b:.3f})"
        for value, a, b in zip(results["top1"], low, high, strict=True)
    ]
    parts = ("top1_low", "top1_high")
    return {key: joined if key == "top1" else v for key, v in results.items() if key not in parts}


def _show(value: Any) -> str:
    """A value as text, so that numbers of one column may have different digits."""
    return format_value(as_cell(value))
