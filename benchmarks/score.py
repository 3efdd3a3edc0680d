"""One layer scored against one region by every metric: tgas-neuro beside its peers.

    python benchmarks/score.py [--quick] [--sizes 640x4096x50 ...] [--metrics ridge ...]
        [--only tgas-neuro ...]

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
from rdm import find_rsatoolbox
from score_contestants import CONTESTANTS, METRICS
from tables import describe_others, format_table

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
SCRIPT = HERE / "score_contestants.py"
SIZES = ((640, 4096, 50), (3200, 4096, 168))  # stimuli, units, sites
FACTORS, OBJECTS = 24, 32
NOISE = 6.0  # of a site, beside a signal of deviation sqrt(24); ridge reaches r of about 0.3
THINGSVISION = ("thingsvision==2.7.3", "numba==0.60.0", "llvmlite==0.43.0")
THINGSVISION += ("torchtyping==0.1.5", "typeguard==2.13.3")
COLUMNS = (
    "metric",
    "contestant",
    "seconds",
    "runs",
    "ratio",
    "additional memory [MB]",
    "score",
    "difference",
)


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smaller size alone")
    parser.add_argument("--sizes", nargs="+", type=_parse_size, help="stimuli x units x sites")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=list(METRICS))
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="of the JSON file")
    chosen = parser.parse_args()
    sizes = tuple(chosen.sizes or (SIZES[:1] if chosen.quick else SIZES))
    wanted = [name for metric in chosen.metrics for name in METRICS[metric] if name in chosen.only]
    pythons: dict[str, Path | None] = {}
    paths: dict[str, Path | None] = {}
    if "rsatoolbox" in wanted:
        pythons["rsatoolbox"] = find_rsatoolbox()
    if "thingsvision" in wanted:
        paths["thingsvision"] = find_thingsvision()
    absent = {name for found in (pythons, paths) for name, place in found.items() if not place}
    rows, tables = [], []
    for size in sizes:
        found = compare_contestants(size, chosen, pythons, paths, absent)
        rows += found
        stimuli, units, sites = size
        tables.append(
            f"{stimuli:,} stimuli, {units:,} units, {sites} sites\n\n{build_table(found)}"
        )
    content = {"machine": describe_machine(), "date": get_time(), "rows": rows}
    whole = sizes == SIZES and chosen.metrics == list(METRICS) and not absent
    name = "score.json" if whole and chosen.only == list(CONTESTANTS) else "score-part.json"
    write_json(chosen.output / name, content)
    print(f"\n{json.dumps(content['machine'])}\n\n" + "\n".join(tables))
    print(describe_others(rows) + str(chosen.output / name))


def write_inputs(folder: Path, n_stimuli: int, n_units: int, n_sites: int) -> None:
    """Write features and responses with common factors, objects and crossed halves.

    ``features.npy`` (stimulus, unit) is rectified; ``responses.npy`` (stimulus, neuroid) are mean
    responses of sites with noise. Both are float32.
    """
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((n_stimuli, FACTORS))
    features = factors @ rng.standard_normal((FACTORS, n_units))
    features += rng.standard_normal(features.shape)
    responses = factors @ rng.standard_normal((FACTORS, n_sites))
    responses += NOISE * rng.standard_normal(responses.shape)
    np.save(folder / "features.npy", np.maximum(features, 0).astype(np.float32))
    np.save(folder / "responses.npy", responses.astype(np.float32))
    objects = rng.permutation(np.arange(n_stimuli) % OBJECTS)
    np.save(folder / "objects.npy", objects.astype(str))  # splits depend on their order
    np.save(folder / "half.npy", rng.permutation(np.arange(n_stimuli) % 2))


def compare_contestants(
    size: tuple[int, int, int],
    chosen: argparse.Namespace,
    pythons: dict[str, Path | None],
    paths: dict[str, Path | None],
    absent: set[str],
) -> list[dict[str, Any]]:
    """Rows of the table, one a metric and contestant; one that fails gives its message instead."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), *size)
        isolated = isolate_brainscore(Path(folder, "brainscore"))
        for metric in chosen.metrics:
            ours: Measurement | None = None
            for name in METRICS[metric]:
                if name not in chosen.only or name in absent:
                    continue
                print(f"{size}: {metric}: {name}", file=sys.stderr, flush=True)
                environment = isolated if name.startswith("Brain-Score") else {}
                if name in paths:
                    environment = {"PYTHONPATH": str(paths[name])}
                row: dict[str, Any] = {"size": list(size), "metric": metric, "contestant": name}
                try:
                    found = measure(
                        SCRIPT,
                        name,
                        {"folder": folder, "metric": metric},
                        python=pythons.get(name) or sys.executable,
                        threads=chosen.threads,
                        repeats=chosen.repeats,
                        environment=environment,
                    )
                except ContestantFailedError as error:
                    rows.append(row | {"failed": str(error)})
                    continue
                ours = found if name == "tgas-neuro" else ours
                row |= found.as_record()
                if ours is not None:
                    row["ratio"] = found.median / ours.median
                    row["difference"] = abs(found.values["score"] - ours.values["score"])
                rows.append(row)
    return rows


def find_thingsvision() -> Path | None:
    """Folder of thingsvision without what its extractors need, made when it is not there."""
    folder = HERE / ".venv-thingsvision"
    if (folder / "ready").exists():
        return folder
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--target", str(folder), *THINGSVISION]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"thingsvision is left out: {' '.join(command)}: {last}", file=sys.stderr)
        return None
    (folder / "ready").touch()
    return folder


def build_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table in Markdown."""
    lines = []
    for row in rows:
        start = f"{row['metric']} | {row['contestant']}"
        if "failed" in row:
            lines.append(f"{start} | failed: {row['failed']} | | | | | ")
            continue
        runs = f"{len(row['seconds'])}" + ("" if row["warmed_up"] else ", no warm-up")
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        difference = f"{row['difference']:.1e}" if row.get("difference") else ""
        lines.append(
            f"{start} | {row['median']:.3g} | {runs} | {ratio} | {row['peak_mb']:,.0f} | "
            f"{row['values']['score']:.6f} | {difference}"
        )
    return format_table(COLUMNS, lines)


def _parse_size(text: str) -> tuple[int, int, int]:
    try:
        n_stimuli, n_units, n_sites = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size; expected stimuli x units x sites without spaces: 640x4096x50"
        ) from None
    return n_stimuli, n_units, n_sites


if __name__ == "__main__":
    main()
