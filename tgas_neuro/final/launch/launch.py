"""Starts a final training on this machine: in this process, or in several that torchrun starts."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from tgas_neuro.final.launch.job import Job, run_job
from tgas_neuro.final.launch.preemption import SIGNALS, PreemptedError
from tgas_neuro.final.training.order import check_batches, count_processes
from tgas_neuro.runtime.devices import choose_device

PREEMPTED = {128 + number: number for number in SIGNALS}  # exit codes

# Seconds to finish a step and write a checkpoint; torch's launcher gives its processes 30.
FINISHING = 40.0


def train_job(job: Job, report: Callable[[str], None]) -> None:
    """Write the job's file and train, in as many processes as it asks for.

    Afterwards ``metrics.json`` is in its folder.

    Raises
    ------
    PreemptedError, UserError
        See `train_final`.
    SystemExit
        Several processes failed; they have reported why.
    """
    check_batches(job.config)
    device = choose_device(job.config["device"], "final.device")
    # A numbered GPU is one GPU.
    gpus = torch.cuda.device_count() if device == torch.device("cuda") else 0
    processes = count_processes(job.config, gpus)
    job.write()
    if processes == 1:
        run_job(job, None, report)
    else:
        report(f"final: training in {processes} processes")
        _run_command(job.path, processes, report)


def _run_command(path: Path, processes: int, report: Callable[[str], None]) -> None:
    """Train in a process of its own, with its own below it, and report what they say."""
    command = [sys.executable, "-m", "tgas_neuro", "train", "--job", str(path)]
    process = subprocess.Popen(
        [*command, "--processes", str(processes)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:
            report(line.rstrip())
        code = process.wait()
    except BaseException:  # SystemExit of a SIGTERM: the processes write their checkpoint
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(FINISHING)
        process.kill()
        process.wait()
        raise
    raise_for(code)


def raise_for(code: int) -> None:
    """Raise what an exit code of a training means; nothing for 0."""
    if code in PREEMPTED:
        raise PreemptedError(PREEMPTED[code])
    if code:
        sys.exit(1)


def start_processes(path: Path, processes: int) -> int:
    """Start ``train --job <path>`` in so many processes of this machine and wait for their end.

    They are what ``torchrun --standalone`` starts, meet on this machine's loopback address, and
    end when this process does. SIGTERM and SIGUSR1 are passed on to them.

    Returns
    -------
    int
        0, or the exit code of the first that failed.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads are set by final.threads
    settings = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=f"tgas-neuro-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        signals_to_handle="SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1",
    )
    arguments = ["-m", "tgas_neuro", "train", "--job", str(path)]
    try:
        elastic_launch(settings, sys.executable)(*arguments)
    except ChildFailedError as error:
        codes = [failure.exitcode for failure in error.failures.values()]
        return next((code for code in codes if code in PREEMPTED), max(codes[0], 1))
    except SignalException as error:
        return 128 + int(signal.Signals(error.sigval))
    return 0
