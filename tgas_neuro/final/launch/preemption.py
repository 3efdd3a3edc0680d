"""A training that is told to end: it finishes its step, writes a checkpoint, and says so."""

import contextlib
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
PARTING = 5.0  # seconds from the loss of another process to the signal that ended that one


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


@contextmanager
def parting_together(request: StopRequest, several: bool) -> Iterator[None]:
    """Within it, the loss of a process that was told to end counts as being told to end.

    All processes of a training get the signal, but not in the same moment: one that ends in the
    middle of a validation leaves the others in a sum that fails, perhaps before they have theirs.

    Parameters
    ----------
    request
        Of this process.
    several
        Whether there are other processes.

    Raises
    ------
    PreemptedError
        Something failed, and the signal had come or came within `PARTING` seconds.
    """
    try:
        yield
    except RuntimeError:  # of which torch.distributed's are
        deadline = time.monotonic() + PARTING
        while several and not request.signum and time.monotonic() < deadline:
            time.sleep(0.05)
        if several:
            request.raise_if_requested()
        raise
