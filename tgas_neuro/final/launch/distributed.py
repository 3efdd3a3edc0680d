"""The processes that train together: who this one is, and sums over all of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from tgas_neuro.runtime.devices import choose_device

# That processes wait for each other: the first may have to look at a million images before.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Group:
    """The processes of a training; one process alone is a group too, and needs no other.

    Attributes
    ----------
    rank
        Number of this process, from 0; the process 0 writes and reports.
    size
        How many there are.
    device
        Where this one computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of `values` over all processes, in place, the same bits in each of them."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def joined_group(device: str) -> Iterator[Group]:
    """The processes that torchrun started, else this one alone.

    Within it, what torchrun says in the environment (rank, number of processes, where the first
    one is) is made into a process group: NCCL among GPUs, one for each process of a machine, and
    gloo among CPUs.

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
