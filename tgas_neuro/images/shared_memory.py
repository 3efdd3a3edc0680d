"""Memory that the processes of a loader share."""

import math
import mmap
import multiprocessing

import torch


def share_pixels(shape: tuple[int, ...]) -> torch.Tensor:
    """A uint8 tensor that is the same memory in processes that this one starts.

    Torch's own shared memory lies in /dev/shm, where a container has 64 MB. What is mapped without
    a file has no such limit, but only a forked process finds it again.
    """
    if multiprocessing.get_start_method() != "fork":
        return torch.empty(shape, dtype=torch.uint8).share_memory_()
    length = math.prod(shape)
    memory = mmap.mmap(-1, max(length, 1))
    return torch.frombuffer(memory, dtype=torch.uint8)[:length].view(shape)
