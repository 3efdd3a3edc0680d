"""Does a GPU compute what the CPU computes? Numbers, speed, memory and a resume, in one document.

    python benchmarks/gpu_check.py [--device cuda] [--quick] [--threads 8] [--output FILE]

Needs the project and its dependencies, no data and no network. Prints a JSON document on standard
output and a table on standard error; the exit code is 1 if a number is outside its tolerance or a
part failed, after all parts have run. ``--device cpu --quick`` compares the CPU with itself.

=============================  =========  =======================================================
number                         tolerance  why
=============================  =========  =======================================================
gradient in float32            0.03       Relative to its length, as the next one. Sums have another
                                          order, and ReLUs and maxima near their threshold change
                                          sides. On a CPU float32 is 0.005 from float64; another
                                          gradient would be 1.4 away.
gradient as trained            0.6        bf16 has 8 binary digits: 0.2 % an operation, some 40 in a
                                          row forward and backward. On a CPU bf16 is 0.24 away.
loss after the training [nat]  0.06       The same rounding, over the steps; bf16 on a CPU makes
                                          0.013. A network that learns nothing is 0.12 away.
similarity of layers           1e-4       `compare_features` promises so much of the exact
                                          coefficient, and layers are recorded in whole float32.
similarity, one wide layer     1e-5       Float32 moves pairs into neighbouring bins, which hides
                                          1e-6 of the variance of the ranks at most (MOST_BLURRED).
training losses, final [nat]   0.03       Means over an epoch; bf16 on a CPU makes 0.005.
validation loss [nat]          0.005      The same weights on both. A GPU evaluates in TF32, whose
                                          10 binary digits make 0.1 % of an output.
weights after a resume         0          The same operations in the same order; none of them adds
                                          up float numbers atomically.
=============================  =========  =======================================================
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from gpu_check_final import check_final
from gpu_check_inputs import FULL, QUICK, Inputs, load_images, write_images
from gpu_check_parts import check_candidate, check_rsa, check_scoring
from harness import describe_machine, list_versions

from tgas_neuro.runtime.devices import choose_device, computing_with
from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.runtime.provenance import get_time

Part = Callable[[Path, Inputs, torch.device], dict[str, Any]]
PARTS: dict[str, Part] = {
    "candidate": check_candidate,
    "scoring": check_scoring,
    "rsa": check_rsa,
    "final": check_final,
}
PACKAGES = ("tgas-neuro", "torch", "torchvision", "numpy", "scipy", "xarray", "pillow")


def main(arguments: list[str] | None = None) -> int:
    """Run all parts, print what came out; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:<n> or cpu")
    parser.add_argument("--quick", action="store_true", help="toy sizes, under a minute")
    parser.add_argument("--threads", type=int, default=8, help="of the CPU")
    parser.add_argument("--output", type=Path, help="writes the document here as well")
    chosen = parser.parse_args(arguments)
    try:
        device = choose_device(chosen.device, "--device")
    except UserError as error:
        parser.error(str(error))
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, computing_with(chosen.threads):
        parts = run_parts(PARTS, Path(folder), chosen.quick, device)
    checks = [check for part in parts.values() for check in part["checks"]]
    passed = all(check["inside"] for check in checks) and not any(
        "error" in p for p in parts.values()
    )
    document = {
        "passed": passed,
        "date": get_time(),
        "seconds": time.perf_counter() - started,
        "quick": chosen.quick,
        "threads": chosen.threads,
        "device": describe_device(device),
        "machine": describe_machine(),
        "versions": list_versions(PACKAGES),
        "parts": parts,
    }
    text = json.dumps(document, indent=2)
    print(text)
    if chosen.output:
        chosen.output.write_text(text + "\n", encoding="utf-8")
    print(format_summary(parts), file=sys.stderr)
    return 0 if passed else 1


def run_parts(
    parts: Mapping[str, Part], folder: Path, quick: bool, device: torch.device
) -> dict[str, dict[str, Any]]:
    """Run each part, whatever becomes of the others: its numbers, or its error."""
    case = QUICK if quick else FULL
    images = write_images(folder / "images", case)
    inputs = Inputs(case, images, *load_images(images, folder / "decoded", case))
    found: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():
        own, start = folder / name, time.perf_counter()
        own.mkdir()
        try:
            content = part(own, inputs, device)
        except Exception as error:
            content = {"checks": [], "error": describe_error(error)}
        content["checks"] = [
            {
                "name": check.name,
                # JSON has no infinity and no NaN
                "difference": check.difference if check.is_number else None,
                "tolerance": check.tolerance,
                "inside": check.inside,
            }
            for check in content["checks"]
        ]
        found[name] = content | {"part_seconds": time.perf_counter() - start}
    return found


def describe_device(device: torch.device) -> dict[str, Any]:
    """Name, memory [10^9 bytes], driver and libraries of a GPU; of the CPU its type."""
    if device.type != "cuda":
        return {"type": device.type}
    properties = torch.cuda.get_device_properties(device)
    return {
        "type": device.type,
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "memory_gb": round(properties.total_memory / 1e9, 1),
        "driver": _read_driver(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def _read_driver() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ended.stdout.split("\n", 1)[0].strip()


def format_summary(parts: Mapping[str, dict[str, Any]]) -> str:
    """A line for each number, and one for each speed and error."""
    lines = []
    for name, part in parts.items():
        for check in part["checks"]:
            word = "ok" if check["inside"] else "OUTSIDE"
            value = "none" if check["difference"] is None else f"{check['difference']:.1e}"
            lines.append(f"{check['name']:40} {value:>8} of {check['tolerance']:.0e}  {word}")
        if "ratio" in part:
            speed = part["images_per_second"]["tgas-neuro"]
            peak = part["training_peak_memory_mb"]["tgas-neuro"]
            lines.append(
                f"{name}: {speed:,.0f} images/s, {part['ratio']:.2f} times the plain loop, "
                f"{peak:,.0f} MB"
            )
        if "error" in part:
            lines.append(f"{name}: FAILED, {part['error']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
