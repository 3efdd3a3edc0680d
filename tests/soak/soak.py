"""Toy searches under random SIGKILLs: to the workflow, to a job, to a candidate's child.

    python tests/soak/soak.py [--kills 100] [--strategies tpe random ...] [--cores 1 4 8]

For every strategy an undisturbed run comes first. Disturbed runs follow, each killed at random
moments and started again with the same command until it ends; then at last one undisturbed run for
each number of cores. What is checked of each run: `best_cell.json` is that of the undisturbed one,
cost and dates aside; every candidate that was finished when a kill came has the same record, down
to its dates, at the end. The last line says what happened; the exit code is 1 if anything differed.
"""

import argparse
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

PROJECT = Path(__file__).parents[2]
TARGETS = ("workflow", "job", "child", "worker")
RECORDS = "results/search/*/generation_*/candidate_*.json"
LONGEST = 900  # of one start of the workflow [s]; longer is a hang


class SoakError(Exception):
    """A run ended otherwise than it should."""


@dataclass
class Tally:
    """What was done and found.

    Attributes
    ----------
    kills
        Target to the number of SIGKILLs that it got.
    starts
        How often the workflow was started after a kill.
    finished
        Candidate records that were there when a kill came, summed over kills.
    faults
        What differed, in words.
    """

    kills: Counter = field(default_factory=Counter)
    starts: int = 0
    finished: int = 0
    faults: list[str] = field(default_factory=list)


def build_toy(folder: Path, config: dict[str, Any], recordings: dict[str, Any]) -> None:
    """A working directory with a toy configuration and toy recordings."""
    description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
    description["options"] |= recordings
    (folder / "neural_data").mkdir(parents=True)
    (folder / "neural_data/simulated.yaml").write_text(yaml.safe_dump(description))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def start(folder: Path, cores: int = 2) -> subprocess.Popen:
    """Start the workflow as a user does again after a kill: unlock, then the same command."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", str(cores)]
    subprocess.run([*command, "--unlock"], env=environment, capture_output=True, check=True)
    with (folder / "output.txt").open("a") as output:
        return subprocess.Popen(
            [*command, "results/best_cell.json"], env=environment, stdout=output, stderr=output
        )


def list_targets(workflow: psutil.Process) -> dict[str, list[psutil.Process]]:
    """The live processes of a workflow by what they are."""
    worker, *warm = list_workers(workflow.pid) or [None]
    found = {"workflow": [workflow], "job": [], "child": warm, "worker": [worker] if worker else []}
    for process in workflow.children(recursive=True):
        try:
            command = process.cmdline()
            parent = process.parent()
            if parent is not None and parent.cmdline() == command and ".snakemake" in str(command):
                found["child"].append(process)  # forked from its job, so that it is called alike
            elif any("scripts" in part or part.endswith(".py") for part in command):
                found["job"].append(process)
        except psutil.Error:
            continue  # it has just ended
    return found


def list_workers(workflow: int) -> list[psutil.Process]:
    """The worker of a workflow, which has loaded torch, and its children: first the worker."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("candidate.worker" in part for part in process.info["cmdline"] or [])
        and str(workflow) in process.info["cmdline"]
    ]


def read_records(folder: Path) -> dict[str, dict[str, Any]]:
    """All finished candidate records by their path."""
    return {
        str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.glob(RECORDS)
    }


def disturb(folder: Path, rng: np.random.Generator, kills: int, tally: Tally, span: float) -> int:
    """Run the workflow to its end under at most so many kills; how many there were.

    Parameters
    ----------
    span
        Seconds that an undisturbed run takes; a kill comes within a third of it after a start.
    """
    done = 0
    known: dict[str, dict[str, Any]] = {}
    while True:
        process = start(folder)
        workflow = psutil.Process(process.pid)
        target = str(rng.choice(TARGETS)) if done < kills else None
        killed = target is not None and _kill(workflow, process, target, rng, span)
        if killed:
            done += 1
            tally.kills[target] += 1
            # a record of the last second may not be on Snakemake's list yet
            found = read_records(folder)
            known |= {path: record for path, record in found.items() if _is_settled(folder, path)}
            tally.finished += len(known)
        below = _list_below(workflow)
        code = process.wait(LONGEST)
        _check_gone(below)
        if code == 0:
            break
        if not killed:
            raise SoakError(f"exit code {code} without a kill, see {folder}/output.txt")
        tally.starts += 1
    records = read_records(folder)
    for path, record in known.items():
        if records.get(path) != record:
            tally.faults.append(f"{folder.name}: {path} was finished, and is another one now")
    return done


def _kill(
    workflow: psutil.Process,
    process: subprocess.Popen,
    target: str,
    rng: np.random.Generator,
    span: float,
) -> bool:
    """Kill a target at a random moment; False if the run ended before."""
    until = time.monotonic() + rng.uniform(0, span / 3)
    while time.monotonic() < until:
        if process.poll() is not None:
            return False
        time.sleep(0.02)
    while process.poll() is None:
        try:
            found = list_targets(workflow)[target]
            if found:
                found[int(rng.integers(len(found)))].send_signal(signal.SIGKILL)
                return True
        except psutil.Error:
            continue
        time.sleep(0.02)
    return False


