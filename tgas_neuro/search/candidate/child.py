"""A child process for one candidate: it may fail in any way, and the parent records how.

What happens before the candidate begins says nothing about it: libraries that cannot be imported,
no memory for them, inputs that cannot be read. Nor do a full disk, a lost page of a file and a lost
GPU, at any time. Such a failure of the machine is an error, and no result.
"""

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

from tgas_neuro.runtime.clock import RunningClock
from tgas_neuro.runtime.errors import MachineError, UserError, describe_error
from tgas_neuro.runtime.processes import die_with_parent
from tgas_neuro.search.candidate.causes import is_machines, is_out_of_memory
from tgas_neuro.search.candidate.worker import WarmChild, ask_worker
from tgas_neuro.search.records import State

ATTEMPTS = 3  # a child that was killed from outside gets two more
POLL_SECONDS = 0.1  # between looks at the child's memory and time
PATIENCE = 600.0  # [s] to begin, if search.limits.seconds is less
SLACK = 4  # times search.limits.seconds for one that computes on the CPU and has to wait for it
# a page of a file or of shared memory is lost; no such instruction; the shell's limit (ulimit -t)
MACHINES_SIGNALS = (signal.SIGBUS, signal.SIGILL, signal.SIGXCPU)

ChildState = State | Literal["user_error", "killed", "machine", "killed_by_machine"]
Begin = Callable[[int | None], None]


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
        Time in which the last one could run [s].
    peak_memory_mb
        Peak resident memory of the last one [MB].
    """

    state: State
    value: Any
    message: str
    attempts: int
    seconds: float
    peak_memory_mb: float


# From a function, its arguments, and the limits of memory [MB] and time [s].
Call = Callable[[Callable[..., Any], dict[str, Any], float | None, float | None], Outcome]


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
        A function of a module that returns JSON content. Its first argument is `begin`, which it
        calls once, when all that it needs is imported and open: what happens from there on is the
        candidate's. `begin` takes the number of threads that will compute, or None for a GPU.
    arguments
        Its other arguments, by keyword.
    memory_mb
        Resident memory [MB] beyond which the child is ended as ``out_of_memory``.
    seconds
        Time [s] from `begin` on, beyond which it is ended as ``timeout``: CPU time divided by the
        threads, and `SLACK` times as much of the time in which it could run (see `RunningClock`).
        With a GPU, the time in which it could run.

    Returns
    -------
    outcome
        A child that was killed by a signal is tried again, `ATTEMPTS` times in all, before the
        state is ``crashed``. An exception is deterministic and is not tried again.

    Raises
    ------
    MachineError
        The child ended before it began, or of a disk, a library or memory that was lost.
    UserError
        The function raised it: a mistake of the user, not of the candidate.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            state, content, elapsed, peak = _run_once(function, arguments, memory_mb, seconds)
        except OSError as error:
            raise MachineError(f"no process can be started ({describe_error(error)})") from None
        if state == "user_error":
            raise UserError(content)
        if state == "machine":
            raise MachineError(content)
        if state == "ok":
            return Outcome("ok", content, "", attempt, elapsed, peak)
        if state != "killed" and state != "killed_by_machine":
            return Outcome(state, None, content, attempt, elapsed, peak)
    message = f"{content} in each of {ATTEMPTS} attempts"
    if state == "killed_by_machine":
        raise MachineError(message)
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
    sys.stdout.flush()
    sys.stderr.flush()
    child: WarmChild | BaseProcess | None = None
    try:
        child = ask_worker(_child_main, sender, function, arguments)
        if child is None:
            child = _fork(context, sender, function, arguments)
        sender.close()
        clock = RunningClock(child.pid or 0, POLL_SECONDS)
        state, content, peak = _wait(child, clock, receiver, memory_mb, seconds)
        clock.look()
    finally:
        if child is not None:
            child.kill()
            child.join()
        receiver.close()
    return state, content, clock.seconds, peak


def _fork(
    context: ForkContext | SpawnContext,
    sender: Connection,
    function: Callable[..., Any],
    arguments: dict[str, Any],
) -> BaseProcess:
    child = context.Process(target=_child_main, args=(sender, os.getpid(), function, arguments))
    child.start()
    return child


def _wait(
    child: WarmChild | BaseProcess,
    clock: RunningClock,
    receiver: Connection,
    memory_mb: float | None,
    seconds: float | None,
) -> tuple[ChildState, Any, float]:
    """Wait for the child's answer, its end, or its breach of a limit."""
    peak, limits = 0.0, _TimeLimit(clock, seconds)
    while True:
        if receiver.poll(POLL_SECONDS):
            try:
                state, content, used = json.loads(receiver.recv_bytes())
            except (EOFError, OSError):  # the end, also in the middle of an answer
                child.join()
                return *_read_end(child.exitcode, limits.began), peak
            if state != "began":
                return state, content, used
            limits.begin(content)
        clock.look()
        peak = max(peak, clock.measure_memory())
        if not limits.began and receiver.poll():
            continue  # it begins just now
        if memory_mb is not None and peak > memory_mb:
            limit = f"search.limits.memory_mb is {memory_mb:g}"
            if not limits.began:
                message = f"used {peak:.0f} MB before the candidate began; {limit}; raise it"
                return "user_error", message, peak
            return "out_of_memory", f"used {peak:.0f} MB, {limit}", peak
        breach = limits.find_breach()
        if breach:
            return "timeout" if limits.began else "machine", breach, peak


