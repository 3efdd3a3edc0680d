"""Which Snakemake works in a folder, and on which machine the last one was started."""

import json
import shlex
import socket
import textwrap
from pathlib import Path

import psutil

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json

NOTE = Path(".snakemake/started_on.json")


def note_host(folder: Path) -> None:
    """Note in a working directory that Snakemake is started there, and on which machine."""
    write_json(folder / NOTE, {"host": socket.gethostname()})


def check_host(folder: Path, vouched: str | None) -> None:
    """Raise `UserError` if the last run was started on another machine.

    Parameters
    ----------
    folder
        Working directory of the run.
    vouched
        The machine that the user named, because no Snakemake runs there any more.
    """
    try:
        host = json.loads((folder / NOTE).read_text())["host"]
    except (OSError, ValueError, LookupError, TypeError):
        return  # nothing is known of it
    if host not in (socket.gethostname(), vouched):
        raise UserError(
            f"{folder.resolve()}: the last run was started on {host}, where Snakemake may still "
            f"be running; do this there, or say --host {host} if you know that it is not"
        )


def check_folder(folder: Path) -> None:
    """Raise `UserError` if there is no such folder, which would look like one without leftovers."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that Snakemake ran in")


def find_holder(
    folder: Path, submitting: bool = False, others: bool = False, started: bool = False
) -> int | None:
    """Process id of a live Snakemake that works in `folder`; None when there is none.

    Processes whose working directory may not be read (other users') are passed over.

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
