"""What a resume of the final training costs, for final_speed.py; and its child, the training.

    python benchmarks/final_speed_resume.py JOB.json stop|resume SECONDS_OF_ITS_START RESULT.json

``stop`` trains for two steps and leaves a checkpoint as after SIGTERM. ``resume`` goes on for two
steps and writes down when its modules were loaded, when each step began and had its batch.
"""

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

STEPS = 2
COLUMNS = (
    "build",
    "start and imports [s]",
    "to the first step [s]",
    "first batch beyond the next [s]",
    "a resume without imports [s]",
)


def time_resumes(
    case: dict[str, Any], folder: Path, threads: int, rounds: int, old: Path | None
) -> list[dict[str, Any]]:
    """Stop a training after two steps, then let it go on; builds take turns.

    Parameters
    ----------
    case
        The network, as final_speed.py has it.
    folder
        Of the images, ``<class>/<image>``, both splits of the training.
    threads, rounds
        As final_speed.py has them.
    old
        A checkout that is measured as well, with its own environment, or None.
    """
    pythons = {"this build": Path(sys.executable)}
    if old is not None:
        pythons["old build"] = old / ".venv" / "bin" / "python"
    found: dict[str, list[Any]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory() as work:
        for split in ("train", "val"):
            Path(work, "images").mkdir(exist_ok=True)
            Path(work, "images", split).symlink_to(folder, target_is_directory=True)
        for name, python in pythons.items():
            stopped = write_job(case, threads, Path(work), name)
            run_child(python, stopped, "stop")
            shutil.copytree(stopped, f"{stopped}-kept")
        for _ in range(rounds):
            for name, python in pythons.items():
                shutil.rmtree(Path(work, name))
                shutil.copytree(Path(work, f"{name}-kept"), Path(work, name))
                found[name].append(run_child(python, Path(work, name), "resume"))
    return [{"build": name, **describe(turns), "turns": turns} for name, turns in found.items()]


def write_job(case: dict[str, Any], threads: int, work: Path, name: str) -> Path:
    """Write the job of a training whose validation split is kept in memory; its folder."""
    from final_speed_contestants import SEED, build_settings

    from tgas_neuro.architecture.cell.published import PNASNET5
    from tgas_neuro.config.final import Final
    from tgas_neuro.config.section import dump_section
    from tgas_neuro.final.launch.job import Job
    from tgas_neuro.images.decoded import Images

    data = {"kind": "image_folder", "path": str(work / "images")}
    network = {
        "filters": case["filters"],
        "cells_per_stage": case["cells"],
        "stages": 3,
        "stem": "imagenet",
        "stem_filters": case["stem_filters"],
        "downsampling": "within",
    }
    changes = {"data": data, "network": network, "threads": threads, "workers": 0}
    settings = Final.model_validate(build_settings(case) | changes)
    job = Job(
        config=dump_section(settings),
        genotype=PNASNET5.to_json(),
        images=vars(Images("final_speed", "image_folder", data, None, case["size"])),
        checked=str(work / "checked"),
        folder=str(work / name),
        seed=SEED,
    )
    Path(job.folder).mkdir()
    job.write()
    return Path(job.folder)


def run_child(python: Path, folder: Path, work: str) -> dict[str, Any]:
    """Run this script as a child; of a resume, the moments that it wrote down."""
    result = folder / "moments.json"
    command = [str(python), __file__, str(folder / "job.json"), work, repr(time.time())]
    ended = subprocess.run(
        [*command, str(result)], capture_output=True, text=True, check=False, cwd=folder
    )
    if ended.returncode or (work == "resume" and "final: going on" not in ended.stdout):
        sys.exit(f"{python}: {work}: status {ended.returncode}: {ended.stdout}{ended.stderr}")
    return json.loads(result.read_text(encoding="utf-8")) if work == "resume" else {}


def describe(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over rounds, of seconds and of processor time.

    ``imports`` is the time from the start of the process until the modules are loaded, ``loading``
    from there to the first step: images are listed, the network is built, the checkpoint is read.
    ``first`` is what the first batch took beyond the second one.
    """
    medians: dict[str, Any] = {}
    for key in ("seconds", "cpu_seconds"):
        parts = [
            {
                "imports": moments[0],
                "loading": moments[1] - moments[0],
                "first": (moments[2] - moments[1]) - (moments[4] - moments[3]),
            }
            for moments in (turn[key] for turn in turns)
        ]
        medians[key] = {name: median(part[name] for part in parts) for name in parts[0]}
        medians[key]["resume"] = median(part["loading"] + part["first"] for part in parts)
    return medians


def build_resume_table(rows: list[dict[str, Any]]) -> str:
    """Seconds of a resume, and in brackets of processor time."""
    from tables import format_table

    names = ("imports", "loading", "first", "resume")
    return format_table(
        COLUMNS,
        (
            " | ".join(
                [
                    row["build"],
                    *(f"{row['seconds'][n]:.2f} ({row['cpu_seconds'][n]:.2f})" for n in names),
                ]
            )
            for row in rows
        ),
    )


def main(path: str, work: str, started: float, result: str) -> None:
    """Train the job for a few steps."""
    # What torch loads with its first optimiser, the project with its log and its first JPEG: the
    # start of any training, and no part of a resume.
    for name in ("torch._dynamo", "torch.utils.tensorboard", "torchvision.io"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    from tgas_neuro.final.launch.job import read_job, read_settings, run_job
    from tgas_neuro.final.launch.processes import PreemptedError
    from tgas_neuro.final.training.step import Stepper

    moments, take = [note()], Stepper.take

    def note_batches(batches):
        for batch in batches:
            moments.append(note())
            yield batch

    def note_step(stepper, batches, learning_rate):
        moments.append(note())
        loss = take(stepper, note_batches(batches), learning_rate)
        if len(moments) == 1 + 2 * STEPS:
            if work == "resume":
                leave(moments, started, result)
            signal.raise_signal(signal.SIGTERM)
        return loss

    Stepper.take = note_step
    job = read_job(path)
    with contextlib.suppress(PreemptedError):
        run_job(job, read_settings(job, path), None, print)


def note() -> tuple[float, float]:
    """The time [s since 1970], and the processor time of this process so far [s]."""
    return time.time(), time.process_time()


def leave(moments: list[tuple[float, float]], started: float, result: str) -> None:
    """Write seconds and processor time up to each moment, and end at once."""
    clock = [moment - started for moment, _ in moments]
    found = {"seconds": clock, "cpu_seconds": [used for _, used in moments]}
    Path(result).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
