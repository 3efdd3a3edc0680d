"""The processes of a training: which one this is, sums over all of them, and requests to stop."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from tgas_neuro.runtime.devices import choose_device

# How long processes wait for each other: the first may have to check a million images before.
PATIENCE = timedelta(hours=2)
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
PARTING = 5.0  # seconds from the loss of another process to the signal that ended that one


@dataclass(frozen=True)
class Group:
    """The processes of a training; a single process is a group of its own.

    Attributes
    ----------
    rank
        Number of this process, from 0; process 0 writes files and reports.
    size
        Number of processes.
    device
        The device of this process.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum `values` over all processes, in place; every process gets the same bits."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Return when all processes have called this."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def joined_group(device: str) -> Iterator[Group]:
    """Join the processes that torchrun started; without torchrun, this process is alone.

    The environment variables of torchrun (rank, number of processes, address of the first) define
    the process group: NCCL among GPUs, with one process for each GPU, and gloo among CPUs.

    Parameters
    ----------
    device
        ``final.device``.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device, "final.device", claim=size == 1)
    if size == 1:
        yield Group(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    distributed.init_process_group(
        "nccl" if chosen.type == "cuda" else "gloo",
        device_id=chosen if chosen.type == "cuda" else None,
        timeout=PATIENCE,
    )
    try:
        yield Group(distributed.get_rank(), size, chosen)
    finally:
        distributed.destroy_process_group()


class PreemptedError(SystemExit):
    """A signal ended the training, which can be resumed later.

    The exit code is 128 + the signal's number, 143 for SIGTERM, as shells and SLURM expect it.
    """

    def __init__(self, signum: int):
        super().__init__(128 + signum)


class StopRequest:
    """Whether SIGTERM or SIGUSR1 has arrived, and which one.

    Attributes
    ----------
    signum
        Number of the signal; 0 as long as none has arrived.
    """

    def __init__(self) -> None:
        self.signum = 0

    def note(self, signum: int, frame: object = None) -> None:
        """Remember the signal; this is a signal handler."""
        self.signum = int(signum)

    def raise_if_requested(self) -> None:
        """Raise `PreemptedError` if a signal has arrived. For work that leaves nothing to save."""
        if self.signum:
            raise PreemptedError(self.signum)


@contextmanager
def noting_signals() -> Iterator[StopRequest]:
    """Note `SIGNALS` instead of ending the process; restore the earlier handlers at the end.

    Only the main thread can set handlers; in another thread no signal is ever noted.
    """
    request, before = StopRequest(), {}
    with contextlib.suppress(ValueError):
        for number in SIGNALS:
            before[number] = signal.signal(number, request.note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def parting_together(request: StopRequest, several: bool) -> Iterator[None]:
    """Treat the loss of a preempted process as a preemption of this process.

    All processes of a training get the signal, but at slightly different times: one that ends in
    the middle of a validation makes the sums of the others fail, perhaps before their own signal.

    Parameters
    ----------
    request
        The request to this process.
    several
        Whether there are other processes.

    Raises
    ------
    PreemptedError
        Something failed, and the signal had arrived or arrived within `PARTING` seconds.
    """
    try:
        yield
    except RuntimeError:  # the base class of the errors of torch.distributed
        deadline = time.monotonic() + PARTING
        while several and not request.signum and time.monotonic() < deadline:
            time.sleep(0.05)
        if several:
            request.raise_if_requested()
        raise
