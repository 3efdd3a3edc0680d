"""`status`: show the progress of a search until it ends (once with --once or in a pipe)."""

import argparse
import sys
import time
from pathlib import Path

from tgas_neuro.commands.terminal import add_run, duration
from tgas_neuro.runtime.processes import find_holder
from tgas_neuro.search.runs import describe_choice, find_run, load_run
from tgas_neuro.search.runs.status import Status, calc_status

CLEAR = "\x1b[H\x1b[J"  # moves the cursor to the upper left and clears what is below
BAR = 30  # characters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run(parser)
    parser.add_argument("--once", action="store_true", help="print the status once")
    parser.add_argument(
        "--seconds", type=duration, default=2.0, help="time between two updates [s] (default: 2)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the status; on a terminal until the search has ended, or Ctrl-C."""
    live = sys.stdout.isatty() and not arguments.once
    try:
        while True:
            folder = find_run(arguments.run)
            status = look(folder)
            text = format_status(status, describe_choice(folder, arguments.run))
            print(f"{CLEAR}{text}" if live else text, flush=True)
            if not live or status.ended:
                return
            time.sleep(max(arguments.seconds, 0.2))
    except KeyboardInterrupt:
        print()


def look(folder: Path) -> Status:
    """Calculate the status of a run, with the workflow that runs on this machine, if any."""
    working = folder.resolve().parents[2]
    return calc_status(load_run(folder), working, find_holder(working), time.time())


def format_status(status: Status, name: str) -> str:
    """Format the status as a table."""
    total = status.total
    lines = [
        f"run         {name}",
        f"workflow    {_describe_workflow(status)}",
        f"ranked by   {status.formula}",
        f"generation  {status.generation}" + (f" of {status.generations}" if total else ""),
        f"done        {status.done}"
        + (f" of {total}  {_draw_bar(status.done, total)}" if total else ""),
        f"running     {_list(status.running)}",
        "finished    "
        + (", ".join(f"{n} {state}" for state, n in status.states.items()) or "none"),
        f"best        {status.best}",
        f"cost        {status.images_seen:,} training images in {status.seconds:,.0f} s",
    ]
    if status.seconds_left is not None:
        lines.append(f"left        about {_format_time(status.seconds_left)} of the search")
    return "\n".join(lines)


def _describe_workflow(status: Status) -> str:
    if status.ended:
        return "the search has ended"
    if status.holder is None:
        return "not running here; to continue: tgas run, make best-cell, or your snakemake command"
    return f"running, process {status.holder}"


def _draw_bar(done: int, total: int) -> str:
    full = BAR * done // total
    return f"[{'#' * full}{'.' * (BAR - full)}] {done / total:.0%}"


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return f"{len(names)}: {shown}" if names else "0"


def _format_time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
