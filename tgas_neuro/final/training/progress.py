"""A note of how far an epoch is, for those who wait for it (docs/terminal.md)."""

import time
from pathlib import Path

from tgas_neuro.runtime.files import write_json

INTERVAL = 5.0  # [s] between notes


class ProgressNote:
    """The file ``progress.json``; short epochs leave none.

    Parameters
    ----------
    path
        Of the file. None writes nothing, as in all processes but the first.
    """

    def __init__(self, path: Path | None):
        self._path = path
        self._written, self._epoch = time.monotonic(), -1
        self._begun = {"epoch": -1, "step": 0, "seconds": 0.0}

    def note(self, epoch: int, step: int, steps: int, seconds: float) -> None:
        """Note it if the last note is old, or if this is the last step of an epoch that has one.

        ``each`` in it is the mean time of a step [s], but for the first that this process took of
        the epoch.

        Parameters
        ----------
        epoch
            Finished ones.
        step, steps
            Finished steps of the next epoch, of how many.
        seconds
            How long they took [s].
        """
        now = time.monotonic()
        if self._begun["epoch"] != epoch:  # the first step waits for images and more
            self._begun = {"epoch": epoch, "step": step, "seconds": seconds}
            return
        last = step == steps and self._epoch == epoch
        if self._path is None or not (last or now - self._written >= INTERVAL):
            return
        self._written, self._epoch = now, epoch
        each = (seconds - self._begun["seconds"]) / (step - self._begun["step"])
        content = {"epoch": epoch, "step": step, "steps": steps, "seconds": seconds, "each": each}
        write_json(self._path, content)
