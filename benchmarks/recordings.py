"""Recordings: means over repetitions beside Brain-Score, the laboratory's file beside plain h5py.

    python benchmarks/recordings.py [--quick] [--output FOLDER] [--repeats 5] [--threads 2]

Prints a table in Markdown; writes it as JSON, with the machine and every measurement. Recordings
are made, in the sizes of Majaj, Hong et al. 2015: its public part, and the laboratory's file.
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
from recordings_contestants import NUMBERS, SEMANTIC, TEXTS
from tables import format_table

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from support.lab_file import LabFileForm, write_lab_file  # noqa: E402

SCRIPT = HERE / "recordings_contestants.py"
# levels V0 and V3: 148,480 presentations of 3,200 stimuli
FULL = {"images": [640, 2560], "trials": [28, 51], "sites": 256}
QUICK = {"images": [64, 256], "trials": [5, 9], "sites": 32}
QUICK_FORM = LabFileForm(images={"V0": 64, "V3": 128, "V6": 128}, image_size=32)
COORDS = [*TEXTS, *NUMBERS, *SEMANTIC]
LAB_FILE = "ventral_neural_data.hdf5"
ROWS_AT_ONCE = 10_000
COLUMNS = (
    "work",
    "contestant",
    "seconds",
    "runs",
    "ratio",
    "additional memory [MB]",
    "whole process [MB]",
    "largest difference",
)
Entry = tuple[str, dict[str, Any]]  # key of the contestant, its arguments


def main() -> None:
    """Parse the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small recordings, a small file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder")
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for measure_all in (compare_averages, compare_readings):
        with tempfile.TemporaryDirectory() as folder:
            rows += measure_all(Path(folder), chosen.quick, chosen.threads, chosen.repeats)
    content = {"machine": describe_machine(), "date": get_time(), "rows": rows}
    path = chosen.output / ("recordings-part.json" if chosen.quick else "recordings.json")
    write_json(path, content)
    print(f"{json.dumps(content['machine'])}\n\n{build_table(rows)}\n{path}")


def compare_averages(folder: Path, quick: bool, threads: int, repeats: int) -> list[dict[str, Any]]:
    """Means over the repetitions of each stimulus; differences are those from a float64 loop."""
    size = QUICK if quick else FULL
    presentations = int(np.dot(size["images"], size["trials"]))
    work = (
        f"means over repetitions, {presentations:,} presentations of {sum(size['images']):,} "
        f"stimuli x {size['sites']} sites"
    )
    entries: dict[str, Entry] = {
        "tgas-neuro": ("average", size | {"dtype": "float64", "listed": True}),
        "tgas-neuro, sums in float32": ("average", size | {"dtype": "float32", "listed": True}),
        "tgas-neuro, stimuli listed first": (
            "average",
            size | {"dtype": "float64", "listed": False},
        ),
        "Brain-Score average_repetition": ("Brain-Score", size | {"coords": COORDS}),
        "Brain-Score, stimulus_id and object_name alone": (
            "Brain-Score",
            size | {"coords": ["object_name"]},
        ),
        "loop over stimuli, float64": ("loop", size),
    }
    return _compare(work, entries, "loop over stimuli, float64", folder, threads, repeats)


def compare_readings(folder: Path, quick: bool, threads: int, repeats: int) -> list[dict[str, Any]]:
    """The laboratory's file, made at its size, to a validated assembly; plainly to a table."""
    form, path = QUICK_FORM if quick else LabFileForm(), folder / LAB_FILE
    write_lab_file(path, np.random.default_rng(0), form)
    presentations = sum(form.images[level] * form.trials[level] for level in form.images)
    work = (
        f"the laboratory's file, {sum(form.images.values()):,} images, {presentations:,} "
        f"presentations x {sum(form.sites.values())} sites, {path.stat().st_size / 1e6:,.0f} MB"
    )
    entries: dict[str, Entry] = {
        "tgas-neuro, validated": ("reading", {"path": str(path)}),
        "h5py, numpy, pandas, unchecked": ("plain reading", {"path": str(path)}),
    }
    return _compare(work, entries, "h5py, numpy, pandas, unchecked", folder, threads, repeats)


def build_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table in Markdown; a busy machine is said below it."""
    lines = []
    for row in rows:
        start = f"{row['work']} | {row['contestant']}"
        if "failed" in row:
            lines.append(f"{start} | failed: {row['failed']} | | | | |")
            continue
        runs = f"{len(row['seconds'])}" + ("" if row["warmed_up"] else ", no warm-up")
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        process = "" if row["process_mb"] is None else f"{row['process_mb']:,.0f}"
        difference = row["largest_difference"]
        lines.append(
            f"{start} | {row['median']:.3g} | {runs} | {ratio} | {row['peak_mb']:,.0f} | "
            f"{process} | {'' if difference is None else f'{difference:.1e}'}"
        )
    busiest = max(row.get("others", 0) for row in rows)
    note = f"\nOther processes used up to {busiest:.1f} cores meanwhile.\n" if busiest > 0.1 else ""
    return format_table(COLUMNS, lines) + note


def _compare(
    work: str, entries: dict[str, Entry], oracle: str, folder: Path, threads: int, repeats: int
) -> list[dict[str, Any]]:
    """Measure all; the first is ours, the largest difference that of any value from the oracle's.

    A contestant that fails gives its message.
    """
    found: dict[str, Measurement | str] = {}
    for name, (contestant, arguments) in entries.items():
        print(f"{work}: {name}", file=sys.stderr, flush=True)
        try:
            found[name] = measure(
                SCRIPT,
                contestant,
                {"folder": str(folder), "name": name, **arguments},
                threads=threads,
                repeats=repeats,
                environment=isolate_brainscore(folder),
            )
        except ContestantFailedError as error:
            found[name] = str(error)
    ours = next(iter(found.values()))
    rows = []
    for name, item in found.items():
        row: dict[str, Any] = {"work": work, "contestant": name}
        if isinstance(item, str):
            rows.append(row | {"failed": item})
            continue
        row |= item.as_record() | row | item.values  # `contestant` as the table names it
        del row["values"]
        row["ratio"] = item.median / ours.median if isinstance(ours, Measurement) else None
        row["largest_difference"] = None
        if name != oracle and isinstance(found[oracle], Measurement):
            row["largest_difference"] = _find_largest_difference(folder, name, oracle)
        rows.append(row)
    return rows


def _find_largest_difference(folder: Path, one: str, other: str) -> float:
    pair = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in (one, other)]
    if pair[0].shape != pair[1].shape:
        return float("nan")
    largest = 0.0
    for start in range(0, len(pair[0]), ROWS_AT_ONCE):
        block = (values[start : start + ROWS_AT_ONCE].astype(float) for values in pair)
        largest = max(largest, float(np.abs(np.subtract(*block)).max()))
    return largest


if __name__ == "__main__":
    main()
