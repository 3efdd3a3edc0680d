"""`leftovers`: list or cancel the SLURM jobs that a killed Snakemake left in the queue.

Leftovers are your own jobs whose working directory is the folder and whose name is that of a run
of Snakemake: a UUID, with or without a prefix. Cancelling them is safe, because only the Snakemake
that submitted the jobs waits for them. While one is alive here, or was started here, no job is a
leftover.
"""

import argparse
from pathlib import Path

from tgas_neuro.commands.terminal import Answer, add_forms, duration, print_answer, show_table
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

COLUMNS = ("job", "state", "rule", "name")


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
    add_forms(parser)


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
    if arguments.cancel and jobs:
        check_host(folder, arguments.host)
        return _cancel(jobs, arguments)

    def describe() -> str:
        if not jobs:
            return "no jobs are left in SLURM's queue from this folder"
        command = format_command(folder, arguments.prefix, arguments.host)
        return f"{_format_jobs(jobs)}\n\nto cancel them: {command}"

    print_answer(arguments, Answer(_build_rows(jobs), COLUMNS, describe))
    return 0


def _cancel(jobs: list[Job], arguments: argparse.Namespace) -> int:
    ids = [job.id for job in jobs]
    cancel_jobs(ids)
    left = wait_for_end(ids, arguments.wait)
    gone = set(ids) - {job.id for job in left}
    ended = [job for job in jobs if job.id in gone]

    def describe() -> str:
        after = f"still in the queue after {arguments.wait:g} s"
        parts = [("cancelled", ended), (after, left)]
        return "\n".join(f"{what}:\n{_format_jobs(found)}" for what, found in parts if found)

    rows = [
        {**row, "cancelled": job.id in gone}
        for found in (ended, left)
        for job, row in zip(found, _build_rows(found), strict=True)
    ]
    print_answer(arguments, Answer(rows, [*COLUMNS, "cancelled"], describe))
    return 1 if left else 0


def _format_jobs(jobs: list[Job]) -> str:
    return show_table(_build_rows(jobs), folding=False)


def _build_rows(jobs: list[Job]) -> list[dict[str, str]]:
    return [
        {
            "job": job.id,
            "state": job.state,
            "rule": job.comment.removeprefix("rule_").encode(errors="replace").decode(),
            "name": job.name,
        }
        for job in jobs
    ]
