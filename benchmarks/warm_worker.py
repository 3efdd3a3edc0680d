"""Jobs of one candidate each, with the workflow's warm worker and without it.

    python benchmarks/warm_worker.py [--candidates 4] [--rounds 5]

A job is called as Snakemake calls it, one after the other, and evaluates a candidate of the size of
config.yaml. In turns the caller has the name of Snakemake, so that its jobs find a worker, or
another one, so that each job loads torch itself, as all did before there was a worker. Prints a
table in Markdown and writes it, with the machine and every measurement, as JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from harness import describe_machine
from tables import format_table

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.premature import Premature
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import get_time
from tgas_neuro.search.candidate import Inputs, make_record

HERE = Path(__file__).parent
CALLERS = {"warm worker": "snakemake", "torch loaded by each job": "caller"}
# Calls the jobs one after the other, and has a process of Snakemake's name above them, or not.
CALLER = """
import subprocess, sys
for number in range(int(sys.argv[4])):
    command = [sys.executable, sys.argv[1], "--job", str(number), *sys.argv[2:4]]
    subprocess.run(command, check=True)
"""
COLUMNS = ("jobs", "seconds a candidate", "ratio", "rounds")


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="of the JSON file")
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        evaluate(int(chosen.job[0]), Path(chosen.job[1]), Path(chosen.job[2]))
        return
    from candidate_inputs import write_inputs  # with xarray, which jobs do without

    seconds: dict[str, list[float]] = {key: [] for key in CALLERS}
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), chosen.candidates)
        found = {}
        for _ in range(chosen.rounds):
            for key, name in CALLERS.items():
                began = time.monotonic()
                found[key] = call(name, Path(folder), chosen.candidates)
                seconds[key].append((time.monotonic() - began) / chosen.candidates)
        first, second = found.values()
        if first != second:
            sys.exit("the records differ between the callers")
    medians = {key: median(values) for key, values in seconds.items()}
    slowest = max(medians.values())
    rows = [
        {
            "contestant": key,
            "seconds": seconds[key],
            "median": one,
            "ratio": one / slowest,
        }
        for key, one in medians.items()
    ]
    lines = [
        f"{row['contestant']} | {row['median']:.2f} | {row['ratio']:.2f} | {chosen.rounds}"
        for row in rows
    ]
    print(format_table(COLUMNS, lines))
    result = {"machine": describe_machine(), "date": get_time(), "rows": rows}
    write_json(chosen.output / "warm_worker.json", result)


def call(name: str, folder: Path, candidates: int) -> list[Any]:
    """What the candidates of a round found; the same whoever calls their jobs."""
    outputs = folder / name
    outputs.mkdir(exist_ok=True)
    caller = outputs / name
    caller.write_text(CALLER)
    command = [sys.executable, caller, __file__, folder, outputs, str(candidates)]
    subprocess.run([str(part) for part in command], check=True)
    records = [read_json(outputs / f"{number}.json") for number in range(candidates)]
    return [[one["state"], one["premature"], one["teacher"]] for one in records]


def evaluate(number: int, folder: Path, outputs: Path) -> None:
    """The job of one candidate."""
    inputs = read_json(folder / "inputs.json")
    record = make_record(
        inputs["proposals"][number],
        [],
        read_search(inputs["config"]["search"]),
        check_section(Premature, inputs["config"]["premature"], "inputs.json"),
        Inputs(folder, folder / "teacher.nc", folder / "ranks"),
        None,
        {},
    )
    (outputs / f"{number}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
