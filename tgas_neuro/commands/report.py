"""`report`: write the page of a run, one HTML file that needs no server and no network.

At any time, also while the search runs. Several runs are shown side by side.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tgas_neuro.commands.terminal import report
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import check_writable
from tgas_neuro.search.runs import describe_choice, find_run

RESULTS = Path("results")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", nargs="*", help="names or folders of runs (default: the newest one)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE.html",
        help="the page (default: results/report.html; of named runs results/reports/<run>.html)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the page, and print where it is."""
    names: list[str] = arguments.run
    folders = [find_run(name) for name in names] or [find_run(None)]
    resolved = [folder.resolve() for folder in folders]
    doubled = [folder.name for folder in resolved if resolved.count(folder) > 1]
    if doubled:
        raise UserError(f"run {doubled[0]!r}: is named twice; name each run once")
    path = arguments.output or choose_path(folders if names else [])
    check_writable(path, "--output")
    from tgas_neuro.report.write import write_report  # altair, matplotlib, xarray

    facts = write_report(folders, path)
    for one in facts:
        name = describe_choice(folders[0], None) if not names else one.name
        report(f"run {name}: {one.phase}")
    print(path)


def choose_path(folders: Sequence[Path]) -> Path:
    """Where the page of named runs is written; of the newest one where none is named."""
    if not folders:
        return RESULTS / "report.html"
    return RESULTS / "reports" / f"{'+'.join(folder.name for folder in folders)}.html"
