"""`leftovers`: list or cancel the SLURM jobs that a killed Snakemake left in the queue.

Leftovers are your own jobs whose working directory is the folder and whose name is that of a run
of Snakemake: a UUID, with or without a prefix. Cancelling them is safe, because only the Snakemake
that submitted the jobs waits for them. While one is alive here, or was started here, no job is a
leftover.
"""

import argparse
from pathlib import Path

from tgas_neuro.commands.terminal import duration, format_table
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import describe_process, find_holder
from tgas_neuro.runtime.slurm import (
    Job,
    cancel_jobs,
    check_folder,
    check_host,
    find_run_jobs,
    format_command,
    wait_for_end,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument(
        "--cancel", action="store_true", help="cancel the jobs and wait until they have ended"
    )
    parser.add_argument(
        "--wait",
        type=duration,
        default=120.0,
        metavar="SECONDS",
        help="longest wait for cancelled jobs (default: 120)",
    )
    parser.add_argument(
        "--prefix",
        help="only jobs of runs with this slurm-jobname-prefix; '' for those without one "
        "(default: with any or none)",
    )
    parser.add_argument(
        "--host",
        help="machine that the jobs were submitted from, if you know that no Snakemake runs there",
    )


def run(arguments: argparse.Namespace) -> int:
    """List the jobs, or cancel them; return 1 if some do not end."""
    folder = arguments.folder
    check_folder(folder)
    holder = find_holder(folder, submitting=True, started=True)
    if holder is not None:
        raise UserError(
            f"{folder.resolve()}: {describe_process(holder)} is running Snakemake here, or was "
            "started here, and jobs of this folder are its own; wait for it to end, or stop it "
            "first"
        )
    jobs = find_run_jobs(folder, arguments.prefix)
    if not jobs:
        print("no jobs are left in SLURM's queue from this folder")
        return 0
    if not arguments.cancel:
        print(_format_jobs(jobs))
        print(f"\nto cancel them: {format_command(folder, arguments.prefix, arguments.host)}")
        return 0
    check_host(folder, arguments.host)
    return _cancel(jobs, arguments.wait)


def _cancel(jobs: list[Job], patience: float) -> int:
    ids = [job.id for job in jobs]
    cancel_jobs(ids)
    left = wait_for_end(ids, patience)
    gone = set(ids) - {job.id for job in left}
    ended = [job for job in jobs if job.id in gone]
    if ended:
        print(f"cancelled:\n{_format_jobs(ended)}")
    if left:
        print(f"still in the queue after {patience:g} s:\n{_format_jobs(left)}")
    return 1 if left else 0


def _format_jobs(jobs: list[Job]) -> str:
    return format_table(
        [
            {
                "job": job.id,
                "state": job.state,
                "rule": job.comment.removeprefix("rule_").encode(errors="replace").decode(),
                "name": job.name,
            }
            for job in jobs
        ]
    )
