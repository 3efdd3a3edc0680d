"""A training that is told to end: it finishes its step, writes a checkpoint, and says so."""

import contextlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class PreemptedError(SystemExit):
    """The training was ended from outside and can go on later.

    Ends the process with 128 + the signal's number, 143 for SIGTERM, as shells and SLURM know it.
    """

    def __init__(self, signum: int):
        super().__init__(128 + signum)


class StopRequest:
    """Whether SIGTERM or SIGUSR1 has come, and which.

    Attributes
    ----------
    signum
        Number of the signal; 0 when none has come.
    """

    def __init__(self):
        self.signum = 0

    def note(self, signum: int, frame: object = None) -> None:
        """Remember the signal: a handler."""
        self.signum = int(signum)

    def raise_if_requested(self) -> None:
        """Raise `PreemptedError` if a signal has come: where nothing new has to be kept."""
        if self.signum:
            raise PreemptedError(self.signum)


@contextmanager
def noting_signals() -> Iterator[StopRequest]:
    """Within it, `SIGNALS` are noted instead of ending the process; then as before.

    Only the main thread can do so; in another one nothing is ever noted.
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
