"""Noise ceilings and site reliability: tgas-neuro beside Brain-Score, and beside the truth.

    python benchmarks/noise_ceiling.py [--quick] [--output FOLDER] [--repeats 5] [--threads 2]

Prints tables in Markdown; writes them as JSON, with the machine and every measurement, and a
picture of the ceilings against simulated truth. For the ceiling Brain-Score is given the halves
that we draw, so that the coefficients can be compared; for the reliability of sites it draws its
own, and the difference is given in standard errors of its splits.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import (
    ContestantFailedError,
    Measurement,
    describe_machine,
    isolate_brainscore,
    measure,
)
from noise_ceiling_truth import QUICK as QUICK_GRID
from noise_ceiling_truth import draw_truth, measure_grid, summarise_grid
from tables import format_table

from tgas_neuro.figures.style import save_figure
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
SCRIPT = HERE / "noise_ceiling_contestants.py"
FULL = {"stimuli": 3200, "repetitions": 30, "sites": 256}
QUICK = {"stimuli": 400, "repetitions": 8, "sites": 64}
SPLITS = 100
RELIABILITY_SPLITS = 10  # as many as Brain-Score draws
PEER_SPLITS = 2  # of the ceiling, timed; its seconds are scaled to all splits
COLUMNS = ("work", "contestant", "seconds", "runs", "ratio", "additional memory [MB]", "agreement")


def main() -> None:
    """Parse the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small recordings, a small grid")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder")
    parser.add_argument("--skip", choices=("speed", "truth"), help="leave one of the two out")
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    name = "noise_ceiling-part" if chosen.quick or chosen.skip else "noise_ceiling"
    content: dict[str, Any] = {"machine": describe_machine(), "date": get_time()}
    print(f"{json.dumps(content['machine'])}\n")
    if chosen.skip != "speed":
        content["speed"] = compare_speed(
            QUICK if chosen.quick else FULL, chosen.threads, chosen.repeats
        )
        print(build_table(content["speed"]))
    if chosen.skip != "truth":
        content["truth"] = measure_grid(**(QUICK_GRID if chosen.quick else {}))
        save_figure(draw_truth(content["truth"]), chosen.output / f"{name}.png")
        print(summarise_grid(content["truth"]))
    write_json(chosen.output / f"{name}.json", content)
    print(chosen.output / f"{name}.json")


def compare_speed(size: dict[str, int], threads: int, repeats: int) -> list[dict[str, Any]]:
    """Measure ceilings and site reliability; rows of the table, ours before Brain-Score."""
    sites = size | {"sites": size["sites"] // 2}
    rows = []
    with tempfile.TemporaryDirectory() as folder:

        def take(contestant: str, **arguments: Any) -> Measurement:
            print(f"{contestant}: {arguments}", file=sys.stderr, flush=True)
            return measure(
                SCRIPT,
                contestant,
                arguments,
                threads=threads,
                repeats=repeats,
                environment=isolate_brainscore(folder),
            )

        ours = take("ceiling", normalise="zscore", splits=SPLITS, **size)
        rows.append(_build_row(f"ceiling, {_describe(size, SPLITS)}", "tgas-neuro", ours, ours))
        try:
            theirs = take("Brain-Score RDMMetric", splits=PEER_SPLITS, **size)
            same = take("ceiling", normalise="none", splits=PEER_SPLITS, **size)
            row = _build_row(
                rows[0]["work"], "Brain-Score RDMMetric", theirs, ours, SPLITS / PEER_SPLITS
            )
            pair = (np.array(item.values["splits"]) for item in (theirs, same))
            row["agreement"] = f"{np.abs(np.subtract(*pair)).max():.1e} in r"
            rows.append(row)
        except ContestantFailedError as error:
            rows.append(
                {"work": rows[0]["work"], "contestant": "Brain-Score", "failed": str(error)}
            )

        ours = take("reliability", splits=RELIABILITY_SPLITS, **sites)
        work = f"site reliability, {_describe(sites, RELIABILITY_SPLITS)}"
        rows.append(_build_row(work, "tgas-neuro", ours, ours))
        try:
            theirs = take("Brain-Score internal consistency", **sites)
            row = _build_row(work, "Brain-Score internal_consistency", theirs, ours)
            row["agreement"] = _compare_sites(ours, theirs)
            rows.append(row)
        except ContestantFailedError as error:
            rows.append({"work": work, "contestant": "Brain-Score", "failed": str(error)})
    return rows


def build_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table in Markdown; a busy machine is said below it."""
    lines = []
    for row in rows:
        start = f"{row['work']} | {row['contestant']}"
        if "failed" in row:
            lines.append(f"{start} | failed: {row['failed']} | | | |")
            continue
        scaled = "" if row["scale"] == 1 else f", {PEER_SPLITS} of {SPLITS} splits, scaled"
        lines.append(
            f"{start} | {row['scaled_seconds']:.3g} | {len(row['seconds'])}{scaled} | "
            f"{row['ratio']:.1f} | {row['peak_mb']:,.0f} | {row.get('agreement', '')}"
        )
    busiest = max(row.get("others", 0) for row in rows)
    note = f"\nOther processes used up to {busiest:.1f} cores meanwhile.\n" if busiest > 0.1 else ""
    return format_table(COLUMNS, lines) + note


def _build_row(
    work: str, name: str, item: Measurement, ours: Measurement, scale: float = 1.0
) -> dict[str, Any]:
    seconds = item.median * scale
    return item.as_record() | {
        "work": work,
        "contestant": name,
        "scale": scale,
        "scaled_seconds": seconds,
        "ratio": seconds / ours.median,
    }


def _compare_sites(ours: Measurement, theirs: Measurement) -> str:
    """Largest difference of a site, and the root mean square in standard errors of a difference."""
    difference = np.subtract(ours.values["sites"], theirs.values["sites"])
    # either is a mean over as many splits
    error = np.array(theirs.values["spread"]) * np.sqrt(2 / RELIABILITY_SPLITS)
    return (
        f"at most {np.abs(difference).max():.1e} a site, root mean square "
        f"{np.sqrt(np.mean((difference / error) ** 2)):.2f} standard errors"
    )


def _describe(size: dict[str, int], splits: int) -> str:
    return (
        f"{size['stimuli']:,} stimuli x {size['repetitions']} repetitions x {size['sites']} sites, "
        f"{splits} splits"
    )


if __name__ == "__main__":
    main()
