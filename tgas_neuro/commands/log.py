"""`log`: write the table of a search, and what loggers keep of it, for a run that is there already.

A search does so itself (section loggers of config.yaml). What is there is brought up to date, and
nothing is there twice.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.space import Space
from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.commands.terminal import add_run, report
from tgas_neuro.config.loggers import Loggers
from tgas_neuro.loggers import LOGGERS, TABLE, check_loggers, log_search
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import load_configuration
from tgas_neuro.search.history import Entry, is_member
from tgas_neuro.search.runs import find_run, load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run(parser)
    for key in LOGGERS:
        about = Loggers.model_fields[key].description
        parser.add_argument(f"--{key}", action="store_true", help=about)


def run(arguments: argparse.Namespace) -> int:
    """Write the files, and print where they are; 1 if a logger failed."""
    chosen = Loggers(**{key: getattr(arguments, key) for key in LOGGERS})
    check_loggers(chosen, "tgas log")
    folder = find_run(arguments.run)
    found = load_run(folder)
    if found.history is None:
        raise UserError(f"{folder}: no generation has finished yet; log it when one has")
    entries = [Entry.from_json(entry) for entry in found.history["entries"]]
    space = find_space(Path("config.yaml"), entries)
    if space is None and chosen.list_chosen():
        report("Note: config.yaml is not that of this run; the choices of genotypes are left out")
    failed: list[str] = []
    log_search(folder, entries, space, found.rating.layer_choice, chosen, failed.append)
    for line in failed:
        print(line.partition("; the search goes on")[0], file=sys.stderr)
    print(f"{len(entries)} candidates: {folder / TABLE}" + _list_places(chosen, folder))
    return 1 if failed else 0


def find_space(path: Path, entries: Sequence[Entry]) -> Space[Any] | None:
    """The space of the configuration; None if a complete candidate is not a member of it."""
    if not path.is_file():
        return None
    space = build_space(check_configuration(load_configuration(path), str(path)).search)
    fits = all(is_member(space, entry.genotype) for entry in entries if entry.complete)
    return space if fits else None


def _list_places(chosen: Loggers, folder: Path) -> str:
    return "".join(f", {folder / LOGGERS[key].place}" for key in chosen.list_chosen())
