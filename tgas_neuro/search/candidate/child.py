"""A child process for one candidate: it may fail in any way, and the parent records how."""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, Literal

import psutil

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import die_with_parent
from tgas_neuro.search.records import State

ATTEMPTS = 3  # a child that was killed from outside gets two more
POLL_SECONDS = 0.1  # between looks at the child's memory and time
MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "not enough memory")

ChildState = State | Literal["user_error", "killed"]


class DivergedError(Exception):
    """A number of a candidate's training is not finite."""


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    Attributes
    ----------
    state
        ``ok``, ``diverged``, ``out_of_memory``, ``timeout`` or ``crashed`` after a child; a
        candidate that needs none may be ``duplicate`` or ``oversized``.
    value
        What the function returned; None unless ``ok``.
    message
        The reason; empty when ``ok``.
    attempts
        Number of children that were started.
    seconds
        Time of the last one [s].
    peak_memory_mb
        Peak resident memory of the last one [MB].
    """

    state: State
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
    """Run a function in its own process, which dies with this one.

    The parent need not import torch. A child that is forked before pays for one import of torch
    and nothing else.

    Parameters
    ----------
    function
        A function of a module that returns JSON content.
    arguments
        Its keyword arguments.
    memory_mb
        Resident memory [MB] beyond which the child is ended as ``out_of_memory``.
    seconds
        Time [s] beyond which it is ended as ``timeout``.

    Returns
    -------
    outcome
        A child that was killed by a signal is tried again, `ATTEMPTS` times in all, before the
        state is ``crashed``. An exception is deterministic and is not tried again.

    Raises
    ------
    UserError
        The function raised it: a mistake of the user, not of the candidate.
    """
    for attempt in range(1, ATTEMPTS + 1):
        state, content, elapsed, peak = _run_once(function, arguments, memory_mb, seconds)
        if state == "user_error":
            raise UserError(content)
        if state == "ok":
            return Outcome("ok", content, "", attempt, elapsed, peak)
        if state != "killed":
            return Outcome(state, None, content, attempt, elapsed, peak)
    message = f"{content} in each of {ATTEMPTS} attempts"
    return Outcome("crashed", None, message, ATTEMPTS, elapsed, peak)


def _run_once(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    memory_mb: float | None,
    seconds: float | None,
) -> tuple[ChildState, Any, float, float]:
    """State, content, time [s] and peak memory [MB] of one child."""
    context: ForkContext | SpawnContext
    context = ForkContext() if sys.platform == "linux" else SpawnContext()
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
    child: BaseProcess,
    receiver: Connection,
    start: float,
    memory_mb: float | None,
    seconds: float | None,
) -> tuple[ChildState, Any, float]:
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


def _measure_memory(pid: int | None) -> float:
    """Resident memory [MB]; 0 when the process has just ended."""
    try:
        return psutil.Process(pid).memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


def _describe_end(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"killed by signal {signal.Signals(-exitcode).name}"
    return f"ended without an answer (exit code {exitcode})"


def _child_main(
    sender: Connection,
    parent: int,
    function: Callable[..., Any],
    arguments: dict[str, Any],
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(parent)
    state: ChildState
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
