"""The teachers and controls that are compared, each made by the workflow or from images here."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from guidance_networks import DEVIATION, LAYERS, MEAN, SIZE, build_lite0, find_lite0_weights
from PIL import Image

from tgas_neuro.config.teacher import NetworkOptions
from tgas_neuro.images.decoded import load_decoded
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.recordings.stimuli import calc_stimuli_digest
from tgas_neuro.runtime.files import calc_sha256, written_whole
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.search.candidate.training import draw_held_back
from tgas_neuro.teacher.network.model import find_layers, record_layers
from tgas_neuro.teacher.noise_free import build_noise_free_region
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.region import decide_correction, prepare_stimuli
from tgas_neuro.teacher.teacher import Teacher, write_teacher

PROJECT = Path(__file__).parents[1]
V4 = {"V4": {"datasets": ["cowley2023_v4"]}}
IT = {"IT": {"datasets": ["kriegeskorte2008_it"]}}
SIMULATED = {name: {"datasets": ["simulated"]} for name in ("V4", "IT")}
ON_V4_STIMULI = {name: {"datasets": ["cowley2023_v4"]} for name in ("V4", "IT")}
PER_CLASS = 40  # held-back images of CIFAR-10 that are stimuli


def _describe_network(trained: bool) -> dict[str, Any]:
    return {
        "model": "guidance_networks:build_lite0",
        "weights": str(find_lite0_weights()) if trained else None,
        "layers": LAYERS,
        "size": SIZE,
        "mean": MEAN,
        "deviation": DEVIATION,
    }


def _configure(regions: dict, size: int = 32, **teacher: Any) -> dict[str, Any]:
    """A configuration that differs from the default in its recordings and teacher."""
    return {
        "recordings": {"regions": regions},
        "teacher": {"stimuli": {"size": size, "visual_degrees": 8}, **teacher},
        "search": {},
        "premature": {"data": {"kind": "simulated"}},
        "final": {"data": {"kind": "simulated"}},
    }


def list_configured() -> dict[str, dict[str, Any]]:
    """Name to configuration of the teachers that the workflow makes."""
    trained, random = _describe_network(True), _describe_network(False)
    both = V4 | IT
    return {
        "macaque V4": _configure(V4),
        "macaque V4, 64 px": _configure(V4, size=64),
        "monkey IT": _configure(IT, uncorrected=["IT"]),
        "macaque V4 + monkey IT": _configure(both, uncorrected=["IT"]),
        "simulated V4 + IT": _configure(SIMULATED),
        "network, V4's stimuli": _configure(ON_V4_STIMULI, kind="network", network=trained),
        "control: shuffled V4 + IT": _configure(
            both, uncorrected=["IT"], kind="control", control={"type": "shuffled"}
        ),
        "control: matched V4": _configure(V4, kind="control", control={"type": "matched"}),
        "control: pixels, V4's stimuli": _configure(V4, kind="control", control={"type": "pixels"}),
        "control: random network, V4's stimuli": _configure(
            ON_V4_STIMULI, kind="control", control={"type": "random_network"}, network=random
        ),
    }


def build_configured(name: str, config: dict[str, Any], data: Path, work: Path) -> Path:
    """Let the workflow make a teacher; the path of its ``teacher.nc``, with ``ranks`` beside."""
    folder = work / "teachers" / re_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    config["recordings"]["mirror"] = str(data)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    plan = build_plan(config, [PROJECT / "neural_data"])
    target = f"results/teacher/{plan.teacher}"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", "1", "--quiet", "all"]
    subprocess.run(
        [*command, "--", f"{target}/teacher.nc", f"{target}/ranks"],
        check=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{PROJECT}:{Path(__file__).parent}"},
    )
    return folder / target / "teacher.nc"


def re_name(name: str) -> str:
    """A name as a folder."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def build_on_cifar10(name: str, images: Path, work: Path) -> Path:
    """A teacher on held-back images of the classification data; the path of its file."""
    path = work / "teachers" / re_name(name) / "teacher.nc"
    if path.is_file():
        return path
    stimuli, folder = _write_stimuli(images, work / "cifar10_stimuli")
    options = TeacherOptions("image", 1, (), 32, 8.0, 0.0, "none", 1, 0)
    shown = prepare_stimuli(stimuli, folder, options, "cifar10_subset")
    source = Source({"cifar10_subset": folder})
    regions = {}
    for region, features in ON_CIFAR10[name](shown).items():
        regions[region] = build_noise_free_region(
            region,
            source,
            shown,
            features,
            options,
            stimuli_digest=calc_stimuli_digest(stimuli),
            description=name,
            kind="network",
            title=name,
        )
        decide_correction(region, regions[region], options)
    write_teacher(path, Teacher(regions, {"benchmark": "guidance"}))
    return path


def _write_stimuli(images: Path, folder: Path) -> tuple[pd.DataFrame, Path]:
    """Held-back training images, so many a class, as a stimulus set."""
    pixels, labels, classes = load_decoded(images / "train")
    held_back = draw_held_back(labels, 0.1, derive_generator(0, "held back"))
    (folder / "stimuli").mkdir(parents=True, exist_ok=True)
    rows = []
    for label, name in enumerate(classes):
        for number in np.flatnonzero(held_back & (labels == label))[:PER_CLASS]:
            filename = f"{number:05d}.png"
            with written_whole(folder / "stimuli" / filename) as beside:
                Image.fromarray(pixels[number]).save(beside, format="png")
            rows.append(
                {
                    "stimulus_id": f"{number:05d}",
                    "filename": filename,
                    "sha256": calc_sha256(folder / "stimuli" / filename),
                    "degrees": 8.0,
                    "category_name": name,
                }
            )
    return pd.DataFrame(rows), folder


def _take_labels(shown: Any) -> dict[str, torch.Tensor]:
    """One unit a class: images of one class are alike, all others are unlike."""
    _, labels = np.unique(shown.stimuli["category_name"], return_inverse=True)
    return {"labels": torch.eye(labels.max() + 1)[torch.from_numpy(labels)]}


def _take_layers(shown: Any) -> dict[str, torch.Tensor]:
    network = build_lite0()
    network.load_state_dict(torch.load(find_lite0_weights(), weights_only=True))
    settings = NetworkOptions(
        model="guidance_networks:build_lite0",
        layers=LAYERS,
        size=SIZE,
        mean=list(MEAN),
        deviation=list(DEVIATION),
    )
    layers = find_layers(network.eval(), LAYERS)
    return record_layers(
        network, layers, shown, 8.0, settings, torch.device("cpu"), lambda *_: None
    )


ON_CIFAR10: dict[str, Callable[[Any], dict[str, torch.Tensor]]] = {
    "network, CIFAR-10's stimuli": _take_layers,
    "labels of CIFAR-10's stimuli": _take_labels,
}
