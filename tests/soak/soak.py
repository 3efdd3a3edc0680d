"""Toy searches under random SIGKILLs: to the workflow, a job, a candidate's process, the worker.

    python tests/soak/soak.py [--kills 100] [--seed 0] [--strategies tpe random ...] [--cores 1 4 8]

For every strategy, every second one with three candidates a job, an undisturbed run comes first.
Disturbed runs follow, each killed at random
moments and started again with the same command until it ends; then at last one undisturbed run for
each number of cores. What is checked:

- every candidate's record and `best_cell.json` are those of the undisturbed run, but for cost and
  dates; a candidate that was finished when a kill came has the same record, down to its dates;
- Snakemake ends with the exit code of the kill, and says in a line what was killed;
- no process is left, no file that is half written, no record that was kept for a job that is
  started again, and at most one socket of a killed worker, which the next worker deletes;
- `tgas verify` finds all files as they were written.

The last line says what happened; the exit code is 1 if anything differed.
"""

import argparse
import copy
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

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests"))
from soak.checks import (  # noqa: E402
    KEPT,
    check_run,
    count_killed,
    read_records,
    read_result,
)
from soak.targets import ENDING, TARGETS, Killer, list_below, list_survivors  # noqa: E402

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
        Candidates that were finished when a kill came, summed over kills.
    again
        Processes of candidates that were started after a killed one.
    faults
        What differed, in words.
    """

    kills: Counter = field(default_factory=Counter)
    starts: int = 0
    finished: int = 0
    again: int = 0
    faults: list[str] = field(default_factory=list)


def build_toy(folder: Path, config: dict[str, Any], recordings: dict[str, Any]) -> None:
    """A working directory with a toy configuration and toy recordings."""
    description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
    description["options"] |= recordings
    (folder / "neural_data").mkdir(parents=True)
    (folder / "neural_data/simulated.yaml").write_text(yaml.safe_dump(description))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def start(folder: Path, cores: int = 2) -> subprocess.Popen:
    """Start the workflow as a user does, also after a kill."""
    (folder / "tmp").mkdir(exist_ok=True)  # for sockets, whose paths have 107 characters at most
    environment = os.environ | {"TMPDIR": str(folder / "tmp")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "tgas_neuro", "run", "--directory", str(folder)]
    command += ["--cores", str(cores), "results/best_cell.json"]
    with (folder / "output.txt").open("a") as output:
        return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)


def disturb(
    folder: Path, targets: list[str], rng: np.random.Generator, tally: Tally, span: float
) -> list[str]:
    """Run the workflow to its end while processes of it are killed.

    Parameters
    ----------
    targets
        Kinds of processes to kill, one after the other.
    span
        Seconds that an undisturbed run takes; a kill comes within a sixth of it after a start, and
        within a twelfth after another kill.

    Returns
    -------
    targets
        Those that were not killed before the run ended.
    """
    left, known, below = list(targets), {}, []
    expected = Counter()
    while True:
        process = start(folder)
        killer, target, delay = Killer(psutil.Process(process.pid), rng), "", span / 6
        while left and target not in ENDING:
            time.sleep(rng.uniform(0, delay))
            finished = read_records(folder, KEPT) | read_records(folder)
            below += list_below(killer.workflow)
            if not killer.kill(left[0]):
                break
            target, delay = left.pop(0), span / 12
            known |= {name: record for name, record in finished.items() if name not in known}
            tally.kills[target] += 1
            tally.finished += len(finished)
            expected[target] += 1
        below += list_below(killer.workflow)
        code = process.wait(LONGEST)
        locked = any((folder / ".snakemake/locks").glob("*"))
        expected["locked workflow"] += target == "workflow" and locked
        if code != {"workflow": -signal.SIGKILL, "job": 1}.get(target, 0):
            raise SoakError(
                f"exit code {code} after {target or 'no kill'}, see {folder}/output.txt"
            )
        if not target or target not in ENDING:
            break
        tally.starts += 1
        if rng.random() < 0.5:  # else it is started again at once, while others are still ending
            below = list_survivors(below)
    tally.faults += [f"{folder.name}: {one} is left" for one in list_survivors(below)]
    tally.faults += [f"{folder.name}: {fault}" for fault in check_run(folder, known, expected)]
    tally.again += sum(count_killed(record) for record in read_records(folder).values())
    return left


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
    per_run: int = 10,
) -> None:
    """All disturbed runs of one configuration, at most `per_run` kills each."""
    reference = folder / "undisturbed"
    build_toy(reference, config, recordings)
    span = run_undisturbed(reference)
    rng, number = np.random.default_rng(seed), 0
    left = [str(target) for target in rng.permutation(np.resize(TARGETS, kills))]
    while left:
        disturbed = folder / f"disturbed_{number}"
        build_toy(disturbed, config, recordings)
        left = disturb(disturbed, left[:per_run], rng, tally, span) + left[per_run:]
        if read_result(disturbed) != read_result(reference):
            tally.faults.append(f"{disturbed}: records or best_cell.json differ from {reference}'s")
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
    for number, (strategy, kills) in enumerate(zip(chosen.strategies, share, strict=True)):
        config = copy.deepcopy(TOY)
        config["search"] |= {"strategy": strategy, "candidates_per_job": (1, 3)[number % 2]}
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
        f"{tally.finished} finished records seen at kills, {tally.again} processes of candidates "
        f"started again; {len(tally.faults)} faults; "
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
