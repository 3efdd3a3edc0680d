"""Processes that die with the workflow: a killed Snakemake leaves nothing running."""

import contextlib
import ctypes
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PATIENCE = 5.0  # [s] between SIGTERM and SIGKILL, for the clean-up


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends (Linux).

    Elsewhere a thread looks every half second whether the parent is still there.

    Parameters
    ----------
    parent
        Process id of the parent, taken before the fork: it may have died in between.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_poll_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _poll_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_workflow() -> None:
    """End this process when a Snakemake process above it ends.

    There are other processes between Snakemake and the script of a rule. They outlive a killed
    Snakemake, and watching the parent is not enough. A thread watches every ancestor up to the
    first Snakemake process. When one of them ends, this process gets SIGTERM to clean up, and
    SIGKILL after `PATIENCE` seconds. Without a Snakemake above, nothing is watched.
    """
    ancestors = _find_workflow_ancestors()
    if ancestors:
        threading.Thread(target=_watch, args=(ancestors,), daemon=True).start()


def _find_workflow_ancestors() -> list[psutil.Process]:
    parents = psutil.Process().parents()
    snakemakes = [number for number, process in enumerate(parents) if _is_snakemake(process)]
    return parents[: max(snakemakes) + 1] if snakemakes else []


def _is_snakemake(process: psutil.Process) -> bool:
    try:
        return any(Path(part).name == "snakemake" for part in process.cmdline()[:4])
    except psutil.Error:
        return False


def _watch(ancestors: list[psutil.Process]) -> None:
    if hasattr(os, "pidfd_open"):
        _wait_for_end_of_any(ancestors)
    else:
        while all(process.is_running() for process in ancestors):
            time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_end_of_any(processes: list[psutil.Process]) -> None:
    poll = select.poll()
    for process in processes:
        try:
            poll.register(os.pidfd_open(process.pid), select.POLLIN)
        except ProcessLookupError:
            return
    if all(process.is_running() for process in processes):  # not another one of the same number
        poll.poll()


def exit_on_sigterm() -> None:
    """Turn SIGTERM into SystemExit, which runs ``finally`` clauses."""

    def leave(signum: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + signum)

    with contextlib.suppress(ValueError):  # only the main thread may set handlers
        signal.signal(signal.SIGTERM, leave)
