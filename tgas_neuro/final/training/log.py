"""The log of the final training: a row of numbers an epoch, and a line of text for the user."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tgas_neuro.runtime.files import written_whole


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
        Mean over its images [nat], with label smoothing, augmentation and dropped paths, without
        the auxiliary head's.
    images
        Images trained on.
    seconds
        Wall-clock time of its training [s].
    val_top1, val_top5
        Accuracy on the validation images, in [0, 1]; None when it was not measured.
    val_loss
        Cross-entropy on them [nat], or None.
    val_seconds
        Wall-clock time of the validation [s].
    """

    epoch: int
    learning_rate: float
    train_loss: float
    images: int
    seconds: float
    val_top1: float | None = None
    val_top5: float | None = None
    val_loss: float | None = None
    val_seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        """Speed of the training [1/s]."""
        return self.images / max(self.seconds, 1e-9)


COLUMNS = (*(field.name for field in fields(LogEntry)), "images_per_second")


def write_log(path: str | Path, log: list[LogEntry]) -> None:
    """Write the whole log as CSV, a row per epoch; what was not measured is empty."""
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for entry in log:
            speed = round(entry.images_per_second, 1)
            writer.writerow(asdict(entry) | {"images_per_second": speed})


def describe_epoch(log: list[LogEntry], n_epochs: int) -> str:
    """One line about the last epoch of `log`: loss, accuracy, speed, and the time that is left."""
    last = log[-1]
    spent = sum(entry.seconds + entry.val_seconds for entry in log)
    left = (n_epochs - last.epoch) * spent / len(log)
    accuracy = "" if last.val_top1 is None else f"top-1 {last.val_top1:.1%}  "
    return (
        f"final: epoch {last.epoch}/{n_epochs}  loss {last.train_loss:.3f}  {accuracy}"
        f"{last.images_per_second:.0f} images/s  {describe_seconds(left)} left"
    )


def describe_seconds(seconds: float) -> str:
    """A duration to read: ``"42 s"``, ``"3 min 20 s"``, ``"5 h 02 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
