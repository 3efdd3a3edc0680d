"""The final training's images a second beside timm's own loop, and what a resume costs.

    python benchmarks/final_speed.py [--quick] [--rounds 5] [--threads 2] [--old FOLDER]

Mobile PNASNet-5 at 224 pixels. Prints tables in Markdown and writes them, with the machine and
every measurement, as JSON.
"""

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any

from final_speed_contestants import MIXED, OURS, PEAK, TIMM, TIMM_LAST, build_skeleton
from final_speed_resume import build_resume_table, time_resumes
from harness import PACKAGES, Measurement, describe_machine, list_versions, measure
from image_loading_inputs import write_images
from tables import describe_others, format_table

from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
SCRIPT = HERE / "final_speed_contestants.py"
MOBILE = {
    "size": 224,
    "filters": 54,
    "stem_filters": 32,
    "cells": 3,
    "classes": 1000,
    "batch": 8,
    "steps": 2,
}
QUICK = MOBILE | {"size": 64, "filters": 8, "stem_filters": 8, "cells": 1, "batch": 4}
IMAGES = 320  # of the training split; as many of the validation split, which is kept in memory
WORK = ("steps", "from files")
# A thread that waits for another one sleeps: waiting is no processor time.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
LARGEST_DIFFERENCE = 0.05  # of losses around 6
COLUMNS = (
    "work",
    "contestant",
    "images/s",
    "times timm",
    "times timm --channels-last",
    "CPU s an image",
    "times timm, CPU",
    "times timm --channels-last, CPU",
)


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small network, one round")
    parser.add_argument("--rounds", type=int, default=5, help="of all contestants in turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--old", type=Path, help="a checkout whose resume is measured as well")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of the JSON")
    chosen = parser.parse_args()
    case, rounds = (QUICK, 1) if chosen.quick else (MOBILE, chosen.rounds)
    folder = write_images(HERE / "work" / "image_loading", IMAGES)
    arguments = {"case": case, "folder": str(folder)}
    peak = [measure(SCRIPT, PEAK, arguments, threads=1, budget=0).values for _ in range(rounds)]
    rows = time_steps(arguments, chosen.threads, rounds)
    print(build_table(rows), flush=True)
    bound = calc_bound(case, peak)
    print(describe_bound(bound, rows), flush=True)
    resumes = time_resumes(case, folder, chosen.threads, rounds, chosen.old)
    print(build_resume_table(resumes))
    result = {
        "machine": describe_machine(),
        "versions": list_versions((*PACKAGES, "torchvision", "timm")),
        "date": get_time(),
        "case": case,
        "threads": chosen.threads,
        "training": rows,
        "bound": bound,
        "resumes": resumes,
    }
    chosen.output.mkdir(parents=True, exist_ok=True)
    write_json(chosen.output / f"final_speed{'-quick' if chosen.quick else ''}.json", result)


def time_steps(arguments: dict[str, Any], threads: int, rounds: int) -> list[dict[str, Any]]:
    """Steps of all contestants in turn, each turn in a process of its own."""
    found: dict[str, list[Measurement]] = {name: [] for name in (OURS, TIMM, TIMM_LAST, MIXED)}
    for _ in range(rounds):
        for name, turns in found.items():
            turns.append(
                measure(SCRIPT, name, arguments, threads=threads, budget=0, environment=WAITING)
            )
    difference = find_difference(
        {name: turns[0].values["steps"]["losses"] for name, turns in found.items()}
    )
    if not difference < LARGEST_DIFFERENCE:
        sys.exit(f"losses differ by {difference}: the contestants do not train the same network")
    return [row for work in WORK for row in describe_steps(work, arguments["case"], found)]


def describe_steps(
    work: str, case: dict[str, Any], found: dict[str, list[Measurement]]
) -> list[dict[str, Any]]:
    """A row for each contestant: medians over rounds of a round's fastest step."""
    seconds, cpu_seconds = (
        {name: [min(turn.values[work][key]) for turn in turns] for name, turns in found.items()}
        for key in ("step_seconds", "cpu_seconds")
    )
    return [
        {
            "work": work,
            "contestant": name,
            "images_per_second": case["batch"] / median(seconds[name]),
            "cpu_seconds_an_image": median(cpu_seconds[name]) / case["batch"],
            "ratios": calc_ratios(seconds, name),
            "ratios_cpu": calc_ratios(cpu_seconds, name),
            "others": max(turn.others for turn in turns),
            "turns": [turn.values[work] for turn in turns],
            "peak_mb": [turn.peak_mb for turn in turns],
        }
        for name, turns in found.items()
    ]


def calc_ratios(seconds: dict[str, list[float]], name: str) -> dict[str, float]:
    """How many times as fast as timm and timm --channels-last; medians over rounds."""
    return {
        peer: median(
            theirs / ours for theirs, ours in zip(seconds[peer], seconds[name], strict=True)
        )
        for peer in (TIMM, TIMM_LAST)
    }


def find_difference(losses: dict[str, list[float]]) -> float:
    """Largest difference of a contestant's losses from ours.

    In float64 all train the same network in the same way (`tests/benchmarks`). In float32 rounding
    differs, most of all channels last, and training amplifies that.
    """
    return max(
        abs(a - b) for found in losses.values() for a, b in zip(found, losses[OURS], strict=True)
    )


def calc_bound(case: dict[str, Any], peak: list[dict[str, float]]) -> dict[str, float]:
    """What one core needs at least for an image: operations and bytes at the measured peak."""
    cost = calc_complexity(PNASNET5, build_skeleton(case))
    operations, speed = cost.macs * 2 * 3, max(one["operations"] for one in peak)
    moved, bandwidth = peak[0]["bytes_an_image"], max(one["bytes"] for one in peak)
    return {
        "params": cost.params,
        "macs": cost.macs,
        "operations": operations,
        "operations_per_second": speed,
        "seconds_of_operations": operations / speed,
        "bytes": moved,
        "bytes_per_second": bandwidth,
        "seconds_of_bytes": moved / bandwidth,
    }


def build_table(rows: list[dict[str, Any]]) -> str:
    """Images a second, and ratios round by round: of seconds, and of processor time."""
    lines = [
        f"{row['work']} | {row['contestant']} | {row['images_per_second']:.2f} | "
        f"{row['ratios'][TIMM]:.2f} | {row['ratios'][TIMM_LAST]:.2f} | "
        f"{row['cpu_seconds_an_image']:.3f} | "
        f"{row['ratios_cpu'][TIMM]:.2f} | {row['ratios_cpu'][TIMM_LAST]:.2f}"
        for row in rows
    ]
    return format_table(COLUMNS, lines) + describe_others(rows)


def describe_bound(bound: dict[str, float], rows: list[dict[str, Any]]) -> str:
    """The bound in words, and how near our steps are."""
    taken = next(row["cpu_seconds_an_image"] for row in rows if row["contestant"] == OURS)
    return (
        f"Of one core, an image needs {bound['seconds_of_operations']:.3f} s for "
        f"{bound['operations'] / 1e9:.2f} thousand million operations at "
        f"{bound['operations_per_second'] / 1e9:.0f} thousand million a second (a product of "
        "2,048 rows), and "
        f"{bound['seconds_of_bytes']:.3f} s for {bound['bytes'] / 1e6:.0f} MB at "
        f"{bound['bytes_per_second'] / 1e9:.1f} GB/s (a copy). tgas-neuro takes {taken:.3f} s.\n"
    )


if __name__ == "__main__":
    main()
