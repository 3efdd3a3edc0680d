"""`unlock`: free the working directory after a killed run, unless a live one holds it."""

import argparse
import shutil
from pathlib import Path

import psutil

from tgas_neuro.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", nargs="?", default=".", type=Path)


def run(arguments: argparse.Namespace) -> None:
    """Remove Snakemake's locks that a killed run left behind."""
    locks = arguments.folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return
    holder = find_holder(arguments.folder)
    if holder is not None:
        raise UserError(
            f"{arguments.folder.resolve()}: process {holder} is running Snakemake here; wait for "
            "it to end, or stop it first"
        )
    shutil.rmtree(locks)
    print("removed the locks of a run that was killed")


def find_holder(folder: Path) -> int | None:
    """Process id of a live Snakemake that works in `folder`; None when there is none.

    Processes whose working directory may not be read (other users') are passed over.
    """
    folder = folder.resolve()
    for process in psutil.process_iter(["pid", "cmdline"]):
        command = process.info["cmdline"] or []
        if not any(Path(part).name == "snakemake" for part in command[:4]):
            continue
        try:
            if Path(process.cwd()) == folder:
                return process.info["pid"]
        except psutil.Error:
            continue
    return None
