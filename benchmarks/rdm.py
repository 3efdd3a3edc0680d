"""RDMs of one layer compared with those of two regions: tgas-neuro beside its peers.

    python benchmarks/rdm.py [--quick] [--sizes 640x2048 ...] [--only tgas-neuro ...]

Prints a table in Markdown and writes it, with the machine and every measurement, as JSON.
"""

import argparse
import json
import subprocess
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
from rdm_contestants import CONTESTANTS
from rdm_inputs import REGIONS, write_inputs
from tables import describe_others, format_table

from tgas_neuro.rdm.streaming.ranked import rank_rdms
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
SCRIPT = HERE / "rdm_contestants.py"
SIZES = ((640, 2048), (3200, 1024), (5760, 4096), (20_000, 1024))
QUICK_SIZES = ((640, 2048),)
LARGEST_IN_MEMORY = 6000  # stimuli
MOST_ROWS = {"Brain-Score": 6000, "rsatoolbox": 6000, "scipy, float64": 3200}
RSATOOLBOX = "rsatoolbox==0.3.2"
COLUMNS = (
    "stimuli x units",
    "contestant",
    "seconds",
    "runs",
    "ratio",
    "additional memory [MB]",
    "largest difference",
)


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest size alone")
    parser.add_argument("--sizes", nargs="+", type=_parse_size, help="stimuli x units: 640x2048")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--output", type=Path, default=HERE / "results", help="folder of the JSON file"
    )
    chosen = parser.parse_args()
    sizes = chosen.sizes or (QUICK_SIZES if chosen.quick else SIZES)
    rsatoolbox = find_rsatoolbox() if "rsatoolbox" in chosen.only else None
    names = [name for name in chosen.only if name != "rsatoolbox" or rsatoolbox is not None]
    rows = []
    for size in sizes:
        names_here = [name for name in names if size[0] <= MOST_ROWS.get(name, size[0])]
        found = compare_contestants(*size, names_here, rsatoolbox, chosen.threads, chosen.repeats)
        rows += build_rows(size, found)
    content = {"machine": describe_machine(), "date": get_time(), "rows": rows}
    whole = tuple(sizes) == SIZES and names == list(CONTESTANTS)
    name = "rdm.json" if whole else "rdm-part.json"
    write_json(chosen.output / name, content)
    print(f"\n{json.dumps(content['machine'])}\n\n{build_table(rows)}\n{chosen.output / name}")


def compare_contestants(
    n_rows: int,
    n_units: int,
    names: list[str],
    rsatoolbox: Path | None,
    threads: int,
    repeats: int,
) -> dict[str, Measurement | str]:
    """Measure contestants at one size; one that fails gives its message instead.

    Two regions, whose ranks are in memory before; beyond `LARGEST_IN_MEMORY` one region, whose
    ranks are mapped from a file and count as memory where they are read.
    """
    in_memory = n_rows <= LARGEST_IN_MEMORY
    regions = REGIONS if in_memory else REGIONS[:1]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), n_rows, n_units, len(regions))
        rdms = {region: np.load(Path(folder, f"{region}.npy"), mmap_mode="c") for region in regions}
        rank_rdms(rdms, np.load(Path(folder, "half.npy"))).save(Path(folder, "ranks"))
        isolated = isolate_brainscore(Path(folder, "brainscore"))
        for name in names:
            print(f"{n_rows} x {n_units}: {name}", file=sys.stderr, flush=True)
            arguments: dict[str, Any] = {"folder": folder, "regions": list(regions)}
            if name == "tgas-neuro":
                arguments["mapped"] = not in_memory
            try:
                found[name] = measure(
                    SCRIPT,
                    name,
                    arguments,
                    python=rsatoolbox if name == "rsatoolbox" else sys.executable,
                    threads=threads,
                    repeats=repeats,
                    environment=isolated if name == "Brain-Score" else None,
                )
            except ContestantFailedError as error:
                found[name] = str(error)
    return found


def find_rsatoolbox() -> Path | None:
    """Python of an environment with rsatoolbox, made when it is not there; None when it cannot."""
    folder = HERE / ".venv-rsatoolbox"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", RSATOOLBOX],
    )
    for command in commands:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            print(f"rsatoolbox is left out: {' '.join(command)}: {last}", file=sys.stderr)
            return None
    (folder / "ready").touch()
    return python


def build_rows(size: tuple[int, int], found: dict[str, Measurement | str]) -> list[dict[str, Any]]:
    """Rows of the table, one a contestant: what it took, beside tgas-neuro and the oracle.

    The oracle is scipy, where it took part; else Brain-Score, which also works in float64.
    """
    measured = {name: item for name, item in found.items() if isinstance(item, Measurement)}
    ours = measured.get("tgas-neuro")
    oracle = next((name for name in ("scipy, float64", "Brain-Score") if name in measured), None)
    rows = []
    for name, item in found.items():
        row: dict[str, Any] = {"size": list(size), "contestant": name}
        if isinstance(item, str):
            rows.append(row | {"failed": item})
            continue
        row |= item.as_record()
        row["ratio"] = item.median / ours.median if ours else None
        if oracle is not None and name != oracle:
            truth = measured[oracle].values
            shared = [abs(r - truth[key]) for key, r in item.values.items() if key in truth]
            row |= {"largest_difference": max(shared, default=None), "difference_to": oracle}
        rows.append(row)
    return rows


def build_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table in Markdown; a busy machine is said below it."""
    lines = []
    for row in rows:
        size = " x ".join(f"{number:,}" for number in row["size"])
        if "failed" in row:
            lines.append(f"{size} | {row['contestant']} | failed: {row['failed']} | | | |")
            continue
        runs = f"{len(row['seconds'])}" + ("" if row["warmed_up"] else ", no warm-up")
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        difference = row.get("largest_difference")
        memory = f"{row['peak_mb']:,.0f}"
        if row["file_mb"] > row["peak_mb"] / 2:
            memory += f", {row['file_mb']:,.0f} of them mapped files"
        agreement = "" if difference is None else f"{difference:.1e} to {row['difference_to']}"
        lines.append(
            f"{size} | {row['contestant']} | {row['median']:.3g} | {runs} | {ratio} | "
            f"{memory} | {agreement}"
        )
    return format_table(COLUMNS, lines) + describe_others(rows)


def _parse_size(text: str) -> tuple[int, int]:
    try:
        n_rows, n_units = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size; expected stimuli x units without spaces, as 640x2048"
        ) from None
    return n_rows, n_units


if __name__ == "__main__":
    main()
