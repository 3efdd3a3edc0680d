"""Inputs of a candidate job as large as those of config.yaml: images, teacher, proposals."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.configuration import check_configuration, read_search
from tgas_neuro.runtime.files import write_json
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.teacher.teacher import Teacher, write_teacher

ROOT = Path(__file__).parents[1]
CLASSES, IMAGES, STIMULI = 8, 1280, 640
CEILINGS = {"ceiling": 0.8, "ceiling_half_0": 0.8, "ceiling_half_1": 0.8}


def write_inputs(folder: Path, candidates: int) -> None:
    """Write random images and a teacher of random RDMs, and propose candidates at random."""
    config = read_default()
    rng, size = np.random.default_rng(0), config["premature"]["image_size"]
    labels = np.arange(IMAGES) % CLASSES
    np.save(folder / "images.npy", _draw_images(rng, IMAGES, size))
    np.save(folder / "labels.npy", labels)
    classes = [f"class_{number}" for number in range(CLASSES)]
    write_json(folder / "classes.json", {"classes": classes, "digest": "random"})
    stimuli = _draw_images(rng, STIMULI, config["teacher"]["stimuli"]["size"])
    teacher = Teacher({name: _draw_region(rng, stimuli) for name in ("V4", "IT")}, {})
    write_teacher(folder / "teacher.nc", teacher)
    write_ranks(folder / "ranks", teacher)
    space = build_space(read_search(config["search"]))
    drawn = [space.sample(rng) for _ in range(candidates)]
    proposals = [
        {"id": f"g000_c{k:02d}", "genotype": g.to_json(), "hash": g.hash, "original": None}
        for k, g in enumerate(drawn)
    ]
    write_json(folder / "inputs.json", {"config": config, "proposals": proposals})


def read_default() -> dict[str, Any]:
    """config.yaml, checked and complete."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    config = dump_section(check_configuration(yaml.safe_load(text), "config.yaml"))
    config["premature"]["device"] = "cpu"
    return config


def _draw_images(rng: np.random.Generator, number: int, size: int) -> np.ndarray:
    return rng.integers(0, 256, (number, size, size, 3), dtype=np.uint8)


def _draw_region(rng: np.random.Generator, stimuli: np.ndarray) -> xr.Dataset:
    n_pairs = len(stimuli) * (len(stimuli) - 1) // 2
    return xr.Dataset(
        {
            "rdm": ("pair", rng.random(n_pairs, dtype=np.float32)),
            "half": ("row_name", (np.arange(len(stimuli)) % 2).astype(np.int8)),
            "images": (("stimulus", "y", "x", "rgb"), stimuli),
            "row": ("stimulus", np.arange(len(stimuli))),
        },
        attrs=CEILINGS
        | {"corrected_for_noise": 1, "distance": "correlation", "comparison": "spearman"},
    )
