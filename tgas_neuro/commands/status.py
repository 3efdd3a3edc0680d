"""`status`: show what a run is doing and how long it will take, until it ends.

On a terminal it is a screen of its own, which q or Ctrl-C closes. With --once, or in a pipe, the
status is printed once. docs/terminal.md has the rule of the remaining time.
"""

import argparse
import contextlib
import datetime
import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from tgas_neuro.commands.terminal import (
    Answer,
    add_forms,
    add_run,
    duration,
    print_answer,
    show_lines,
    show_table,
)
from tgas_neuro.overview.status import Phase, Status, look
from tgas_neuro.runtime.processes import find_holder
from tgas_neuro.runtime.text import describe_seconds
from tgas_neuro.search.history import Entry, describe_states
from tgas_neuro.search.runs import describe_choice, find_run

try:
    import termios
    import tty
except ImportError:  # not on POSIX
    termios = None  # type: ignore[assignment]

BAR = 24  # characters
SHORTEST = 0.2  # [s] between two looks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run(parser)
    parser.add_argument("--once", action="store_true", help="print the status once")
    parser.add_argument(
        "--seconds", type=duration, default=2.0, help="time between two updates [s] (default: 2)"
    )
    add_forms(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the status; on a terminal until the run has ended, or q or Ctrl-C."""
    folder, status = _look(arguments.run)
    once = arguments.once or arguments.json or arguments.csv
    if sys.stdout.isatty() and not once and status.holder is not None:
        folder, status = watch(arguments.run, max(arguments.seconds, SHORTEST))
    columns = list(Phase.__dataclass_fields__)
    rows = [asdict(phase) for phase in status.phases]

    def describe() -> str:
        return format_status(status, describe_choice(folder, arguments.run))

    print_answer(arguments, Answer(rows, columns, describe, status.to_json()))


def watch(name: str | None, seconds: float) -> tuple[Path, Status]:
    """Show the status on a screen of its own until the workflow ends, or the user does.

    Returns
    -------
    folder, status
        As they were at last.
    """
    from rich.console import Console  # other commands start without it
    from rich.live import Live
    from rich.text import Text

    folder, status = _look(name)
    with (
        contextlib.suppress(KeyboardInterrupt),
        reading_keys() as read_key,
        Live(console=Console(), screen=True, auto_refresh=False) as live,
    ):
        while status.holder is not None:
            text = format_status(status, describe_choice(folder, name))
            live.update(Text(f"{text}\n\nq or Ctrl-C closes this view; the run goes on"))
            live.refresh()
            if read_key(seconds) in ("q", "Q"):
                break
            folder, status = _look(name)
    return folder, status


def _look(name: str | None) -> tuple[Path, Status]:
    """The folder of a run and its status, with the workflow that runs on this machine, if any."""
    folder = find_run(name, planned=True)
    return folder, look(folder, find_holder(folder.resolve().parents[2]))


@contextlib.contextmanager
def reading_keys() -> Iterator[Callable[[float], str]]:
    """Read keys from the terminal without waiting for a line.

    Yields
    ------
    read_key
        Waits for a key, at most so many seconds; the key, or "" without one.
    """

    def wait(seconds: float) -> str:
        time.sleep(seconds)
        return ""

    def read_key(seconds: float) -> str:
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return sys.stdin.read(1) if ready else ""

    if not (termios and sys.stdin.isatty()):  # no keyboard: Ctrl-C alone
        yield wait
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield read_key
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def format_status(status: Status, name: str) -> str:
    """Format the status for people."""
    parts = [show_lines(f"run         {name}", f"workflow    {_describe_workflow(status)}")]
    if status.formula:
        parts.append(show_lines(f"ranked by   {status.formula}"))
    if status.phases:
        parts += ["", show_table([_build_row(phase) for phase in status.phases]), ""]
    parts.append(show_lines(*_describe_candidates(status)))
    if status.best:
        rows = [{"rank": k, **_build_best(entry)} for k, entry in enumerate(status.best, 1)]
        parts += ["", show_table(rows), ""]
    lines = [f"cost        {status.images_seen:,} training images in {status.seconds:,.0f} s"]
    if status.epoch or status.step:
        step = f", step {status.step:,} of {status.steps:,} of the next" if status.step else ""
        lines.append(f"final       epoch {status.epoch} of {status.epochs}{step}")
    parts.append(show_lines(*lines, *_describe_left(status)))
    return "\n".join(parts)


def _describe_workflow(status: Status) -> str:
    since = f" since {_format_time(status.started)}" if status.started is not None else ""
    if status.holder is not None:
        return f"running{since}, process {status.holder}"
    if status.ended:
        return "has ended"
    return "not running here; to continue: tgas run, make best-cell, or your snakemake command"


def _format_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds)
    today = moment.date() == datetime.datetime.now().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def _build_row(phase: Phase) -> dict[str, str | None]:
    left = phase.seconds_left
    return {
        "phase": phase.phase,
        "state": phase.state,
        "jobs done": f"{phase.done} of {phase.jobs}" if phase.jobs else None,
        "time left": None if left is None else describe_seconds(left),
    }


def _describe_candidates(status: Status) -> list[str]:
    if status.total is None:
        lines = [f"candidates  {status.done} finished"]
    else:
        full = BAR * status.done // status.total
        bar = f"[{'#' * full}{'.' * (BAR - full)}] {status.done / status.total:.0%}"
        lines = [f"candidates  {status.done} of {status.total}  {bar}"]
    if status.generation is not None:
        of = f" of {status.generations}" if status.generations is not None else ""
        lines.append(f"generation  {status.generation}{of}")
    if status.states:
        lines.append(f"finished    {describe_states(status.states)}")
    lines += [f"{state:<12}{message}" for state, message in status.failures.items()]
    if status.running:
        shown = ", ".join(status.running[:8]) + (" ..." if len(status.running) > 8 else "")
        lines.append(f"running     {len(status.running)}: {shown}")
    return lines


def _build_best(entry: Entry) -> dict[str, object]:
    return {
        "candidate": entry.id,
        "reward": entry.reward,
        "P": entry.P,
        "TG": entry.TG,
        **(entry.regions or {}),
        "params": entry.params,
    }


def _describe_left(status: Status) -> list[str]:
    if status.holder is None or not status.phases:
        return []
    if status.seconds_left is None:
        known = sum(phase.seconds_left or 0.0 for phase in status.phases)
        more = f"; {describe_seconds(known)} without them" if known else ""
        return [f"time left   not known yet: {', '.join(status.unknown)}{more}"]
    end = _format_time(time.time() + status.seconds_left)
    return [f"time left   about {describe_seconds(status.seconds_left)}, until {end}"]
