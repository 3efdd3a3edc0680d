"""A child process for one candidate: it may fail in any way and the parent lives to record it."""

import json
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import die_with_parent

ATTEMPTS = 3  # a child killed from outside is tried twice more
POLL_SECONDS = 0.1  # between looks at the child's memory and time
MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "not enough memory")


class DivergedError(Exception):
    """The training of a candidate left the finite numbers."""


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    Attributes
    ----------
    state
        ``ok``, ``diverged``, ``out_of_memory``, ``timeout`` or ``crashed``.
    value
        What the function returned; None unless ``ok``.
    message
        Why not; empty when ``ok``.
    attempts
        How many children were started.
    seconds
        Time of the last one [s].
    peak_memory_mb
        Most resident memory of the last one [MB].
    """

    state: str
    value: Any
    message: str
    attempts: int
    seconds: float
    peak_memory_mb: float


def run_in_child(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    memory_mb: float | None = None,
    seconds: float | None = None,
) -> Outcome:
    """Run a function in a process of its own, which dies with this one.

    The parent does not import torch; the child is forked before it is imported, so that it pays
    for one import of torch and nothing else.

    Parameters
    ----------
    function
        A module's function that returns JSON content.
    arguments
        Its keyword arguments.
    memory_mb
        Resident memory [MB] beyond which the child is ended as ``out_of_memory``.
    seconds
        Time [s] beyond which it is ended as ``timeout``.

    Returns
    -------
    outcome
        A child that a signal from outside ended is tried again, `ATTEMPTS` times in all, then
        it ``crashed``; an exception is deterministic and not tried again.

    Raises
    ------
    UserError
        What the function raised as such: not the candidate's fault.
    """
    for attempt in range(1, ATTEMPTS + 1):
        state, content, elapsed, peak = _run_once(function, arguments, memory_mb, seconds)
        if state != "killed" or attempt == ATTEMPTS:
            break
    if state == "user_error":
        raise UserError(content)
    if state == "killed":
        state, content = "crashed", f"{content} in each of {ATTEMPTS} attempts"
    value, message = (content, "") if state == "ok" else (None, content)
    return Outcome(state, value, message, attempt, elapsed, peak)


def _run_once(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    memory_mb: float | None,
    seconds: float | None,
) -> tuple[str, Any, float, float]:
    """State, content, time [s] and peak memory [MB] of one child."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child_main, args=(sender, os.getpid(), function, arguments))
    start = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    child.start()
    sender.close()
    try:
        state, content, peak = _wait(child, receiver, start, memory_mb, seconds)
    finally:
        child.kill()
        child.join()
        receiver.close()
    return state, content, time.monotonic() - start, peak


def _wait(
    child: multiprocessing.Process,
    receiver: multiprocessing.connection.Connection,
    start: float,
    memory_mb: float | None,
    seconds: float | None,
) -> tuple[str, Any, float]:
    """Wait for the child's answer, its end, or its breach of a limit."""
    peak = 0.0
    while True:
        if receiver.poll(POLL_SECONDS):
            try:
                state, content, peak = json.loads(receiver.recv_bytes())
            except EOFError:
                child.join()
                return "killed", _describe_end(child.exitcode), peak
            return state, content, peak
        peak = max(peak, _measure_memory(child.pid))
        if memory_mb is not None and peak > memory_mb:
            message = f"used {peak:.0f} MB, search.limits.memory_mb is {memory_mb:g}"
            return "out_of_memory", message, peak
        if seconds is not None and time.monotonic() - start > seconds:
            return "timeout", f"took longer than search.limits.seconds, {seconds:g} s", peak


def _measure_memory(pid: int) -> float:
    """Resident memory [MB]; 0 when the process has just ended."""
    try:
        return psutil.Process(pid).memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


def _describe_end(exitcode: int) -> str:
    if exitcode < 0:
        return f"killed by signal {signal.Signals(-exitcode).name}"
    return f"ended without an answer (exit code {exitcode})"


def _child_main(
    sender: multiprocessing.connection.Connection,
    parent: int,
    function: Callable[..., Any],
    arguments: dict[str, Any],
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(parent)
    try:
        state, content = "ok", function(**arguments)
    except UserError as error:
        state, content = "user_error", str(error)
    except DivergedError as error:
        state, content = "diverged", str(error)
    except Exception as error:
        state = "out_of_memory" if _is_out_of_memory(error) else "crashed"
        content = f"{type(error).__name__}: {error}".splitlines()[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sender.send_bytes(json.dumps([state, content, peak], allow_nan=False).encode())
    sender.close()


def _is_out_of_memory(error: Exception) -> bool:
    """Whether torch or Python ran out of memory: torch's CPU allocator raises a RuntimeError."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(part in text for part in MEMORY_MESSAGES)
    )
