"""Processes of a run: none outlives the workflow; the body of a rule; who works in a folder."""

import contextlib
import ctypes
import errno
import os
import select
import shlex
import shutil
import signal
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.runtime.text import wrap_line

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PATIENCE = 5.0  # [s] between SIGTERM and SIGKILL, for the clean-up
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
LEAST_FREE = 2**16  # bytes, with which nothing can be written
CONSOLE = "TGAS_CONSOLE"  # environment variable: what a run shows on its console
RUN_CONSOLE = "run"  # its own lines; "snakemake" shows Snakemake's


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends (Linux).

    Elsewhere a thread looks every half second whether the parent is still there.

    Parameters
    ----------
    parent
        Process id of the parent, taken before the fork: it may have died in between.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_poll_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _poll_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_workflow() -> None:
    """End this process when a Snakemake process above it ends.

    There are other processes between Snakemake and the script of a rule. They outlive a killed
    Snakemake, and watching the parent is not enough. A thread watches every ancestor up to the
    first Snakemake process. When one of them ends, this process gets SIGTERM to clean up, and
    SIGKILL after `PATIENCE` seconds. Without a Snakemake above, nothing is watched.
    """
    ancestors = _find_workflow_ancestors()
    if ancestors:
        threading.Thread(target=_watch, args=(ancestors,), daemon=True).start()


def find_workflow() -> psutil.Process | None:
    """The Snakemake above this process that plans jobs; None outside, and in a job on a cluster."""
    above = _find_workflow_ancestors()
    return above[-1] if above and not _is_in_job(above[-1].cmdline()) else None


def _find_workflow_ancestors() -> list[psutil.Process]:
    parents = psutil.Process().parents()
    snakemakes = [number for number, process in enumerate(parents) if _is_snakemake(process)]
    return parents[: max(snakemakes) + 1] if snakemakes else []


def _is_snakemake(process: psutil.Process) -> bool:
    try:
        return any(Path(part).name == "snakemake" for part in process.cmdline()[:4])
    except psutil.Error:
        return False


def _watch(ancestors: list[psutil.Process]) -> None:
    if hasattr(os, "pidfd_open"):
        _wait_for_end_of_any(ancestors)
    else:
        while all(process.is_running() for process in ancestors):
            time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_end_of_any(processes: list[psutil.Process]) -> None:
    poll = select.poll()
    for process in processes:
        try:
            poll.register(os.pidfd_open(process.pid), select.POLLIN)
        except ProcessLookupError:
            return
    if all(process.is_running() for process in processes):  # not another one of the same number
        poll.poll()


def exit_on_sigterm() -> None:
    """Turn SIGTERM into SystemExit, which runs ``finally`` clauses."""

    def leave(signum: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + signum)

    with contextlib.suppress(ValueError):  # only the main thread may set handlers
        signal.signal(signal.SIGTERM, leave)


def find_holder(
    folder: Path, submitting: bool = False, others: bool = False, started: bool = False
) -> int | None:
    """Process id of a live Snakemake of this user's in `folder`; None when there is none.

    Parameters
    ----------
    folder
        The working directory.
    submitting
        Only a Snakemake that plans and submits counts, not the one inside a job (`--mode remote`),
        which a SLURM on this very machine may have started.
    others
        This process does not count, nor what started it.
    started
        One that was started in `folder` by a shell counts too, wherever it works now: with
        ``--directory``, its jobs still have `folder` as their working directory.
    """
    folder = folder.resolve()
    own = _list_own() if others else set()
    for process in psutil.process_iter(["pid", "cmdline"]):
        command = process.info["cmdline"] or []
        if not any(Path(part).name == "snakemake" for part in command[:4]):
            continue
        if process.info["pid"] in own or (submitting and _is_in_job(command)):
            continue
        try:
            if Path(process.cwd()) == folder or (started and _find_start(process) == folder):
                return process.info["pid"]
        except psutil.Error:
            continue
    return None


def _find_start(process: psutil.Process) -> Path | None:
    """Folder of the shell that started a process, if it said so."""
    place = process.environ().get("PWD")
    return Path(place).resolve() if place else None


def describe_process(pid: int) -> str:
    """A process by its number and the beginning of its command."""
    try:
        command = shlex.join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return f"process {pid}"
    return f"process {pid} ({textwrap.shorten(command, 300, placeholder=' ...')})"


def _is_in_job(command: list[str]) -> bool:
    return "--mode" in command and command[command.index("--mode") + 1 :][:1] != ["default"]


def _list_own() -> set[int]:
    this = psutil.Process()
    return {process.pid for process in (this, *this.parents())}


@contextmanager
def running_rule(log: str | Path, shown: bool = False) -> Iterator[Callable[[str], None]]:
    """Run the body of a rule's script.

    Parameters
    ----------
    log
        The rule's log file; every reported line goes to it and to the terminal.
    shown
        Whether the run's console shows what the body reports; then it goes to the log alone.
        Errors go to both.

    Yields
    ------
    report
        Call it with one line for the user.
    """
    exit_on_sigterm()
    die_with_workflow()
    log = Path(log)
    with contextlib.suppress(OSError):  # the rule itself says what is wrong with the disk
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")

    def note(text: str) -> None:
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:  # a full disk
            file.write(text)

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        note(f"{line}\n")

    def report_shown(line: str) -> None:
        if not shown:
            print(wrap_line(line, 2), file=sys.stderr, flush=True)
        note(f"{line}\n")

    try:
        yield report_shown if os.environ.get(CONSOLE) == RUN_CONSOLE else report
    except UserError as error:
        report(f"Error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        report("Interrupted; nothing that is finished is lost, the same command goes on")
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        line = _describe_disk(error)
        if line is None:
            note(traceback.format_exc())
            raise
        report(f"Error: {line}")
        sys.exit(1)


def _describe_disk(error: Exception) -> str | None:
    """What is to be said of a full or a closed disk; None if the error has another cause."""
    # not every library passes the system's error on, so that the room that is left counts as well
    place = getattr(error, "filename", None) or Path().resolve()
    free = shutil.disk_usage(Path()).free
    if getattr(error, "errno", None) in FULL or free < LEAST_FREE:
        return (
            f"{place}: the disk is full, or the quota is used up ({describe_error(error)}; "
            f"{free / 2**20:.1f} MB free); make room, and the same command goes on"
        )
    if getattr(error, "errno", None) in CLOSED:
        return f"{place}: {error.args[1]}; correct its permissions, and the same command goes on"
    return None
