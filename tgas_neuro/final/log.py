"""The log of the final training: a line of numbers an epoch, and a line of text for the user."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tgas_neuro.files import written_whole


@dataclass(frozen=True)
class LogEntry:
    """One epoch.

    Attributes
    ----------
    epoch
        Counted from 1.
    learning_rate
        Of its last step.
    train_loss
        Mean over its images [nat], with label smoothing and augmentation.
    images
        Images seen.
    seconds
        Wall-clock time [s].
    """

    epoch: int
    learning_rate: float
    train_loss: float
    images: int
    seconds: float


def write_log(path: str | Path, log: list[LogEntry]) -> None:
    """Write the whole log as CSV, a row per epoch."""
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(LogEntry)])
        writer.writeheader()
        writer.writerows(asdict(entry) for entry in log)


def describe_epoch(log: list[LogEntry], n_epochs: int) -> str:
    """One line about the last epoch of `log`: loss, speed, and the time that is left."""
    last = log[-1]
    left = (n_epochs - last.epoch) * sum(entry.seconds for entry in log) / len(log)
    speed = last.images / max(last.seconds, 1e-9)
    return (
        f"final: epoch {last.epoch}/{n_epochs}  loss {last.train_loss:.3f}  "
        f"{speed:.0f} images/s  {describe_seconds(left)} left"
    )


def describe_seconds(seconds: float) -> str:
    """A duration to read: ``"42 s"``, ``"3 min 20 s"``, ``"5 h 02 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