def _is_settled(folder: Path, path: str) -> bool:
    return time.time() - (folder / path).stat().st_mtime > 1.5


def _list_below(workflow: psutil.Process) -> list[psutil.Process]:
    try:
        return [*workflow.children(recursive=True), *list_workers(workflow.pid)]
    except psutil.Error:
        return []


def _check_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=30)
    alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    if alive:
        raise SoakError(f"{len(alive)} processes outlived their workflow: {alive}")


def drop_cost_and_dates(content: Any) -> Any:
    """The content without the only keys that may differ between two runs."""
    if isinstance(content, dict):
        left = {key: value for key, value in content.items() if key not in ("cost", "dates")}
        return {key: drop_cost_and_dates(value) for key, value in left.items()}
    if isinstance(content, list):
        return [drop_cost_and_dates(value) for value in content]
    return content


def read_result(folder: Path) -> Any:
    """`best_cell.json`, comparable."""
    return drop_cost_and_dates(json.loads((folder / "results/best_cell.json").read_text()))


def run_undisturbed(folder: Path, cores: int = 2) -> float:
    """Run the workflow to its end; the seconds it took."""
    begin = time.monotonic()
    code = start(folder, cores).wait(LONGEST)
    if code:
        raise SoakError(f"exit code {code} of an undisturbed run, see {folder}/output.txt")
    return time.monotonic() - begin


def soak(
    folder: Path,
    config: dict[str, Any],
    recordings: dict[str, Any],
    kills: int,
    seed: int,
    tally: Tally,
    per_run: int = 8,
) -> None:
    """All disturbed runs of one configuration, at most `per_run` kills each."""
    reference = folder / "undisturbed"
    build_toy(reference, config, recordings)
    span = run_undisturbed(reference)
    rng, left, number = np.random.default_rng(seed), kills, 0
    while left > 0:
        disturbed = folder / f"disturbed_{number}"
        build_toy(disturbed, config, recordings)
        left -= disturb(disturbed, rng, min(left, per_run), tally, span)
        if read_result(disturbed) != read_result(reference):
            tally.faults.append(f"{disturbed}: best_cell.json differs from {reference}'s")
        elif not tally.faults:
            shutil.rmtree(disturbed)
        number += 1


def main() -> None:
    """Parse the command line, soak every strategy, compare numbers of cores, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--cores", nargs="*", type=int, default=[1, 4, 8])
    parser.add_argument("--folder", type=Path, help="kept at the end; else a temporary one")
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="soak_"))
    tally, begin = Tally(), time.monotonic()
    share = np.diff(np.linspace(0, chosen.kills, len(chosen.strategies) + 1).astype(int))
    for strategy, kills in zip(chosen.strategies, share, strict=True):
        config = copy.deepcopy(TOY)
        config["search"]["strategy"] = strategy
        soak(folder / strategy, config, TOY_RECORDINGS, int(kills), chosen.seed, tally)
        print(f"{strategy}: {dict(tally.kills)}, faults {tally.faults}", flush=True)
    reference = folder / chosen.strategies[0] / "undisturbed"
    for cores in chosen.cores:
        other = folder / f"cores_{cores}"
        config = yaml.safe_load((reference / "config.yaml").read_text())
        build_toy(other, config, TOY_RECORDINGS)
        run_undisturbed(other, cores)
        if read_result(other) != read_result(reference):
            tally.faults.append(f"--cores {cores}: best_cell.json differs")
    print(
        f"{sum(tally.kills.values())} kills ({dict(tally.kills)}), {tally.starts} restarts, "
        f"{len(chosen.strategies)} strategies, cores 2 and {chosen.cores}; "
        f"{tally.finished} finished records seen at kills; {len(tally.faults)} faults; "
        f"{(time.monotonic() - begin) / 60:.0f} min"
    )
    if not chosen.folder and not tally.faults:
        shutil.rmtree(folder)
    sys.exit(1 if tally.faults else 0)


STRATEGIES = ("random", "tpe", "reinforce", "evolution", "progressive")
TOY = {
    "recordings": {"regions": {region: {"datasets": ["simulated"]} for region in ("V4", "IT")}},
    "teacher": {"splits": 3, "stimuli": {"size": 16, "visual_degrees": 8}},
    "search": {"cell": {"blocks": 2}, "generations": 3, "candidates": 3, "seed": 3},
    "premature": {
        "data": {"kind": "simulated", "images_per_class": 24},
        "image_size": 16,
        "network": {"filters": 4, "cells_per_stage": 1, "stages": 2},
    },
    "final": {
        "data": {"kind": "simulated", "images_per_class": 24},
        "image_size": 16,
        "network": {"filters": 4, "cells_per_stage": 1, "stages": 2},
        "epochs": 2,
        "threads": 1,
    },
}
TOY_RECORDINGS = {
    "image_size": 32,
    "images_per_object": {"V0": 1, "V3": 0, "V6": 0},
    "sites": {"V4": 30, "IT": 30},
    "repetitions": [6, 10],
}


if __name__ == "__main__":
    main()
