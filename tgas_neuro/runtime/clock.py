"""The time in which a process could run, whatever else the machine did."""

import contextlib
import time
from pathlib import Path

import psutil

LONGEST = 1.0  # [s] between two looks at a process, beyond which the one that looks was stopped
STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


class RunningClock:
    """How long a child could run, for a parent that looks at it every `period` seconds.

    Time does not count while the child is stopped (SIGSTOP, Ctrl-Z, a debugger), while it waits
    for a processor (Linux), or while nobody looked: then the parent itself was stopped, or the
    machine was suspended, or the container paused.

    Parameters
    ----------
    pid
        Process id of the child.
    period
        Time between two looks [s].

    Attributes
    ----------
    seconds
        Time in which the child could run, up to the last look [s].
    """

    def __init__(self, pid: int, period: float):
        self.period, self.seconds = period, 0.0
        self._process, self._last = psutil.Process(pid), time.monotonic()
        self._waited = 0.0

    def look(self) -> None:
        """Count the time since the last look."""
        now = time.monotonic()
        step, self._last = now - self._last, now
        before, self._waited = self._waited, self._measure_wait()
        with contextlib.suppress(psutil.Error):  # it has just ended
            if self._process.status() in STOPPED:
                return
        waited = self._waited - before  # the kernel adds a whole wait when it is over
        if step > LONGEST:
            step, waited = self.period, max(waited - step, 0.0)
        self.seconds = max(self.seconds + step - waited, 0.0)

    def _measure_wait(self) -> float:
        """Time that the child could have run and had no processor [s]; 0 where nobody counts."""
        try:
            return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, LookupError, ValueError):
            return self._waited

    def measure_cpu(self) -> float:
        """CPU time of the child so far [s]: all threads, and processes that it has waited for."""
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return 0.0
        return times.user + times.system + times.children_user + times.children_system

    def measure_memory(self) -> float:
        """Resident memory of the child [MB]; 0 when it has just ended."""
        try:
            return self._process.memory_info().rss / 2**20
        except psutil.Error:
            return 0.0
