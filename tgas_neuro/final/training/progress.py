"""What the user sees while the final training runs: a bar on a terminal, lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


class Progress:
    """A bar over the images of the whole training: images per second and the time that is left.

    Parameters
    ----------
    total, done
        Images of the whole training, and those of earlier processes.
    report
        Called with lines, which go above the bar.
    shown
        Whether there is a bar; only ever on a terminal.
    """

    def __init__(self, total: int, done: int, report: Callable[[str], None], shown: bool):
        self._report = report
        self._bar = tqdm(
            total=total,
            initial=done,
            unit=" images",
            unit_scale=True,
            desc="final",
            dynamic_ncols=True,
            leave=False,
            disable=not (shown and sys.stderr.isatty()),
        )

    def move(self, images: int, loss: float) -> None:
        """A step is done, with so many images and this mean loss [nat]."""
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update(images)

    def report(self, line: str) -> None:
        """One line for the user."""
        with tqdm.external_write_mode(file=sys.stderr):
            self._report(line)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


@contextmanager
def showing_progress(
    total: int, done: int, report: Callable[[str], None], shown: bool
) -> Iterator[Progress]:
    """A `Progress` that is taken away at the end."""
    progress = Progress(total, done, report, shown)
    try:
        yield progress
    finally:
        progress.close()
