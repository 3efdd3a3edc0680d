"""Cells trained short and long: what early accuracies and teachers are to predict.

Each cell is drawn at random, trained on the training split but for its held-back tenth with a
constant learning rate, kept at a few early steps, and trained on; in the last fifth the rate falls
to zero, so that the long accuracy says what the cell can do and not where the noise of a constant
rate left it. One folder a cell, one file when it is done: stop and start as you like.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import SPACES, calc_complexity
from tgas_neuro.images.augmentation import augment_batch
from tgas_neuro.images.decoded import load_decoded
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.runtime.devices import keep_freed_memory
from tgas_neuro.runtime.files import write_json, written_whole
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.search.candidate.training import (
    build_sgd,
    draw_held_back,
    measure_accuracy,
)

SETTINGS = {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 1e-4}
FALLING = 0.2  # share of the long training in which the learning rate falls


@dataclass(frozen=True)
class Form:
    """How cells are trained; part of the benchmark's result.

    Attributes
    ----------
    filters, cells_per_stage, stages, image_size
        Of the skeleton.
    batch_size
        Images of a step.
    early
        Steps after which the network is kept and P is measured.
    long
        Steps in all.
    seed
        Of the cells, their weights and the order of images.
    """

    filters: int = 8
    cells_per_stage: int = 1
    stages: int = 3
    image_size: int = 32
    batch_size: int = 64
    early: tuple[int, ...] = (0, 15, 30, 62, 125, 250, 400)
    long: int = 1200
    seed: int = 0

    def build_skeleton(self, n_classes: int) -> Skeleton:
        """The skeleton of all cells."""
        return Skeleton(self.filters, self.cells_per_stage, self.stages, n_classes, self.image_size)


def draw_cells(number: int, seed: int) -> list[Genotype]:
    """So many different cells of five blocks; more of them begin with the same ones."""
    rng, space = derive_generator(seed, "cells"), SPACES["cell"](blocks=5)
    found: dict[str, Genotype] = {}
    while len(found) < number:
        genotype = space.sample(rng)
        found.setdefault(genotype.hash, genotype.canonical())
    return list(found.values())


def train_cell(
    genotype: Genotype,
    form: Form,
    images: Path,
    folder: Path,
    known: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Train one cell short and long.

    Parameters
    ----------
    genotype
        The cell.
    images
        Folder with the decoded splits ``train`` and ``val``.
    folder
        Receives ``step_<n>.pt``, the weights after so many steps, and at last ``cell.json``.
    known
        ``long`` of an earlier training of this cell in this form; it is taken over, and the
        training ends with the last early step.

    Returns
    -------
    content
        Of ``cell.json``: ``early`` (step to accuracy and loss on the held-back images), ``long``
        (accuracy and loss on the held-back images and on the validation split), complexity.
    """
    keep_freed_memory()
    pixels, labels, classes = load_decoded(images / "train")
    held_back = draw_held_back(labels, 0.1, derive_generator(form.seed, "held back"))
    skeleton = form.build_skeleton(len(classes))
    network = build_network(
        genotype,
        skeleton,
        torch.Generator().manual_seed(derive_seed(form.seed, "weights", genotype.hash)),
    ).to(memory_format=torch.channels_last)
    batches = _draw_batches(
        np.flatnonzero(~held_back), form, derive_generator(form.seed, "training", genotype.hash)
    )
    chosen, device = np.flatnonzero(held_back), torch.device("cpu")
    early = {}
    for step in _train(network, pixels, labels, batches, form):
        if step in form.early:
            with written_whole(folder / f"step_{step}.pt") as beside:
                torch.save(network.state_dict(), beside)
            accuracy, loss = measure_accuracy(network, pixels, labels, chosen, device)
            early[str(step)] = {"accuracy": accuracy, "loss": loss}
            network.train()
        if known is not None and step == max(form.early):
            break
    content = {
        "hash": genotype.hash,
        "genotype": genotype.to_json(),
        "form": asdict(form),
        "early": early,
        "long": known or _measure(network, (pixels, labels), chosen, images / "val"),
        "complexity": asdict(calc_complexity(genotype, skeleton)),
    }
    write_json(folder / "cell.json", content)
    return content


def _measure(
    network: nn.Module, train: tuple[np.ndarray, np.ndarray], chosen: np.ndarray, val: Path
) -> dict[str, Any]:
    """Accuracy and loss on the chosen training images and on the validation split in a folder."""
    device = torch.device("cpu")
    found = {"held_back": measure_accuracy(network, *train, chosen, device)}
    pixels, labels, _ = load_decoded(val)
    found["val"] = measure_accuracy(network, pixels, labels, np.arange(len(labels)), device)
    return {name: {"accuracy": accuracy, "loss": loss} for name, (accuracy, loss) in found.items()}


def _train(
    network: nn.Module,
    pixels: np.ndarray,
    labels: np.ndarray,
    batches: Iterator[tuple[np.ndarray, np.random.Generator]],
    form: Form,
) -> Iterator[int]:
    """Train; yields 0, then the number of steps after each of them."""
    optimizer = build_sgd(network, **SETTINGS)
    falling = round(form.long * FALLING)
    device = torch.device("cpu")
    network.train()
    yield 0
    for step, (batch, generator) in enumerate(batches, start=1):
        rate = SETTINGS["learning_rate"] * min(1.0, (form.long - step + 1) / falling)
        for group in optimizer.param_groups:
            group["lr"] = rate
        x = augment_batch(load_batch(pixels, batch, device), generator)
        loss = nn.functional.cross_entropy(network(x), torch.from_numpy(labels[batch]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        yield step


def _draw_batches(
    train: np.ndarray, form: Form, generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.random.Generator]]:
    order = np.empty(0, dtype=np.int64)
    for _ in range(form.long):
        if len(order) < form.batch_size:
            order = np.concatenate([order, generator.permutation(train)])
        batch, order = order[: form.batch_size], order[form.batch_size :]
        yield np.sort(batch), generator
