"""What SLURM costs a search of many short candidates: one a job, and grouped.

    python benchmarks/cluster_overhead.py [--candidates 100] [--grouped 50] [--output results]

Starts a real SLURM on loopback (tests/cluster: root, slurm-wlm, munge), two nodes of one CPU, and
lets two generations of toy candidates run on it with profiles/slurm, once for each number of
candidates a job. What the candidates need for themselves is their records' ``cost.seconds``; all
other time of the two CPUs, from the first submission to the last history, is overhead. Writes
``cluster_overhead.json``.
"""

import argparse
import copy
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from harness import describe_machine

from tgas_neuro.files import read_json, write_json
from tgas_neuro.provenance import get_time

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from cluster.slurm import Cluster, find_reason_to_skip  # noqa: E402
from soak.soak import TOY, TOY_RECORDINGS, build_toy  # noqa: E402

WORK = HERE / "work" / "cluster_overhead"
CPUS = 2  # of the cluster; a candidate takes one
PROFILE = HERE.parent / "profiles" / "slurm"
QUICK = ["--slurm-init-seconds-before-status-checks", "1", "--max-status-checks-per-second", "10"]


def main() -> None:
    """Parse the command line, run each grouping, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=100, help="of each of two generations")
    parser.add_argument("--grouped", type=int, nargs="+", default=[50, 1], help="candidates a job")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen = parser.parse_args()
    reason = find_reason_to_skip()
    if reason:
        sys.exit(reason)
    prepared = prepare(chosen.candidates)
    cluster = Cluster(WORK / "slurm", cpus=CPUS // 2)
    cluster.start()
    try:
        found = {
            str(per_job): run_on_cluster(prepared, cluster, per_job) for per_job in chosen.grouped
        }
    finally:
        cluster.stop()
    content = {
        "candidates": 2 * chosen.candidates,
        "cpus": CPUS,
        "candidates_per_job": found,
        "machine": describe_machine(),
        "date": get_time(),
    }
    write_json(chosen.output / "cluster_overhead.json", content)
    for per_job, one in found.items():
        print(f"{per_job} a job: {one}")


def prepare(candidates: int) -> Path:
    """A toy with all done that comes before its candidates."""
    shutil.rmtree(WORK, ignore_errors=True)
    config = copy.deepcopy(TOY)
    config["search"] |= {
        "strategy": "random",
        "generations": 2,
        "candidates": candidates,
        "lag": 2,
    }
    build_toy(WORK / "prepared", config, TOY_RECORDINGS)
    run_snakemake(WORK / "prepared", None, "--cores", str(CPUS), "teacher_ranks", "images_decoded")
    return WORK / "prepared"


def run_on_cluster(prepared: Path, cluster: Cluster, per_job: int) -> dict[str, Any]:
    """Seconds of all candidates through SLURM, and what they needed for themselves."""
    folder = WORK / f"grouped_{per_job}"
    shutil.copytree(prepared, folder, symlinks=True)  # with times: nothing is made again
    options = ["--profile", str(PROFILE), "--local-cores", "1", *QUICK, "--latency-wait", "5"]
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["search"]["candidates_per_job"] = per_job
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (search,) = (folder / "results/search").iterdir()
    target = search.relative_to(folder) / "generation_001" / "history.json"
    started = time.monotonic()
    run_snakemake(folder, cluster, *options, str(target))
    seconds = time.monotonic() - started
    records = [read_json(path) for path in search.glob("generation_*/candidate_*.json")]
    own = sum(record["cost"]["seconds"] for record in records)
    states = {record["state"] for record in records}
    return {
        "seconds": round(seconds, 1),
        "seconds_of_candidates": round(own, 1),
        "overhead_per_candidate": round((seconds * CPUS - own) / len(records), 3),
        "candidates": len(records),
        "states": sorted(states),
    }


def run_snakemake(folder: Path, cluster: Cluster | None, *arguments: str) -> None:
    """Run the workflow in a folder; its output goes to a file there."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(HERE.parent / "Snakefile")]
    environment = cluster.environment.copy() if cluster else None
    if environment is not None:
        environment["PATH"] = f"{PROFILE / 'without_accounting'}:{environment['PATH']}"
    with (folder / "output.txt").open("a") as output:
        code = subprocess.run(
            [*command, "--directory", str(folder), *arguments],
            env=environment,
            stdout=output,
            stderr=output,
        ).returncode
    if code:
        sys.exit(f"Snakemake failed, see {folder / 'output.txt'}")


if __name__ == "__main__":
    main()
