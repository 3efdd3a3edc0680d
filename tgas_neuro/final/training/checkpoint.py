"""Checkpoints of the final training: one file, whole or not at all, only for the run it is of."""

import os
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.runtime.files import written_whole

# What torch.load raises on files that are not whole, or not checkpoints.
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
class Checkpoint:
    """A training after a number of whole steps.

    No state of a random generator has to be kept: order, augmentation and dropped paths come from
    generators that are derived from (seed, epoch, sample).

    Attributes
    ----------
    identity
        Digest of everything that the numbers depend on; a checkpoint of another is not used.
    epoch, step
        Whole epochs done, and steps done of the next one. When all of them are done, but not yet
        the epoch's validation, `step` is their number.
    model, optimizer
        Their state dicts.
    ema
        State of the moving average, or None.
    sums
        Of the epoch that is not yet done: ``loss`` (sum over its images) and ``seconds``.
    log
        One dict per epoch done.
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
    """Write `checkpoint` to `path`; whatever was there stays until the new one is whole."""
    _save(path, dict(vars(checkpoint)))


def load_checkpoint(path: str | Path, identity: str) -> tuple[Checkpoint | None, str | None]:
    """The checkpoint of this run, if there is a usable one, and a line for the user if not.

    Parameters
    ----------
    path
        Read with ``weights_only=True``: no pickled object is ever built.
    identity
        What the checkpoint must be of.

    Returns
    -------
    checkpoint, remark
        ``(None, None)`` without a file; ``(None, why)`` if there is one that is not used.
    """
    path = Path(path)
    if not path.is_file():
        return None, None
    try:
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


def _name_kept(path: Path, checkpoint: Checkpoint) -> Path:
    """Where a checkpoint of something else is kept when a training begins in its place."""
    return path.with_name(f"{path.stem}-{checkpoint.identity[:8]}{path.suffix}")


def keep_foreign(path: str | Path, identity: str) -> None:
    """Move a checkpoint of something else out of the way: days of a GPU may lie in it."""
    path = Path(path)
    try:
        checkpoint = _read(path, mmap=True)  # of gigabytes, the identity alone is wanted
    except (FileNotFoundError, *UNREADABLE):
        return
    if checkpoint.identity != identity:
        path.replace(_name_kept(path, checkpoint))


def write_weights(path: str | Path, model: dict[str, torch.Tensor]) -> None:
    """Write the trained weights alone (a state dict on the CPU) to `path`, whole."""
    _save(path, {name: value.cpu() for name, value in model.items()})


def write_best(path: str | Path, epoch: int, top1: float, model: dict[str, torch.Tensor]) -> None:
    """Write the weights of the epoch that did best on the validation images, and what it reached.

    They are chosen by the images that they are measured on, so that `top1` is an optimistic
    estimate; the file says so under ``chosen_on``.
    """
    content = {"epoch": epoch, "top1": top1, "chosen_on": "validation images"}
    _save(path, content | {"model": {name: value.cpu() for name, value in model.items()}})


def _read(path: Path, mmap: bool = False) -> Checkpoint:
    return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True, mmap=mmap))


def remove_fragments(folder: Path) -> None:
    """Remove what a killed process left half written beside the files of `folder`."""
    for fragment in folder.glob(".*.part"):
        fragment.unlink(missing_ok=True)


def _save(path: str | Path, content: dict[str, Any]) -> None:
    """Write beside, have the disk keep it, rename: whole also when the machine loses power."""
    with written_whole(path) as beside, beside.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
