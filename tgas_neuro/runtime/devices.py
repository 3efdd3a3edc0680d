"""Where to compute, with how many threads, and how much memory that took."""

import contextlib
import ctypes
import fcntl
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from tgas_neuro.runtime.errors import UserError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
_held: list[int] = []  # open files: a claim lasts as long as the process and what it forks


def choose_device(name: str, key: str, claim: bool = False) -> torch.device:
    """The device that the configuration names.

    Parameters
    ----------
    name
        ``"auto"`` takes a GPU where there is one; else torch's own name, as ``"cpu"``,
        ``"cuda"`` or ``"cuda:1"``.
    key
        The key of the configuration, for messages.
    claim
        If several GPUs are visible and none is named, take one that no other job has.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UserError(f"{key}: {name!r} is not one of: auto, cpu, cuda, cuda:<n>")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"{key}: {name!r}, but torch finds no GPU; use auto or cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"{key}: {name!r}, but torch finds {torch.cuda.device_count()} GPUs, from cuda:0 on"
        )
    several = device.type == "cuda" and device.index is None and torch.cuda.device_count() > 1
    if claim and several:
        ids = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
        names = [str(getattr(found, "uuid", n)) for n, found in enumerate(ids)]
        return torch.device("cuda", claim_gpu(names))
    return device


def claim_gpu(names: list[str], folder: Path | None = None) -> int:
    """Claim one of the GPUs that no other process of this project has claimed.

    A claim is a lock on a local file. The kernel releases it when the process ends, in whatever
    way, and nothing has to be cleaned up.

    Parameters
    ----------
    names
        Names of the visible GPUs. All processes must use the same name for a GPU (its UUID).
    folder
        Folder of the lock files: the machine's temporary folder by default, never a shared file
        system.

    Returns
    -------
    int
        Index into `names`. If all GPUs are claimed, the process id selects one to share.
    """
    for index, name in enumerate(names):
        path = Path(folder or tempfile.gettempdir()) / f"tgas_neuro_gpu_{name}.lock"
        try:
            number = _open(path)
        except PermissionError:
            if not path.exists():
                raise
            continue  # another user's, which has not been opened to all: as good as claimed
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            continue
        _held.append(number)
        return index
    return os.getpid() % len(names)


def _open(path: Path) -> int:
    """A file to lock; one that another user made can be read, and that is enough."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        pass
    try:
        number = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:  # made by another process in between
        return os.open(path, os.O_RDONLY)
    os.fchmod(number, 0o644)  # whatever the user's umask
    return number


def autocast(device: torch.device) -> torch.autocast:
    """bf16 on a GPU; float32 on the CPU, where bf16 is slower."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


@contextmanager
def with_types_of_tensors() -> Iterator[None]:
    """Compute in float32 and the types of the tensors, whatever the caller has torch choose."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Have torch use this number of threads and, on a GPU, only repeatable convolutions.

    The last digits of results depend on the number of threads. It therefore comes from the
    configuration, never from the number of cores that Snakemake gives a rule.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def in_whole_float32() -> Iterator[None]:
    """Have torch multiply and convolve float32 as such, not as TF32 with fewer digits.

    A GPU convolves in TF32 (10 of 23 binary digits) unless it is forbidden, and multiplies matrices
    so if whoever calls has allowed it with `torch.set_float32_matmul_precision`. The order of
    dissimilarities that nearly agree is then lost.
    """
    before, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn
    torch.set_float32_matmul_precision("highest")
    try:
        with cudnn.flags(
            cudnn.enabled, cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next tensor instead of giving it back to the system.

    A training step on the CPU frees and allocates the same large blocks again; without this call
    the system maps and zeroes each of them every time. Without glibc nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(M_MMAP_THRESHOLD, 2**25)  # the most that glibc allows
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def return_freed_memory() -> None:
    """Give the system what `keep_freed_memory` kept, before work that needs other blocks."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def measure_peak_memory(device: torch.device) -> float:
    """Peak memory so far [MB]: of the GPU, or resident memory of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    unit = 2**10 if sys.platform == "linux" else 2**20  # ru_maxrss is in kB, on macOS in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
