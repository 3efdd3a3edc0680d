"""The streaming scorer: all pairs against a sample of them, this checkout against an older one.

    python benchmarks/streaming.py [--old FOLDER] [--quick] [--only PART ...] [--threads 2]

Contestants take turns, so that a busy moment meets all of them; what counts are the ratios. Prints
tables in Markdown and adds the measurements to ``streaming.json``.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from harness import describe_machine
from tables import format_table

from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import get_time

HERE = Path(__file__).parent
LARGE, LAYER = (22_248, 4096, 3), (5760, 4096, 2)  # stimuli, units, regions
PAIRS = (1_000_000, 2_000_000, 4_000_000)
COLUMNS = (
    "contestant",
    "seconds",
    "processor time [s]",
    "times faster than the first",
    "by processor time",
    "additional memory [MB]",
)
BASE = (5562, 1024, 1)
GROWTH = {
    "stimuli": [(n, 1024, 1) for n in (2781, 5562, 11_124)],
    "units": [(5562, n, 1) for n in (512, 1024, 2048, 4096)],
    "regions": [(5562, 1024, n) for n in (1, 2, 3)],
}
CHILD = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
sys.path.insert(1, sys.argv[2])
from streaming_inputs import build_inputs, import_scorer
n, d, regions, pairs, layers, threads = json.loads(sys.argv[3])
import torch
torch.set_num_threads(threads)
compare_features = import_scorer()
features, ranked = build_inputs(n, d, regions, pairs)
compare_features(features, ranked)

def read(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(name))

for _ in sys.stdin:
    Path("/proc/self/clear_refs").write_text("5")
    before = read("VmRSS")
    wall, own = time.perf_counter(), time.process_time()
    for _ in range(layers):
        found = compare_features(features, ranked)
    seconds, cpu = time.perf_counter() - wall, time.process_time() - own
    values = [found["region_0"][subset] for subset in ("all", "half_0", "half_1")]
    row = {"seconds": seconds, "cpu": cpu, "peak_mb": read("VmHWM") - before, "values": values}
    print(json.dumps(row), flush=True)
"""


def take_turns(contestants: dict[str, tuple[Any, ...]], threads: int, repeats: int) -> list[dict]:
    """Measure contestants: name to checkout, (stimuli, units, regions), pairs and layers."""
    children = {}
    for name, (checkout, size, pairs, layers) in contestants.items():
        arguments = json.dumps([*size, pairs, layers, threads])
        command = [sys.executable, "-c", CHILD, str(checkout), str(HERE), arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        children[name] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in children}
    for _ in range(repeats):
        for name, child in children.items():
            child.stdin.write("\n")
            child.stdin.flush()
            line = child.stdout.readline()
            if not line:
                sys.exit(f"{name}: the process of this contestant has ended")
            measured[name].append(json.loads(line))
    for child in children.values():
        child.stdin.close()
        child.wait()
    first = next(iter(measured))
    rows = []
    for name, found in measured.items():
        ratios = {
            key: median(a[key] / b[key] for a, b in zip(measured[first], found, strict=True))
            for key in ("seconds", "cpu")
        }
        rows.append(
            {
                "contestant": name,
                "seconds": [round(one["seconds"], 4) for one in found],
                "cpu": [round(one["cpu"], 4) for one in found],
                "peak_mb": round(max(one["peak_mb"] for one in found), 1),
                "times_faster_than": first,
                "ratio": round(ratios["seconds"], 3),
                "ratio_cpu": round(ratios["cpu"], 3),
                "values": found[0]["values"],
            }
        )
    return rows


def main() -> None:
    """Parse the command line, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", type=Path, help="an older checkout, for all pairs")
    parser.add_argument("--quick", action="store_true", help="5,760 x 4,096 alone")
    parser.add_argument("--only", nargs="+", help="parts, by the names in the results")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="of the JSON file")
    chosen = parser.parse_args()
    here, path = HERE.parent, chosen.output / "streaming.json"
    old = {"all pairs, old": (chosen.old, LAYER, None, 1)} if chosen.old else {}
    parts: dict[str, dict[str, tuple[Any, ...]]] = {
        "one layer": old | {"all pairs": (here, LAYER, None, 1)},
        # 4.5 GB of ranks: an older checkout would need as much again
        "22,248 stimuli": {"all pairs": (here, LARGE, None, 1)}
        | {f"{n:,} pairs": (here, LARGE, n, 1) for n in PAIRS},
    }
    for what, sizes in GROWTH.items():
        for pairs in (None, 500_000):
            of = "all pairs" if pairs is None else f"{pairs:,} pairs"
            parts[f"growth in {what}, {of}"] = {
                " x ".join(map(str, size)): (here, size, pairs, 1) for size in sizes
            }
    parts["growth in layers, 500,000 pairs"] = {
        f"{n} layers": (here, BASE, 500_000, n) for n in (1, 2, 4)
    }
    if chosen.quick:
        parts = {"one layer": parts["one layer"]}
    content = read_json(path) if path.is_file() else {}
    for name, contestants in parts.items():
        if chosen.only and name not in chosen.only:
            continue
        rows = take_turns(contestants, chosen.threads, chosen.repeats)
        entry = {"date": get_time(), "threads": chosen.threads, "load": os.getloadavg()[0]}
        content = {**content, "machine": describe_machine(), name: {**entry, "rows": rows}}
        write_json(path, content)
        print(f"\n{name}\n\n{build_table(rows)}", flush=True)


def build_table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        f"{row['contestant']} | {median(row['seconds']):.3g} | {median(row['cpu']):.3g} | "
        f"{row['ratio']:.3g} | {row['ratio_cpu']:.3g} | {row['peak_mb']:,.0f}"
        for row in rows
    ]
    return format_table(COLUMNS, lines)


if __name__ == "__main__":
    main()
