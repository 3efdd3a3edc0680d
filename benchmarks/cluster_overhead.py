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
import sys
import time
from pathlib import Path
from typing import Any

from harness import describe_machine

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from cluster.slurm import Cluster, find_reason_to_skip  # noqa: E402
from cluster.toy import ClusterToy  # noqa: E402
from support.toy_run import Toy  # noqa: E402

WORK = HERE / "work" / "cluster_overhead"
CPUS = 2  # of the cluster; a candidate takes one


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


def prepare(candidates: int) -> Toy:
    """A toy with all done that comes before its candidates."""
    shutil.rmtree(WORK, ignore_errors=True)
    toy = Toy(WORK / "prepared")
    toy.config["search"] |= {
        "strategy": "random",
        "generations": 2,
        "candidates": candidates,
        "lag": 2,
    }
    toy.run("teacher_ranks", "images_decoded", cores=CPUS)
    return toy


def run_on_cluster(prepared: Toy, cluster: Cluster, per_job: int) -> dict[str, Any]:
    """Seconds of all candidates through SLURM, and what they needed for themselves."""
    toy = ClusterToy(WORK / f"grouped_{per_job}", cluster)
    toy.config = copy.deepcopy(prepared.config)
    toy.config["search"]["candidates_per_job"] = per_job
    toy.copy_results(prepared)
    (search,) = (toy.folder / "results/search").iterdir()
    target = search.relative_to(toy.folder) / "generation_001" / "history.json"
    started = time.monotonic()
    toy.run("--local-cores", "1", str(target))
    seconds = time.monotonic() - started
    records = toy.read_records().values()
    own = sum(record["cost"]["seconds"] for record in records)
    return {
        "seconds": round(seconds, 1),
        "seconds_of_candidates": round(own, 1),
        "overhead_per_candidate": round((seconds * CPUS - own) / len(records), 3),
        "candidates": len(records),
        "states": sorted({record["state"] for record in records}),
    }


if __name__ == "__main__":
    main()
