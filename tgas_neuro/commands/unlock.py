"""`unlock`: remove the locks that a killed run left in a folder, unless another run is alive."""

import argparse
import shutil
from pathlib import Path

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import find_holder
from tgas_neuro.runtime.slurm import check_folder, check_host, refuse_jobs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument(
        "--host",
        metavar="NAME",
        help="the machine that the run was started on, if you know that no Snakemake runs there",
    )


def run(arguments: argparse.Namespace) -> None:
    """Remove the locks, after checking that nobody holds them."""
    check_folder(arguments.folder)
    locks = arguments.folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return
    refuse_live_run(arguments.folder, arguments.host)
    shutil.rmtree(locks)
    print("removed the locks of a run that was killed")


def refuse_live_run(folder: Path, host: str | None) -> None:
    """Raise `UserError` while a run is alive in a folder, or may be on another machine.

    Parameters
    ----------
    folder
        Working directory of the run.
    host
        See `check_host`.
    """
    _check_holder(folder, submitting=True)
    refuse_jobs(folder)
    _check_holder(folder)
    check_host(folder, host)


def _check_holder(folder: Path, submitting: bool = False) -> None:
    holder = find_holder(folder, submitting)
    if holder is not None:
        raise UserError(
            f"{folder.resolve()}: process {holder} is running Snakemake here; wait for "
            "it to end, or stop it first"
        )
