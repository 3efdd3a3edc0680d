"""How fast a candidate is evaluated: training against a plain network, and what else a job takes.

    python benchmarks/candidate.py [--quick] [--compile] [--threads 2] [--rounds 3]

Prints tables in Markdown and writes them, with the machine and every measurement, as JSON.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from candidate_inputs import read_default, write_inputs
from harness import Measurement, describe_machine, measure
from tables import describe_others, format_table

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
SCRIPT = HERE / "candidate_contestants.py"
OURS, REFERENCE, COMPILED = "tgas-neuro", "plain eager, NCHW", "tgas-neuro, compiled"
# A PNASNet-5 cell; the second is as large as a candidate of config.yaml.
CASES = {
    "32 px, 16 filters, batch 64": {"filters": 16, "size": 32, "batch": 64, "steps": 6},
    "24 px, 8 filters, batch 32": {"filters": 8, "size": 24, "batch": 32, "steps": 12},
}
JOBS = (1, 6)  # candidates in a job
TRAINING_COLUMNS = (
    "network",
    "contestant",
    "images/s",
    "ratio",
    "steps timed",
    "additional memory [MB]",
    "largest difference of losses",
)
JOB_COLUMNS = (
    "candidates a job",
    "seconds a candidate",
    "start and imports",
    "training",
    "validation",
    "scoring",
    "all else",
    "share of training",
)


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small network, one round")
    parser.add_argument("--compile", action="store_true", help="torch.compile too: many minutes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="of all contestants in turn")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of the JSON")
    chosen = parser.parse_args()
    names = list(CASES)[1:] if chosen.quick else list(CASES)
    rounds = 1 if chosen.quick else chosen.rounds
    contestants = [OURS, REFERENCE, *([COMPILED] if chosen.compile else [])]
    training = [
        row for name in names for row in time_training(name, contestants, chosen.threads, rounds)
    ]
    print(build_training_table(training), flush=True)
    jobs = time_jobs(JOBS[:1] if chosen.quick else JOBS, rounds)
    print(build_job_table(jobs), flush=True)
    operators = measure(
        SCRIPT, "profile", CASES[names[0]], threads=chosen.threads, repeats=1, budget=0
    ).values["operators"]
    print(build_profile_table(names[0], operators))
    result = {
        "machine": describe_machine(),
        "date": get_time(),
        "training": training,
        "jobs": jobs,
        "profile": {"network": names[0], "operators": operators},
    }
    path = chosen.output / ("candidate-quick.json" if chosen.quick else "candidate.json")
    write_json(path, result)


def time_training(
    name: str, contestants: list[str], threads: int, rounds: int
) -> list[dict[str, Any]]:
    """Steps of one network, contestants in turn, so that a busy moment meets them alike."""
    found: dict[str, list[Measurement]] = {contestant: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant, measured in found.items():
            one = measure(SCRIPT, contestant, CASES[name], threads=threads, repeats=3, budget=60)
            measured.append(one)
    seconds = {key: [s for one in value for s in one.seconds] for key, value in found.items()}
    plain = median(seconds[REFERENCE])
    rows = []
    for contestant, measured in found.items():
        rows.append(
            measured[0].as_record()
            | {
                "network": name,
                "seconds": seconds[contestant],
                "median": median(seconds[contestant]),
                "images_per_second": measured[0].values["images"] / median(seconds[contestant]),
                "ratio": plain / median(seconds[contestant]),
                "others": max(one.others for one in measured),
                "steps": len(seconds[contestant]) * CASES[name]["steps"],
                "largest_difference": max(
                    abs(a - b)
                    for a, b in zip(
                        measured[0].values["losses"],
                        found[REFERENCE][0].values["losses"],
                        strict=True,
                    )
                ),
            }
        )
    return rows


def time_jobs(numbers: tuple[int, ...], rounds: int) -> list[dict[str, Any]]:
    """Whole jobs of the default configuration, with as many threads as it says."""
    threads = read_default()["premature"]["threads"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), max(numbers))
        for number in numbers:
            runs = [
                measure(
                    SCRIPT,
                    "job",
                    {"folder": folder, "candidates": number},
                    threads=threads,
                    repeats=1,
                    budget=0,
                )
                for _ in range(rounds)
            ]
            best = min((run.values for run in runs), key=lambda values: values["job"])
            rows.append(
                {
                    "candidates": number,
                    "seconds": [run.seconds for run in runs],
                    "others": max(run.others for run in runs),
                    **split_job(best, number),
                }
            )
    return rows


def split_job(values: dict[str, float], number: int) -> dict[str, float]:
    """Seconds of a job for each candidate, by what they were spent on."""
    parts = {
        "start": values["start"] + values["import"],
        "training": values["train_candidate"],
        "validation": values["measure_accuracy"],
        "scoring": values["score_network"],
    }
    parts["else"] = values["job"] - sum(parts.values())
    return {"job": values["job"] / number} | {key: value / number for key, value in parts.items()}


def build_training_table(rows: list[dict[str, Any]]) -> str:
    """Images a second; a busy machine is said below."""
    lines = [
        f"{row['network']} | {row['contestant']} | {row['images_per_second']:,.0f} | "
        f"{row['ratio']:.2f} | {row['steps']} | {row['peak_mb']:,.0f} | "
        f"{row['largest_difference']:.1e}"
        for row in rows
    ]
    return format_table(TRAINING_COLUMNS, lines) + describe_others(rows)


def build_job_table(rows: list[dict[str, Any]]) -> str:
    """Seconds of a candidate, from the start of its job's process to the end."""
    lines = []
    for row in rows:
        parts = [row[key] for key in ("job", "start", "training", "validation", "scoring", "else")]
        numbers = " | ".join(f"{part:.2f}" for part in parts)
        lines.append(f"{row['candidates']} | {numbers} | {row['training'] / row['job']:.0%}")
    return format_table(JOB_COLUMNS, lines) + describe_others(rows)


def build_profile_table(name: str, operators: list[dict[str, Any]]) -> str:
    """Where the time of our training steps goes."""
    lines = [f"operator, {name} | share of time | calls", "--- | --- | ---"]
    lines += [f"{one['operator']} | {one['share']:.1%} | {one['calls']}" for one in operators]
    return "".join(f"| {line} |\n" for line in lines)


if __name__ == "__main__":
    main()
