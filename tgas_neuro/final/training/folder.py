"""The files that a final training keeps in its folder: checkpoint, weights, log, TensorBoard.

Every file appears whole or not at all.
"""

import csv
import importlib.util
import os
import pickle
import shutil
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.runtime.files import calc_sha256, written_whole
from tgas_neuro.runtime.text import describe_seconds

# Errors of torch.load for files that are incomplete or no checkpoints.
UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    TypeError,
    KeyError,
    ValueError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class LogEntry:
    """The log of one epoch.

    Attributes
    ----------
    epoch
        Counted from 1.
    learning_rate
        Learning rate of the last step.
    train_loss
        Mean over the training images [nat], with label smoothing, augmentation and dropped paths,
        without the auxiliary head's.
    images
        Images trained on.
    seconds
        Wall-clock time of the training [s].
    val_top1, val_top5
        Accuracy on the validation images, in [0, 1]; None when it was not measured.
    val_loss
        Cross-entropy on the validation images [nat], or None.
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


@dataclass(frozen=True)
class Checkpoint:
    """A training after a number of whole steps.

    It needs no state of a random generator: order, augmentation and dropped paths come from
    generators that are derived from (seed, epoch, sample).

    Attributes
    ----------
    identity
        Digest of everything that the numbers depend on; a checkpoint of another run is not used.
    epoch, step
        Finished epochs, and finished steps of the next one. When all of its steps are finished
        but not its validation, `step` is the number of steps of an epoch.
    model, optimizer
        Their state dicts.
    ema
        State dict of the moving average, or None.
    sums
        Sums over the unfinished epoch: ``loss`` (over its images) and ``seconds``.
    log
        The `LogEntry` of each finished epoch, as a dict.
    """

    identity: str
    epoch: int
    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    ema: dict[str, Any] | None = None
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "seconds": 0.0})
    log: list[dict[str, Any]] = field(default_factory=list)


def write_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`; an earlier file stays until the new one is whole."""
    _save(path, dict(vars(checkpoint)), noted=True)


def load_checkpoint(path: str | Path, identity: str) -> tuple[Checkpoint | None, str | None]:
    """Load the checkpoint of this run.

    Parameters
    ----------
    path
        Read with ``weights_only=True``, which builds no pickled object.
    identity
        The identity that the checkpoint must have.

    Returns
    -------
    checkpoint, remark
        ``(None, None)`` without a file; ``(None, why)`` with a line for the user if there is a
        file that is not used.
    """
    path = Path(path)
    if not path.is_file():
        return None, None
    try:
        _check_digest(path)
        checkpoint = _read(path)
    except UNREADABLE as error:
        reason = str(error).split("\n", 1)[0] or type(error).__name__
        return None, f"{path}: not a readable checkpoint ({reason}); starting from the beginning"
    if checkpoint.identity != identity:
        return None, (
            f"{path}: of another configuration, genotype, seed, data, kind of device or version; "
            f"starting from the beginning, and keeping it as {_name_kept(path, checkpoint).name}"
        )
    return checkpoint, None


def keep_foreign(path: str | Path, identity: str) -> None:
    """Rename a checkpoint of another run, which may hold days of computing on a GPU."""
    path = Path(path)
    try:
        checkpoint = _read(path, mmap=True)  # only the identity of gigabytes is needed
    except (FileNotFoundError, *UNREADABLE):
        return
    if checkpoint.identity != identity:
        path.replace(_name_kept(path, checkpoint))


def _name_kept(path: Path, checkpoint: Checkpoint) -> Path:
    """Where the checkpoint of another run is kept."""
    return path.with_name(f"{path.stem}-{checkpoint.identity[:8]}{path.suffix}")


def write_weights(path: str | Path, model: dict[str, torch.Tensor]) -> None:
    """Write the trained weights alone, a state dict on the CPU."""
    _save(path, {name: value.cpu() for name, value in model.items()})


