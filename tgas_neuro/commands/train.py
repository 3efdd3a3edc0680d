"""`train`: run the final training of a job.json, alone or under torchrun.

    python -m tgas_neuro train --job results/final/<run>/work/job.json --processes 2
    torchrun --nproc_per_node 8 -m tgas_neuro train --job results/final/<run>/work/job.json

The rule final writes the file and starts this command. Call it yourself for several machines (see
docs/final.md). After SIGTERM it writes a checkpoint and exits with 143.
"""

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tgas_neuro.commands.terminal import positive, report
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import die_with_parent, die_with_workflow

if TYPE_CHECKING:
    from tgas_neuro.config.final import Final
    from tgas_neuro.final.launch.job import Job

SECONDS_OF_THE_FIRST = 10.0  # to report a mistake that all processes meet, on a busy machine too


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--job", type=Path, required=True, help="job.json of a final training")
    parser.add_argument(
        "--processes",
        type=positive,
        default=1,
        help="processes on this machine, without torchrun (default: 1)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train; the first process writes metrics.json beside the job."""
    from tgas_neuro.final.launch.job import read_job, read_settings, run_job, start_processes

    job = read_job(arguments.job)
    settings = read_settings(job, arguments.job)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        die_with_parent(os.getppid())
        return _run_member(job, settings)
    if arguments.processes > 1:
        die_with_workflow()
        return start_processes(arguments.job, arguments.processes)
    run_job(job, settings, None, report)
    return 0


def _run_member(job: "Job", settings: "Final") -> int:
    from tgas_neuro.final.launch.job import run_job
    from tgas_neuro.final.launch.processes import joined_group

    try:
        with joined_group(settings.device) as group:
            run_job(job, settings, group, report)
    except UserError:
        if os.environ["RANK"] != "0":
            # A mistake that all meet is reported once: torchrun ends this one when the first ends.
            time.sleep(SECONDS_OF_THE_FIRST)
        raise
    return 0
