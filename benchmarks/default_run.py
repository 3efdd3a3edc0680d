"""The default run of this build beside that of an older one: time, CPU and memory.

    python benchmarks/default_run.py [--old FOLDER] [--repeats 5] [--quick] [--cores 8]

Runs the workflow of each build in turns, with the build's config.yaml and ``.venv``, in a new
folder, from nothing to the plugin of the winner. Meanwhile it looks ten times a second at all
processes that Snakemake has started, and notes the CPU time that the kernel has counted of each.
The total is what the kernel has counted of all when they have ended.

The memory of a candidate's job is the sum of the proportional set sizes of its script, of the
process that trains and of its share of the warm worker: pages that several processes share count
for each of them in part, so that jobs that run at once can be added. Beside it stands what a
further job adds: the pages of script and process that no other process has. The memory of the run
is the sum over all its processes, Snakemake's as well. Linux only.
"""

import argparse
import ctypes
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from harness import describe_machine
from tables import format_table

from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
PERIOD = 0.1  # [s] between two looks
LOOKS_A_MEMORY = 4  # adding up the pages of a process takes a few ms
TICK = os.sysconf("SC_CLK_TCK")
CANDIDATE = ("script candidate", "process of a candidate")
RATIOS = ("seconds", "cpu", "job_memory_mb", "added_memory_mb")
FEWEST = 2  # candidates of a quick run; one for each core that is asked for
COLUMNS = ("process", "number", "CPU [s]", "share")


@dataclass
class Seen:
    """A process of the run.

    Attributes
    ----------
    kind
        What it is, in words.
    parent
        Process id.
    cpu
        CPU time at the last look [s].
    memory_mb
        Proportional set size at the last look [MB].
    peak_mb
        Largest memory of its job [MB]; of the process of a candidate alone.
    private_mb, added_mb
        Memory that no other process has, at the last look, and the most that its job had [MB].
    pages_mb
        Of the process of a candidate, when it was largest: its share of pages of files (libraries,
        mapped ranks) and of other pages [MB].
    """

    kind: str
    parent: int
    cpu: float = 0.0
    memory_mb: float = 0.0
    peak_mb: float = 0.0
    private_mb: float = 0.0
    added_mb: float = 0.0
    pages_mb: tuple[float, float] = (0.0, 0.0)


@dataclass
class Watch:
    """All processes below this one, by process id and start.

    Attributes
    ----------
    peak_mb
        Largest sum of the proportional set sizes of all at one moment [MB].
    most_jobs
        Most candidates that were trained at one moment.
    """

    seen: dict[tuple[int, int], Seen] = field(default_factory=dict)
    peak_mb: float = 0.0
    most_jobs: int = 0

    def look(self, with_memory: bool) -> None:
        """Note the processes of the moment."""
        stats = {}
        for pid in psutil.pids():
            text = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
            if text:
                stats[pid] = text
        below, alive = {os.getpid()}, {}
        for pid in sorted(stats, key=lambda pid: int(stats[pid][19])):  # parents are older
            parent = int(stats[pid][1])
            if parent in below and pid != os.getpid():
                below.add(pid)
                alive[pid] = self._note(pid, parent, stats[pid], alive)
        if with_memory:
            self.peak_mb = max(self.peak_mb, _add_memory(alive))
        jobs = [one for one in alive.values() if one.kind == CANDIDATE[1]]
        self.most_jobs = max(self.most_jobs, len(jobs))

    def _note(self, pid: int, parent: int, stat: list[str], alive: dict[int, Seen]) -> Seen:
        key = (pid, int(stat[19]))
        if key not in self.seen or self.seen[key].kind == "other":  # before its exec
            command = _read(f"/proc/{pid}/cmdline").replace("\0", " ")
            self.seen[key] = Seen(name_process(command, alive.get(parent)), parent)
        self.seen[key].cpu = (int(stat[11]) + int(stat[12])) / TICK
        return self.seen[key]


def name_process(command: str, parent: Seen | None) -> str:
    """What a process is, by its command and what has started it."""
    script = re.search(r"scripts/tmp\w+\.(\w+)\.py", command)
    above = parent.kind if parent else ""
    if script:
        return (
            CANDIDATE[1]
            if above == CANDIDATE[0] == f"script {script[1]}"
            else f"script {script[1]}"
        )
    if "candidate.worker" in command:
        return CANDIDATE[1] if above == "warm worker" else "warm worker"
    return "Snakemake" if "snakemake" in command and "Snakemake" not in above else "other"


def _add_memory(alive: dict[int, Seen]) -> float:
    """Memory of each candidate's job (process, script and share of the worker) and of all [MB]."""
    for pid, one in alive.items():
        rollup = _read(f"/proc/{pid}/smaps_rollup")
        pages = {name: int(kb) / 1024 for name, kb in re.findall(r"^(\w+): +(\d+)", rollup, re.M)}
        one.private_mb = pages.get("Private_Clean", 0) + pages.get("Private_Dirty", 0)
        one.memory_mb = pages.get("Pss", 0)
        if one.kind == CANDIDATE[1] and one.memory_mb > sum(one.pages_mb):
            of_files = pages.get("Pss_File", 0)
            one.pages_mb = of_files, one.memory_mb - of_files
    relevant = [one for one in alive.values() if one.kind in (*CANDIDATE, "warm worker")]
    jobs = [one for one in relevant if one.kind == CANDIDATE[1]]
    if jobs:  # all scripts that wait are of these jobs
        shared = sum(one.memory_mb for one in relevant if one not in jobs) / len(jobs)
        scripts = [one for one in relevant if one.kind == CANDIDATE[0]]
        waiting = sum(one.private_mb for one in scripts) / len(jobs)
        for one in jobs:
            one.peak_mb = max(one.peak_mb, one.memory_mb + shared)
            one.added_mb = max(one.added_mb, one.private_mb + waiting)
    return sum(one.memory_mb for one in alive.values())


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended
        return ""