def write_best(path: str | Path, epoch: int, top1: float, model: dict[str, torch.Tensor]) -> None:
    """Write the weights of the epoch with the best validation accuracy, and this accuracy.

    The validation images both choose and measure them, so that `top1` is an optimistic estimate;
    the file says so under ``chosen_on``.
    """
    content = {"epoch": epoch, "top1": top1, "chosen_on": "validation images"}
    _save(path, content | {"model": {name: value.cpu() for name, value in model.items()}})


def _read(path: Path, mmap: bool = False) -> Checkpoint:
    return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True, mmap=mmap))


def _save(path: str | Path, content: dict[str, Any], noted: bool = False) -> None:
    """Write beside, sync to the disk, rename: whole even when the machine loses power.

    Of what is `noted`, the digest is kept in a file beside it.
    """
    with written_whole(path) as beside, beside.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
        if noted:  # before the renaming, so that what the file held is listed as well
            note = _name_note(path)
            listed = note.read_text().split() if note.is_file() else []
            with written_whole(note) as other:
                other.write_text("\n".join([calc_sha256(beside), *listed[:9], ""]))


def _name_note(path: str | Path) -> Path:
    return Path(f"{path}.sha256")


def _check_digest(path: Path) -> None:
    """Raise `ValueError` if a file with a note of its digest holds something else."""
    note = _name_note(path)
    if note.is_file() and calc_sha256(path) not in note.read_text().split():
        raise ValueError("it was changed after it was written")


def remove_fragments(folder: Path) -> None:
    """Remove the unfinished files of a killed process from `folder`."""
    for fragment in folder.glob(".*.part"):
        fragment.unlink(missing_ok=True)


COLUMNS = (*(field.name for field in fields(LogEntry)), "images_per_second")


def write_log(path: str | Path, log: list[LogEntry]) -> None:
    """Write the whole log as CSV, a row per epoch; cells without a value are empty."""
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for entry in log:
            speed = round(entry.images_per_second, 1)
            writer.writerow(asdict(entry) | {"images_per_second": speed})


def describe_epoch(log: list[LogEntry], n_epochs: int) -> str:
    """One line on the last epoch of `log`: loss, accuracy, speed and the remaining time."""
    last = log[-1]
    spent = sum(entry.seconds + entry.val_seconds for entry in log)
    left = (n_epochs - last.epoch) * spent / len(log)
    accuracy = "" if last.val_top1 is None else f"top-1 {last.val_top1:.1%}  "
    return (
        f"final: epoch {last.epoch}/{n_epochs}  loss {last.train_loss:.3f}  {accuracy}"
        f"{last.images_per_second:.0f} images/s  {describe_seconds(left)} left"
    )


# Columns of the log, and the names of their curves in TensorBoard.
CURVES = {
    "train_loss": "loss/train",
    "val_loss": "loss/validation",
    "val_top1": "accuracy/top1",
    "val_top5": "accuracy/top5",
    "learning_rate": "training/learning_rate",
    "images_per_second": "training/images_per_second",
}


class Board:
    """The log as TensorBoard shows it, if the package tensorboard is installed.

    The event files are rewritten at the start: a training that is resumed repeats epochs whose
    points would otherwise stay.

    Parameters
    ----------
    folder
        Folder of the event files; its content is removed. None writes nothing.
    log
        The finished epochs.
    """

    def __init__(self, folder: Path | None, log: list[LogEntry]):
        self._writer: Any = None
        if folder is None:
            return
        shutil.rmtree(folder, ignore_errors=True)
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter  # takes seconds to import

            self._writer = SummaryWriter(str(folder))
            for entry in log:
                self.add(entry)

    def add(self, entry: LogEntry) -> None:
        """Add an epoch."""
        if self._writer is None:
            return
        for column, curve in CURVES.items():
            value = getattr(entry, column)
            if value is not None:
                self._writer.add_scalar(curve, value, entry.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
