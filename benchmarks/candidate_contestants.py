"""What candidate.py times: training steps of the same network, and whole candidate jobs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CLASSES = 10
LEARNING_RATE = 0.002  # small, so that rounding does not grow from step to step
SETTINGS = {"learning_rate": LEARNING_RATE, "momentum": 0.9, "weight_decay": 1e-4}


def prepare_ours(compiled: bool = False, **case: int) -> Callable[[], dict[str, Any]]:
    """Steps as `train_candidate` makes them."""
    import torch

    from tgas_neuro.images.augmentation import augment_batch
    from tgas_neuro.images.pixels import load_batch
    from tgas_neuro.runtime.devices import keep_freed_memory
    from tgas_neuro.search.candidate.training import _compile, build_sgd

    keep_freed_memory()
    network, images, labels = _build(**case)
    network.to(memory_format=torch.channels_last).train()
    forward = _compile(network, torch.device("cpu")) if compiled else network

    def load(chosen: Any, generator: Any) -> Any:
        return augment_batch(load_batch(images, chosen, torch.device("cpu")), generator)

    return _build_run(forward, build_sgd(network, **SETTINGS), load, labels, case)


def prepare_reference(**case: int) -> Callable[[], dict[str, Any]]:
    """The same steps of the plainly written network: NCHW, float32, torch's SGD."""
    import torch
    from candidate_reference import ReferenceNetwork, copy_weights

    from tgas_neuro.images.augmentation import augment_batch
    from tgas_neuro.images.pixels import load_batch

    network, images, labels = _build(**case)
    reference = ReferenceNetwork(*_choose(**case)).train()
    copy_weights(network, reference)
    decayed = [p for p in reference.parameters() if p.ndim > 1]
    plain = [p for p in reference.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed}, {"params": plain, "weight_decay": 0.0}],
        lr=LEARNING_RATE,
        momentum=SETTINGS["momentum"],
        weight_decay=SETTINGS["weight_decay"],
        nesterov=True,
    )

    def load(chosen: Any, generator: Any) -> Any:
        batch = augment_batch(load_batch(images, chosen, torch.device("cpu")), generator)
        return batch.contiguous()

    return _build_run(reference, optimizer, load, labels, case)


def _choose(filters: int, size: int, **_: int) -> tuple[Any, Any]:
    from tgas_neuro.architecture.cell.published import PNASNET5
    from tgas_neuro.architecture.skeleton import Skeleton

    return PNASNET5, Skeleton(filters, 1, 3, CLASSES, size)


def _build(**case: int) -> tuple[Any, Any, Any]:
    """The package's network and images of random pixels."""
    import numpy as np
    import torch

    from tgas_neuro.architecture.network import build_network

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network = build_network(*_choose(**case), torch.Generator().manual_seed(0))
    generator, size = np.random.default_rng(0), case["size"]
    images = generator.integers(0, 256, (2000, size, size, 3), dtype=np.uint8)
    return network, images, generator.integers(0, CLASSES, len(images))


def _build_run(
    forward: Any, optimizer: Any, load: Callable[..., Any], labels: Any, case: dict[str, int]
) -> Callable[[], dict[str, Any]]:
    import numpy as np
    import torch

    generator = np.random.default_rng(1)

    def run() -> dict[str, Any]:
        losses = []
        for _ in range(case["steps"]):
            chosen = np.sort(generator.choice(len(labels), case["batch"], replace=False))
            x, target = load(chosen, generator), torch.from_numpy(labels[chosen])
            loss = torch.nn.functional.cross_entropy(forward(x), target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return {"losses": losses, "images": case["steps"] * case["batch"]}

    return run


def profile_ours(rows: int = 15, **case: int) -> list[dict[str, Any]]:
    """Operators in which our steps spend their time, on their own, as torch.profiler sees them."""
    from torch.profiler import ProfilerActivity, profile

    run = prepare_ours(**case)
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    averages = sorted(found.key_averages(), key=lambda entry: -entry.self_cpu_time_total)
    total = sum(entry.self_cpu_time_total for entry in averages)
    return [
        {"operator": a.key, "share": a.self_cpu_time_total / total, "calls": a.count}
        for a in averages[:rows]
    ]


def prepare_job(folder: str, candidates: int) -> Callable[[], dict[str, Any]]:
    """A job of so many candidates, from the start of its process to its end."""

    def run() -> dict[str, Any]:
        start = time.time()
        command = [sys.executable, str(HERE / "candidate_job.py"), folder, str(candidates)]
        ended = subprocess.run([*command, repr(start)], capture_output=True, text=True, check=True)
        return {"job": time.time() - start, **json.loads(ended.stdout.splitlines()[-1])}

    return run


CONTESTANTS = {
    "tgas-neuro": prepare_ours,
    "tgas-neuro, compiled": lambda **case: prepare_ours(compiled=True, **case),
    "plain eager, NCHW": prepare_reference,
    "job": prepare_job,
    "profile": lambda **case: lambda: {"operators": profile_ours(**case)},
}
