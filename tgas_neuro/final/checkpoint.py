"""Checkpoints of the final training: one file, whole or not at all, only for the run it is of."""

import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.files import written_whole


@dataclass(frozen=True)
class Checkpoint:
    """A training after a number of whole epochs.

    No state of a random generator has to be kept: the order and the augmentation of an epoch come
    from generators that are derived from (seed, epoch).

    Attributes
    ----------
    identity
        Digest of everything that the numbers depend on; a checkpoint of another is not used.
    epoch
        Epochs done.
    model, optimizer
        Their state dicts.
    log
        One dict per epoch done.
    """

    identity: str
    epoch: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    log: list[dict[str, Any]] = field(default_factory=list)


def write_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`; whatever was there stays until the new one is whole."""
    with written_whole(path) as beside:
        torch.save(dict(vars(checkpoint)), beside)


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
        content = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**content)
    except (
        OSError,
        EOFError,
        RuntimeError,
        TypeError,
        KeyError,
        ValueError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        reason = str(error).split("\n", 1)[0] or type(error).__name__
        return None, f"{path}: not a readable checkpoint ({reason}); starting from the beginning"
    if checkpoint.identity != identity:
        return None, (
            f"{path}: of another configuration, genotype, seed, data or version; "
            "starting from the beginning"
        )
    return checkpoint, None


def write_weights(path: str | Path, model: dict[str, torch.Tensor]) -> None:
    """Write the trained weights alone (a state dict on the CPU) to `path`, whole."""
    with written_whole(path) as beside:
        torch.save({name: value.cpu() for name, value in model.items()}, beside)
