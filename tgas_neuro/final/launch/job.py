"""A final training as a file, and how it is started: in this process, or in several."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.final import Final, check_batches
from tgas_neuro.config.section import dump_decisive, dump_section
from tgas_neuro.final.launch.processes import SIGNALS, Group, PreemptedError
from tgas_neuro.final.training.order import count_processes
from tgas_neuro.final.training.training import train_final
from tgas_neuro.images.decoded import Images
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json

WAY_OUT = "give the job.json that the rule final wrote into results/final/<run>/work"
PREEMPTED = {128 + number: number for number in SIGNALS}  # exit codes

# Seconds to finish a step and write a checkpoint; torch's launcher gives its processes 30.
FINISHING = 40.0


@dataclass(frozen=True)
class Job:
    """The arguments of `train_final`, as JSON.

    Attributes
    ----------
    config
        The section ``final``, with all its keys.
    genotype
        The winner of the search.
    images
        The source of the two splits, the fields of `Images`.
    checked
        Folder that remembers which images are corrupt.
    folder
        Where the training keeps its files, and ``metrics.json`` at the end.
    seed
        The run's seed.
    splits
        From the split, ``train`` or ``val``, to the folder that a rule made, see `load_split`.
    """

    config: dict[str, Any]
    genotype: dict[str, Any]
    images: dict[str, Any]
    checked: str
    folder: str
    seed: int
    splits: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """``job.json`` in its folder."""
        return Path(self.folder) / "job.json"

    @property
    def metrics(self) -> Path:
        """``metrics.json`` in its folder, the last file that the training writes."""
        return Path(self.folder) / "metrics.json"

    def write(self) -> None:
        """Write the job to `path`."""
        write_json(self.path, asdict(self))


def read_job(path: str | Path) -> Job:
    """Read a job; a file that holds no job raises a `UserError`."""
    content = read_json(path)
    try:
        job = Job(**content)
        Images(**job.images)
    except TypeError as error:
        raise UserError(f"{path}: not a final training ({error}); {WAY_OUT}") from None
    return job


def read_settings(job: Job, path: str | Path) -> Final:
    """Read the configuration of a job that a training is to be started with.

    Parameters
    ----------
    job
        The job. The evaluation of a trained network reads less, so that it accepts jobs of older
        versions.
    path
        The job's file, for messages.

    Raises
    ------
    UserError
        A key is missing, unknown or wrong.
    """
    settings = check_section(Final, job.config, str(path), ["config"])
    whole = dump_section(settings)
    for key, value in (whole | dump_decisive(settings)).items():
        # inside a key, what decides no numbers may stand or, as the rule writes it, not
        if key not in job.config or job.config[key] not in (value, whole[key]):
            raise UserError(
                f"{path}: config.{key}: {job.config.get(key, 'is missing')}; expected every key of "
                f"the section final, as {value!r} here; {WAY_OUT}"
            )
    return settings


def run_job(job: Job, settings: Final, group: Group | None, report: Callable[[str], None]) -> None:
    """Train in this process, a member of `group` (None: alone), and write ``metrics.json``."""
    metrics = train_final(
        settings,
        read_genotype(job.genotype),
        Images(**job.images),
        Path(job.folder),
        job.seed,
        report,
        group=group,
        checked=Path(job.checked),
        splits=job.splits,
    )
    if group is None or group.is_first:
        write_json(job.metrics, metrics)


def train_job(job: Job, report: Callable[[str], None]) -> None:
    """Write the job's file and train, in as many processes as the job asks for.

    Afterwards ``metrics.json`` is in the job's folder.

    Raises
    ------
    PreemptedError, UserError
        See `train_final`.
    SystemExit
        Several processes failed; they have reported why.
    """
    settings = read_settings(job, job.path)
    check_batches(settings)
    device = choose_device(settings.device, "final.device")
    # A numbered GPU is one GPU.
    gpus = torch.cuda.device_count() if device == torch.device("cuda") else 0
    processes = count_processes(settings, gpus)
    job.write()
    if processes == 1:
        run_job(job, settings, None, report)
    else:
        report(f"final: training in {processes} processes")
        _run_command(job.path, processes, report)


def _run_command(path: Path, processes: int, report: Callable[[str], None]) -> None:
    """Run ``train --processes`` in a process of its own, and report the lines that it prints."""
    command = [sys.executable, "-m", "tgas_neuro", "train", "--job", str(path)]
    process = subprocess.Popen(
        [*command, "--processes", str(processes)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # a pipe
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
    """Raise the error that an exit code of a training stands for; 0 stands for none."""
    if code in PREEMPTED:
        raise PreemptedError(PREEMPTED[code])
    if code:
        sys.exit(1)


def start_processes(path: Path, processes: int) -> int:
    """Start ``train --job <path>`` in several processes of this machine and wait for their end.

    These are the processes of ``torchrun --standalone``. They meet at this machine's loopback
    address and end when this process ends. SIGTERM and SIGUSR1 are passed on to them.

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
