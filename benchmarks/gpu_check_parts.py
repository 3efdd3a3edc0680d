"""The parts of gpu_check.py but the final training: candidate, scoring and RDMs.

A part takes an empty folder, `Inputs` and the device, and returns numbers for the JSON document
with a list of `Check` under ``checks``. gpu_check.py says why the tolerances are as they are.
"""

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_check_inputs import SEED, Inputs, build_teacher, draw_layer
from gpu_check_plain import build_plain_candidate, synchronize, take_turns
from torch import nn

from tgas_neuro.images.pixels import load_batch
from tgas_neuro.rdm.streaming.streaming import compare_features
from tgas_neuro.runtime.devices import autocast, in_whole_float32
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.search.candidate.training import (
    TrainingResult,
    draw_held_back,
    train_candidate,
)

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Check:
    """The difference of a number on the device from that on the CPU, and how large it may be."""

    name: str
    difference: float
    tolerance: float

    @property
    def is_number(self) -> bool:
        """Whether it is finite."""
        return math.isfinite(self.difference)

    @property
    def inside(self) -> bool:
        """Whether the difference is small enough; NaN is not."""
        return self.difference <= self.tolerance


def check_candidate(folder: Path, inputs: Inputs, device: torch.device) -> dict[str, Any]:
    """Train a candidate as a search does."""
    n_images = len(inputs.labels)
    chosen = np.linspace(0, n_images - 1, inputs.case.batch).astype(int)  # of all classes
    exact = [_calc_gradient(inputs, chosen, where, False) for where in (CPU, device)]
    trained = _calc_gradient(inputs, chosen, device, True)
    held_back = draw_held_back(inputs.labels, 0.25, np.random.default_rng(SEED))
    cpu, found = (_train(inputs, held_back, where).loss for where in (CPU, device))
    return {
        "checks": [
            Check("candidate: gradient in float32", _compare_lengths(exact[1], exact[0]), 0.03),
            Check("candidate: gradient as trained", _compare_lengths(trained, exact[0]), 0.6),
            Check("candidate: loss after the training", abs(found - cpu), 0.06),
        ],
        "loss": {"cpu": cpu, "device": found},
        **take_turns(
            inputs.case.rounds,
            lambda: _time_training(inputs, device),
            build_plain_candidate(inputs, device),
            device,
        ),
    }


def _calc_gradient(
    inputs: Inputs, chosen: np.ndarray, device: torch.device, as_trained: bool
) -> torch.Tensor:
    """Gradient of the loss of one batch by all weights, (weight,), float64, on the CPU."""
    network = inputs.build_network().to(device).to(memory_format=torch.channels_last)
    target = torch.from_numpy(inputs.labels[chosen]).to(device)
    with in_whole_float32(), autocast(device) if as_trained else nullcontext():
        logits = network(load_batch(inputs.pixels, chosen, device))
        nn.functional.cross_entropy(logits, target).backward()
    return torch.cat([weight.grad.flatten().double().cpu() for weight in network.parameters()])


def _compare_lengths(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(found - expected) / torch.linalg.vector_norm(expected))


def _train(inputs: Inputs, held_back: np.ndarray, device: torch.device) -> TrainingResult:
    generator = np.random.default_rng(SEED)
    return train_candidate(
        inputs.build_network(),
        inputs.pixels,
        inputs.labels,
        held_back,
        inputs.premature,
        generator,
        device,
    )


def _time_training(inputs: Inputs, device: torch.device) -> tuple[int, float]:
    """Images of a training and its seconds; P, which is not to be timed, is of one image."""
    held_back = np.arange(len(inputs.labels)) == 0
    synchronize(device)
    start = time.perf_counter()
    seen = _train(inputs, held_back, device).images_seen
    synchronize(device)
    return seen, time.perf_counter() - start


def check_scoring(folder: Path, inputs: Inputs, device: torch.device) -> dict[str, Any]:
    """Score the layers of a fresh network against V4 and IT."""
    teacher, found, seconds = build_teacher(inputs.case), {}, {}
    for name, where in (("cpu", CPU), ("device", device)):
        network = inputs.build_network().to(where).to(memory_format=torch.channels_last).eval()
        start = time.perf_counter()
        score = score_network(network, network.layers(), teacher, None, where, SEED)
        seconds[name] = time.perf_counter() - start
        found[name] = [
            value
            for region in score["regions"].values()
            for layer in region["layers"].values()
            for value in (layer or {"all": np.nan}).values()
        ]
    differences = np.abs(np.subtract(found["device"], found["cpu"]))
    return {
        "checks": [Check("scoring: similarity of layers", float(differences.max()), 1e-4)],
        "similarities": len(differences),
        "seconds": seconds,
    }


def check_rsa(folder: Path, inputs: Inputs, device: torch.device) -> dict[str, Any]:
    """Compare the RDM of one wide layer with those of two regions, in several sizes."""
    checks, seconds = [], {}
    for n_rows, n_units in inputs.case.features:
        name = f"{n_rows} x {n_units}"
        features, ranked = draw_layer(folder / name, n_rows, n_units)
        values, seconds[name] = {}, {}
        for place, where in (("cpu", CPU), ("device", device)):
            there = features.to(where)
            compare_features(there, ranked)
            synchronize(where)
            start = time.perf_counter()
            similarities = compare_features(there, ranked)
            seconds[name][place] = time.perf_counter() - start
            values[place] = [r for region in similarities.values() for r in region.values()]
        difference = float(np.abs(np.subtract(values["device"], values["cpu"])).max())
        checks.append(Check(f"rsa: similarity, {name}", difference, 1e-5))
    return {"checks": checks, "seconds": seconds}
