"""One cell: P and its similarity with all teachers along the training, and what it reaches."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.architecture.network import GenotypeNetwork, build_network
from tgas_neuro.architecture.skeleton import Skeleton, build_skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.config.experiments import MatureTraining, Training
from tgas_neuro.experiments.table import BETWEEN
from tgas_neuro.images.augmentation import augment_batch
from tgas_neuro.images.decoded import load_decoded
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.search.candidate.child import DivergedError
from tgas_neuro.search.candidate.evaluation import move_to, set_up_torch
from tgas_neuro.search.candidate.training import (
    build_sgd,
    draw_held_back,
    measure_accuracy,
    take_step,
    train_candidate,
)
from tgas_neuro.teacher.teacher import Teacher

Report = Callable[[str], None]


def join_teachers(teachers: Mapping[str, Teacher], joined: Sequence[Teacher] = ()) -> Teacher:
    """One teacher with the regions of all, so that regions on the same stimuli share a pass.

    Those of teachers that were `joined` before follow.
    """
    regions = {
        f"{key}{BETWEEN}{name}": region
        for key, teacher in teachers.items()
        for name, region in teacher.regions.items()
    }
    provenance: dict[str, Any] = {key: one.provenance for key, one in teachers.items()}
    for other in joined:
        regions |= other.regions
        provenance |= other.provenance
    return Teacher(regions, provenance)


def describe_sites(teacher: Teacher) -> dict[str, dict[str, float | None]]:
    """Region to the number of its sites before and after unreliable ones were left out.

    ``ceiling`` is there also if similarities are not corrected by it; None if there is none.
    """

    def take(region: xr.Dataset, key: str, digits: int = 0) -> float | None:
        value = float(region.attrs.get(key, math.nan))
        return round(value, digits) if math.isfinite(value) else None

    return {
        name: {
            "recorded": take(region, "n_sites_measured"),
            "sites": take(region, "n_sites"),
            "ceiling": take(region, "ceiling", 6),
        }
        for name, region in teacher.regions.items()
    }


def measure_cell(
    genotype: Genotype,
    repetition: int,
    training: Training,
    images: Path,
    teacher: Teacher,
    ranks: Path,
    known: Collection[int] = (),
    report: Report = lambda line: None,
) -> dict[str, Any]:
    """Train a cell as a candidate is trained, and measure it on the way.

    The first repetition has the weights, batches and held-back images of a candidate of a search
    with the same seed. Others have weights and batches of their own, and the same held-back images.

    Parameters
    ----------
    genotype
        The cell.
    repetition
        From 0.
    training
        How it is trained and when it is measured.
    images
        Folder with the decoded split ``train``.
    teacher, ranks
        Of all teachers (see `join_teachers`), and its ranks.
    known
        Steps whose similarities are known from an earlier sitting. Only P is measured there.
    report
        Receives a line for each measurement.

    Returns
    -------
    record
        ``complexity``, ``teachers`` (see `describe_sites`), and ``steps``: number of steps, as
        text, to ``P``, ``loss`` and ``regions``, those of `score_network` (none at `known` steps).
        ``state`` is ``ok``, or ``diverged`` with a ``message``; then the steps before are kept.
    """
    set_up_torch(training.premature.threads)
    device = choose_device(training.premature.device, "premature.device", claim=True)
    seed = _derive_repetition(training.seed, repetition)
    pixels, labels, classes = load_decoded(images / "train")
    rng = derive_generator(training.seed, "held back")
    held_back = draw_held_back(labels, training.premature.held_back, rng)
    skeleton = build_skeleton(training.premature, len(classes))
    network = _build(genotype, skeleton, seed, device)
    found: dict[str, Any] = {}

    def measure(step: int) -> None:
        network.eval()
        chosen = np.flatnonzero(held_back)
        P, loss = measure_accuracy(network, pixels, labels, chosen, device)
        regions = (
            {}
            if step in known
            else score_network(
                network,
                network.layers(),
                teacher,
                ranks,
                device,
                training.seed,
                **training.scoring.model_dump(),
            )["regions"]
        )
        found[str(step)] = {"P": P, "loss": loss, "regions": regions}
        report(f"{step} steps: P {P:.3f}")

    n_train = int((~held_back).sum())
    per_epoch = n_train / min(training.premature.batch_size, n_train)
    last = training.steps[-1]
    rungs = {step / per_epoch: step for step in training.steps if 0 < step < last}

    def at_rung(rung: float) -> bool:
        measure(rungs[rung])
        return True

    state, message = "ok", ""
    try:
        if training.steps[0] == 0:
            measure(0)
        train_candidate(
            network,
            pixels,
            labels,
            held_back,
            training.premature.model_copy(update={"epochs": last / per_epoch}),
            derive_generator(seed, "training", genotype.hash),
            device,
            list(rungs),
            at_rung,
        )
        measure(last)
    except DivergedError as error:
        state, message = "diverged", str(error)
    return {
        "hash": genotype.hash,
        "genotype": genotype.to_json(),
        "repetition": repetition,
        "state": state,
        "message": message,
        "complexity": asdict(calc_complexity(genotype, skeleton)),
        "teachers": describe_sites(teacher),
        "steps": found,
    }


def train_mature(
    genotype: Genotype,
    training: Training,
    mature: MatureTraining,
    images: Path,
    report: Report = lambda line: None,
) -> float | None:
    """Train a cell longer; its accuracy in [0, 1] on the validation split, None if it diverges.

    All training images are used, the held-back ones as well. The learning rate is constant, and
    falls linearly to 0 over the last share of the steps.
    """
    premature = training.premature
    set_up_torch(premature.threads)
    device = choose_device(premature.device, "premature.device", claim=True)
    pixels, labels, classes = load_decoded(images / "train")
    skeleton = build_skeleton(premature, len(classes))
    network = _build(genotype, skeleton, training.seed, device).train()
    optimizer = build_sgd(
        network, premature.learning_rate, premature.momentum, premature.weight_decay
    )
    rng = derive_generator(training.seed, "mature", genotype.hash)
    falling = max(1, round(mature.falling * mature.steps))
    order = np.empty(0, dtype=np.int64)
    batch_size = min(premature.batch_size, len(labels))
    for step in range(mature.steps):
        if len(order) < batch_size:
            order = np.concatenate([order, rng.permutation(len(labels))])
        batch, order = np.sort(order[:batch_size]), order[batch_size:]
        for group in optimizer.param_groups:
            group["lr"] = premature.learning_rate * min(1.0, (mature.steps - step) / falling)
        x = load_batch(pixels, batch, device)
        x = augment_batch(x, rng) if premature.augment else x
        take_step(network, optimizer, x, labels[batch])
    pixels, labels, _ = load_decoded(images / "val")
    try:
        accuracy, _ = measure_accuracy(network, pixels, labels, np.arange(len(labels)), device)
    except DivergedError as error:
        report(f"{mature.steps} steps: diverged ({error})")
        return None
    report(f"{mature.steps} steps: accuracy {accuracy:.3f}")
    return accuracy


def _derive_repetition(seed: int, repetition: int) -> int:
    return seed if repetition == 0 else derive_seed(seed, "repetition", repetition)


def _build(
    genotype: Genotype, skeleton: Skeleton, seed: int, device: torch.device
) -> GenotypeNetwork:
    generator = torch.Generator().manual_seed(derive_seed(seed, "weights", genotype.hash))
    network = build_network(genotype, skeleton, generator)
    move_to(network, device)
    return network