def run_once(build: Path, folder: Path, quick: bool, cores: str) -> dict[str, Any]:
    """Run the workflow of a build in an empty folder and say what it took.

    Returns
    -------
    measured
        Time [s], CPU time of all processes [s], CPU time and number of the processes of each kind,
        memory of a candidate's job [MB] (median and largest) and of the whole run, and the winner.
    """
    config = (build / "config.yaml").read_text()
    candidates = max(FEWEST, int(cores) if cores.isdigit() else 0)
    short = {"generations": 1, "candidates": candidates} if quick else {}
    for key, number in short.items():
        config = re.sub(rf"^  {key}: \d+$", f"  {key}: {number}", config, flags=re.MULTILINE)
    (folder / "config.yaml").write_text(config)
    bin_folder = build / ".venv/bin"
    environment = os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
    command = [str(bin_folder / "snakemake"), "--snakefile", str(build / "Snakefile")]
    command += ["--workflow-profile", str(build / "profiles/default"), "--cores", cores]
    command += ["--until", "best"] if quick else []
    before, started, watch = _count_cpu(), time.perf_counter(), Watch()
    with (folder / "run.log").open("w") as log:
        run = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        number = 0
        while run.poll() is None:
            watch.look(with_memory=number % LOOKS_A_MEMORY == 0)
            number += 1
            time.sleep(PERIOD)
    seconds = time.perf_counter() - started
    while True:  # the worker, which Snakemake did not start itself
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    if run.returncode != 0:
        sys.exit(f"{build}: the run failed; {(folder / 'run.log').read_text()[-2000:]}")
    kinds: dict[str, dict[str, float]] = defaultdict(lambda: {"number": 0, "cpu": 0.0})
    for one in watch.seen.values():
        kinds[one.kind]["number"] += 1
        kinds[one.kind]["cpu"] += one.cpu
    peaks = [one.peak_mb for one in watch.seen.values() if one.peak_mb]
    records = [read_json(path) for path in folder.glob("results/search/*/*/candidate_*.json")]
    best = folder / "results/best_cell.json"
    return {
        "seconds": seconds,
        "cpu": _count_cpu() - before,
        "job_memory_mb": median(peaks) if peaks else float("nan"),
        "added_memory_mb": median(one.added_mb for one in watch.seen.values() if one.added_mb),
        "run_memory_mb": watch.peak_mb,
        "most_jobs": watch.most_jobs,
        "pages_of_files_mb": median(one.pages_mb[0] for one in watch.seen.values() if one.peak_mb),
        "other_pages_mb": median(one.pages_mb[1] for one in watch.seen.values() if one.peak_mb),
        "largest_job_memory_mb": max(peaks, default=float("nan")),
        "resident_mb": median(record["cost"]["peak_memory_mb"] for record in records),
        "processes": dict(sorted(kinds.items(), key=lambda item: -item[1]["cpu"])),
        "best": read_json(best)["genotype"] if best.is_file() else None,
    }


def _count_cpu() -> float:
    """CPU time of all processes below this one that have ended [s]."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", type=Path, help="folder of an older build, with its .venv")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a candidate for each of --cores, at least two; no final training",
    )
    parser.add_argument("--cores", default="all", help="of the run, also more than there are")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="of the JSON file")
    chosen = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    builds = {"new": HERE.parent} | ({"old": chosen.old.resolve()} if chosen.old else {})
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in builds}
    for number in range(chosen.repeats):
        for name in sorted(builds, reverse=number % 2 == 0):
            with tempfile.TemporaryDirectory() as folder:
                runs[name].append(run_once(builds[name], Path(folder), chosen.quick, chosen.cores))
    medians = {
        name: {key: median(run[key] for run in found) for key in RATIOS}
        for name, found in runs.items()
    }
    ratios = {}
    if chosen.old:
        ratios = {key: medians["new"][key] / medians["old"][key] for key in RATIOS}
        same = {str(run["best"]) for found in runs.values() for run in found}
        print("Same best cell." if len(same) == 1 else "The best cells differ.")
    for name, found in runs.items():
        print(
            f"\n{name}: {medians[name]['seconds']:.0f} s, CPU {medians[name]['cpu']:.0f} s, ",
            end="",
        )
        print(f"{medians[name]['job_memory_mb']:.0f} MB a candidate's job, at most ", end="")
        most = max(found, key=lambda run: run["run_memory_mb"])
        print(f"{most['run_memory_mb']:.0f} MB the run with {most['most_jobs']} jobs at once\n")
        print(format_table(COLUMNS, format_kinds(found[0])))
    for key, ratio in ratios.items():
        print(f"{key}: new / old {ratio:.2f}")
    content = {"machine": describe_machine(), "date": get_time(), "quick": chosen.quick}
    content |= {"cores": chosen.cores}
    content |= {"medians": medians, "ratios": ratios, "runs": runs}
    write_json(chosen.output / "default_run.json", content)


def format_kinds(run: dict[str, Any]) -> list[str]:
    """Rows of the table of processes, those with the most CPU time first."""
    return [
        f"{kind} | {one['number']:.0f} | {one['cpu']:.1f} | {one['cpu'] / run['cpu']:.0%}"
        for kind, one in run["processes"].items()
    ]


if __name__ == "__main__":
    main()
