"""The final training of gpu_check.py, with a break and without."""

import csv
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_check_inputs import CLASSES, LEARNING_RATE, SEED, Inputs
from gpu_check_parts import CPU, Check
from gpu_check_plain import build_plain_final, take_turns
from torch import nn

from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.config.final import Final
from tgas_neuro.final.evaluation.evaluation import evaluate
from tgas_neuro.final.launch.processes import Group, PreemptedError
from tgas_neuro.final.network.network import build_final_network, load_trained
from tgas_neuro.final.network.scaling import find_skeleton
from tgas_neuro.final.training.training import train_final
from tgas_neuro.images.data import FolderImages
from tgas_neuro.images.decoded import Images
from tgas_neuro.images.image_folder import load_image_folder


def check_final(folder: Path, inputs: Inputs, device: torch.device) -> dict[str, Any]:
    """Train at full size: on the CPU, on the device, and there with a break in the second epoch."""
    lines: list[str] = []

    def train(name: str, where: torch.device, epochs: int = 2, stop: bool = False) -> Path:
        settings, splits = _build_settings(inputs, where, epochs)
        group = Group(0, 1, where)

        def report(line: str) -> None:
            lines.append(line)
            if stop and line.startswith("final: epoch 1/"):
                os.kill(os.getpid(), signal.SIGTERM)  # noted; the next step is the last one

        train_final(settings, PNASNET5, splits, folder / name, SEED, report, group=group)
        return folder / name

    def run() -> tuple[int, float]:
        log = _read_log(train(f"epoch-{len(list(folder.iterdir()))}", device, 1))
        return log["images"], log["seconds"]

    cpu, unbroken = train("cpu", CPU), train("unbroken", device)
    try:
        train("broken", device, stop=True)
        raise AssertionError("the training did not stop at SIGTERM")
    except PreemptedError:
        lines.clear()
        resumed = train("broken", device)
    (going_on,) = (line for line in lines if line.startswith("final: going on"))
    weights = [torch.load(one / "weights.pt", weights_only=True) for one in (resumed, unbroken)]
    differences = [
        float((value.double() - weights[1][name].double()).abs().max())
        for name, value in weights[0].items()
    ]
    losses = [_read_log(one)["losses"] for one in (cpu, unbroken)]
    settings, _ = _build_settings(inputs, device, 1)
    skeleton = find_skeleton(settings, PNASNET5, CLASSES)
    generator = torch.Generator().manual_seed(SEED)
    network = build_final_network(PNASNET5, skeleton, settings, generator)
    plain = build_plain_final(inputs, network, settings.augmentation, device)
    trained = load_trained(PNASNET5, skeleton, unbroken / "weights.pt", unbroken)
    on_cpu, found = (_calc_validation_loss(inputs, trained, where) for where in (CPU, device))
    return {
        "checks": [
            Check("final: training losses", float(np.abs(np.subtract(*losses)).max()), 0.03),
            Check("final: validation loss of one network", abs(found - on_cpu), 0.005),
            Check("final: weights after a resume", float(np.max(differences)), 0.0),
        ],
        "losses": dict(zip(("cpu", "device"), losses, strict=True)),
        "resume": going_on,
        **take_turns(inputs.case.rounds, run, plain, device),
    }


def _calc_validation_loss(inputs: Inputs, network: nn.Module, device: torch.device) -> float:
    listing = load_image_folder(inputs.images / "val", "validation", "data")
    images = FolderImages(listing, inputs.case.size, "none")
    return evaluate(network.to(device), images, CLASSES, device).loss


def _build_settings(inputs: Inputs, device: torch.device, epochs: int) -> tuple[Final, Images]:
    data = {"kind": "image_folder", "path": str(inputs.images)}
    settings = Final.model_validate(
        {
            "data": data,
            "image_size": inputs.case.size,
            "network": {"filters": inputs.case.filters, "cells_per_stage": 1, "stages": 3},
            "epochs": epochs,
            "batch_size": inputs.case.batch,
            "learning_rate": LEARNING_RATE,
            "drop_path": 0.1,
            "auxiliary": 0.4,
            "threads": torch.get_num_threads(),
            "device": str(device),
        }
    )
    return settings, Images("gpu_check", "image_folder", data, None, inputs.case.size)


def _read_log(folder: Path) -> dict[str, Any]:
    with (folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {
        "losses": [float(row["train_loss"]) for row in rows],
        "images": sum(int(row["images"]) for row in rows),
        "seconds": sum(float(row["seconds"]) for row in rows),
    }
