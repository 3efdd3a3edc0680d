"""The yardstick of gpu_check.py: the same trainings as plain eager loops, and how they take turns.

The same network, batch and optimiser, in NCHW and float32, with torch's SGD as it comes.
"""

import copy
import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import numpy as np
import torch
from gpu_check_inputs import LEARNING_RATE, SEED, Inputs
from torch import nn

from tgas_neuro.images.augmentation import augment_batch
from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.runtime.devices import measure_peak_memory

Run = Callable[[], tuple[int, float]]  # images and seconds of one training


def take_turns(rounds: int, ours: Run, plain: Run, device: torch.device) -> dict[str, Any]:
    """Train in turn, after one run each that is not counted.

    Returns
    -------
    dict
        Medians of images a second, their ratio, all rounds, and the peak memory of each [MB]: of
        the GPU, or of this process so far.
    """
    speeds: dict[str, list[float]] = {"tgas-neuro": [], "plain": []}
    peaks: dict[str, float] = {}
    for number in range(rounds + 1):
        for name, run in zip(speeds, (ours, plain), strict=True):
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            images, seconds = run()
            peaks[name] = measure_peak_memory(device)
            if number:
                speeds[name].append(images / seconds)
    medians = {name: median(found) for name, found in speeds.items()}
    ratio = medians["tgas-neuro"] / medians["plain"]
    return {
        "images_per_second": medians,
        "ratio": ratio,
        "rounds": speeds,
        "training_peak_memory_mb": peaks,
    }


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def build_plain_candidate(inputs: Inputs, device: torch.device) -> Run:
    """As many steps as `train_candidate` takes with one image held back."""
    network, batch = inputs.build_network(), inputs.case.batch
    steps = max(1, round(inputs.premature.epochs * (len(inputs.labels) - 1) / batch))

    def draw_batches() -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        generator = np.random.default_rng(SEED)
        for _ in range(steps):
            chosen = np.sort(generator.choice(len(inputs.labels), batch, replace=False))
            x = augment_batch(load_batch(inputs.pixels, chosen, device), generator)
            yield x, torch.from_numpy(inputs.labels[chosen]).to(device)

    return lambda: _train(network, draw_batches(), device)


def build_plain_final(
    inputs: Inputs, network: nn.Module, augmentation: str, device: torch.device
) -> Run:
    """One epoch without drop path; `network` returns logits and those of its auxiliary head."""
    listing = load_image_folder(inputs.images / "train", "training", "data")
    images = FolderImages(listing, inputs.case.size, augmentation, SEED)
    order = np.random.default_rng(SEED).permutation(len(images))
    batches = order[: len(order) // inputs.case.batch * inputs.case.batch]
    dealt = batches.reshape(-1, inputs.case.batch).tolist()
    return lambda: _train(network, iterate_batches(images, dealt, device, 0, 0), device)


def _train(
    network: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]], device: torch.device
) -> tuple[int, float]:
    network, seen = copy.deepcopy(network).to(device).train(), 0
    optimizer = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    synchronize(device)
    start = time.perf_counter()
    for x, target in batches:
        outputs = network(x.contiguous())
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = sum(nn.functional.cross_entropy(logits, target) for logits in outputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += len(target)
    synchronize(device)
    return seen, time.perf_counter() - start