class _TimeLimit:
    """``search.limits.seconds`` of a child, from the moment on at which it begins."""

    def __init__(self, clock: RunningClock, seconds: float | None):
        self.clock, self.seconds = clock, seconds
        self.began, self.start = False, 0.0

    def begin(self, content: dict[str, Any]) -> None:
        self.began, self.start = True, self.clock.seconds
        self.threads, self.cpu_before = content["threads"], content["cpu"]

    def find_breach(self) -> str | None:
        """The limit that was passed, in words."""
        if self.seconds is None:
            return None
        limit = f"search.limits.seconds, {self.seconds:g} s"
        used = self.clock.seconds - self.start
        if not self.began:
            most = max(self.seconds, PATIENCE)
            return f"the candidate did not begin within {most:g} s" if used > most else None
        if self.threads is None:
            return f"took longer than {limit}" if used > self.seconds else None
        if (self.clock.measure_cpu() - self.cpu_before) / self.threads > self.seconds:
            return f"took longer than {limit}"
        return f"took longer than {SLACK} times {limit}" if used > SLACK * self.seconds else None


def _read_end(exitcode: int | None, began: bool) -> tuple[ChildState, str]:
    """State and message of a child that ended without an answer."""
    text = f"ended without an answer (exit code {exitcode})"
    if exitcode is not None and exitcode < 0:
        text = f"killed by signal {signal.Signals(-exitcode).name}"
    if not began:
        return "killed_by_machine", f"{text} before the candidate began"
    machines = exitcode is not None and -exitcode in MACHINES_SIGNALS
    return "killed_by_machine" if machines else "killed", text


def _child_main(
    sender: Connection,
    parent: int,
    function: Callable[..., Any],
    arguments: dict[str, Any],
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends this process
    die_with_parent(parent)
    began = False

    def send(state: str, content: Any) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sender.send_bytes(json.dumps([state, content, peak], allow_nan=False).encode())

    def begin(threads: int | None) -> None:
        nonlocal began
        began = True
        send("began", {"threads": threads, "cpu": time.process_time()})

    state: ChildState
    try:
        state, content = "ok", function(begin, **arguments)
    except UserError as error:
        state, content = "user_error", str(error)
    except DivergedError as error:
        state, content = "diverged", str(error)
    except Exception as error:
        content = describe_error(error)
        if not began:
            state, content = "machine", f"{content}, before the candidate began"
        elif is_machines(error):
            state = "machine"
        else:
            state = "out_of_memory" if is_out_of_memory(error) else "crashed"
    send(state, content)
    sender.close()
