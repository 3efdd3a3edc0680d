"""The final training on real images: unbroken, under SIGKILLs, and in two processes.

    python benchmarks/final_training.py --data FOLDER [--epochs 3] [--kills 5]

FOLDER holds ``tiny_imagenet_100.tar.gz`` (100 classes, 10,000 images to train on, 5,000 to test).
A PNASNet-5 cell is scaled up and trained alone; beside it once more, killed at random moments and
started again; then by two processes that share every step. Writes what came out, and whether it is
the same, to ``results/final_training.json``.
"""

import argparse
import csv
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import describe_machine

from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.config.section import dump_section
from tgas_neuro.final.launch.job import Job
from tgas_neuro.images.decoded import Images
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
WORK = HERE / "work" / "final_training"
FINAL = {
    "image_size": 32,
    "network": {"filters": 16, "cells_per_stage": 1, "stages": 3},
    "batch_size": 64,
    "micro_batch": 32,
    "learning_rate": 0.1,
    "threads": 1,
    "device": "cpu",
}


def main() -> None:
    """Parse the command line, train three times, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen = parser.parse_args()
    images = WORK / "tiny_imagenet_100"
    if not images.is_dir():
        with tarfile.open(chosen.data / "tiny_imagenet_100.tar.gz") as archive:
            archive.extractall(WORK, filter="data")
    jobs = {
        name: make_job(name, images, chosen.epochs) for name in ("alone", "killed", "processes")
    }
    beside = start(jobs["alone"])
    kills = train_under_kills(jobs["killed"], chosen.kills)
    if beside.wait():
        sys.exit("the unbroken training failed")
    if start(jobs["processes"], "--processes", "2").wait():
        sys.exit("the training in two processes failed")
    content = compare(jobs) | {
        "kills": kills,
        "machine": describe_machine(),
        "date": get_time(),
    }
    write_json(chosen.output / "final_training.json", content)
    for key, value in content.items():
        print(f"{key}: {value}")


def make_job(name: str, images: Path, epochs: int) -> Job:
    """The job of one training, in an empty folder."""
    folder = WORK / f"{name}-{get_time().replace(':', '')}"
    data = {"kind": "image_folder", "path": str(images)}
    checked = check_configuration(
        {
            "recordings": {"regions": {"V4": {"datasets": ["simulated"]}}},
            "teacher": {"stimuli": {"size": 32, "visual_degrees": 8}},
            "search": {},
            "premature": {"data": {"kind": "simulated"}},
            "final": FINAL | {"data": data, "epochs": epochs},
        },
        "benchmark",
    )
    config = dump_section(checked.final)
    splits = Images("tiny_imagenet_100", "image_folder", config["data"], None, config["image_size"])
    checked = str(WORK / "checked")
    job = Job(config, PNASNET5.to_json(), asdict(splits), checked, str(folder), 0)
    job.write()
    return job


def start(job: Job, *arguments: str) -> subprocess.Popen:
    """Start a training; its lines go to the terminal."""
    command = [sys.executable, "-m", "tgas_neuro", "train", "--job", str(job.path)]
    return subprocess.Popen([*command, *arguments])


def train_under_kills(job: Job, kills: int) -> int:
    """Train to the end, killed so many times at random moments; how often it was."""
    generator = np.random.default_rng(0)
    for number in range(kills):
        process = start(job)
        deadline = time.monotonic() + generator.uniform(10, 60)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if process.poll() is not None:
            return number
        process.send_signal(signal.SIGKILL)
        process.wait()
    if start(job).wait():
        sys.exit("the killed training failed at its last start")
    return kills


def compare(jobs: dict[str, Job]) -> dict[str, Any]:
    """Result of the unbroken training, and how far the others are from it."""
    metrics = {name: read_json(job.metrics) for name, job in jobs.items()}
    logs = {name: read_log(Path(job.folder)) for name, job in jobs.items()}
    weights = {
        name: torch.load(Path(job.folder) / "weights.pt", weights_only=True)
        for name, job in jobs.items()
    }
    free = ("cost", "dates")
    kept = [{k: v for k, v in metrics[n].items() if k not in free} for n in ("alone", "killed")]
    return {
        "result": {
            key: metrics["alone"][key]
            for key in ("top1", "top1_interval", "top5", "loss", "n_images", "params", "macs")
        },
        "seconds": {name: found["cost"]["seconds"] for name, found in metrics.items()},
        "killed_is_the_same": kept[0] == kept[1]
        and all(torch.equal(v, weights["killed"][k]) for k, v in weights["alone"].items())
        and logs["alone"] == logs["killed"],
        "losses": logs,
        "largest_relative_difference_of_losses": max(
            abs(two / one - 1) for one, two in zip(logs["alone"], logs["processes"], strict=True)
        ),
        "top1_of_two_processes": metrics["processes"]["top1"],
    }


def read_log(folder: Path) -> list[float]:
    """Training losses of all epochs."""
    with (folder / "log.csv").open() as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
