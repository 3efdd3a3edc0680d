"""`unlock`: free the working directory after a killed run, unless a live one holds it."""

import argparse
import shlex
import shutil
import textwrap
from pathlib import Path

import psutil

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.host import check_host
from tgas_neuro.runtime.slurm import refuse_jobs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument(
        "--host",
        metavar="NAME",
        help="the machine that the run was started on, if no Snakemake works there any more",
    )


def run(arguments: argparse.Namespace) -> None:
    """Remove Snakemake's locks that a killed run left behind."""
    check_folder(arguments.folder)
    locks = arguments.folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return
    _check_holder(arguments.folder, submitting=True)
    refuse_jobs(arguments.folder)
    _check_holder(arguments.folder)
    check_host(arguments.folder, arguments.host)
    shutil.rmtree(locks)
    print("removed the locks of a run that was killed")


def check_folder(folder: Path) -> None:
    """Raise `UserError` if there is no such folder: that nothing is left in it says nothing."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that Snakemake ran in")


def _check_holder(folder: Path, submitting: bool = False) -> None:
    holder = find_holder(folder, submitting)
    if holder is not None:
        raise UserError(
            f"{folder.resolve()}: process {holder} is running Snakemake here; wait for "
            "it to end, or stop it first"
        )


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
