"""Contestants of a benchmark, each in a process of its own: seconds, additional memory, values.

A benchmark script holds a dict ``CONTESTANTS`` of functions that load or make their inputs and
return what is timed, a function of no arguments that returns a dict of values:

    def prepare_scipy(folder, size):
        features = np.load(f"{folder}/features.npy")
        return lambda: {"r": calc(features[:size])}

    CONTESTANTS = {"scipy": prepare_scipy}
    measurement = measure(__file__, "scipy", {"folder": "inputs", "size": 100})

The script is loaded by its path in the child, under any Python: whatever only one contestant
needs is imported inside its function. This file needs the standard library alone.
"""

import ctypes
import gc
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

MB = 1e6
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PACKAGES = ("numpy", "scipy", "torch", "xarray", "tgas-neuro", "brainscore-vision", "rsatoolbox")


class ContestantFailedError(Exception):
    """A contestant's process ended without a result; the message holds its last words."""


@dataclass(frozen=True)
class Measurement:
    """What one contestant took.

    Attributes
    ----------
    contestant
        Its name.
    seconds
        Wall time of each timed repeat [s].
    warmed_up
        Whether a run that is not counted came first; where one run alone outlasts the budget,
        that run is the only one and is counted.
    peak_mb
        Highest resident memory of the warm-up and all repeats beyond that of the moment before
        them [10^6 bytes], pages of mapped files included.
    file_mb
        Growth of the resident pages of mapped files from that moment to the end [10^6 bytes]: the
        kernel drops them when it needs the room.
    memory_source
        Where the peak comes from: ``"VmHWM"``, reset before the timed part, or ``"ru_maxrss"``,
        which cannot be reset: it counts only what exceeds the peak of loading the inputs.
    threads
        Number of threads allowed.
    others
        Mean number of cores that other processes used meanwhile; above about 0.1 the machine
        was busy and seconds are too long. NaN where /proc/stat is missing.
    values
        What the contestant found.
    versions
        Of the packages in its environment.
    """

    contestant: str
    seconds: list[float]
    warmed_up: bool
    peak_mb: float
    file_mb: float
    memory_source: str
    threads: int
    others: float
    values: dict[str, Any]
    versions: dict[str, str]

    @property
    def median(self) -> float:
        """Median of the repeats [s]."""
        return median(self.seconds)

    def as_record(self) -> dict[str, Any]:
        """As JSON holds it: all attributes and the median."""
        return {**asdict(self), "median": self.median}


def measure(
    script: str | Path,
    contestant: str,
    arguments: dict[str, Any],
    *,
    python: str | Path = sys.executable,
    threads: int = 2,
    repeats: int = 5,
    budget: float = 60,
    environment: dict[str, str] | None = None,
) -> Measurement:
    """Run a contestant in a process of its own: one warm-up, then the repeats.

    Parameters
    ----------
    script
        File with the dict ``CONTESTANTS``.
    contestant
        A key of it.
    arguments
        Keyword arguments of its function, as JSON can hold them.
    python
        Interpreter that runs it.
    threads
        Threads of OpenMP, MKL and OpenBLAS, and so of torch and numpy.
    repeats
        Timed repeats at most.
    budget
        Seconds for all timed repeats: a slow contestant gets fewer, at least one.
    environment
        More environment variables.

    Raises
    ------
    ContestantFailedError
        The process ended without a result.
    """
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    with tempfile.TemporaryDirectory() as folder:
        request, result = Path(folder, "request.json"), Path(folder, "result.json")
        content = {
            "script": str(Path(script).resolve()),
            "contestant": contestant,
            "arguments": arguments,
            "repeats": repeats,
            "budget": budget,
        }
        request.write_text(json.dumps(content), encoding="utf-8")
        ended = subprocess.run(
            [str(python), __file__, str(request), str(result)],
            env={**os.environ, **variables, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0 or not result.exists():
            last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            raise ContestantFailedError(f"{contestant}: status {ended.returncode}: {last}")
        found = json.loads(result.read_text(encoding="utf-8"))
    return Measurement(contestant=contestant, threads=threads, **found)


def describe_machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory [10^9 bytes], system and Python."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        entries = dict(line.split(":", 1) for line in reversed(text) if ":" in line)
        fields = {key.strip(): value.strip() for key, value in entries.items()}
    except OSError:
        fields = {}
    return {
        "processor": fields.get("model name") or platform.processor() or platform.machine(),
        "family_model": f"{fields.get('cpu family', '?')}/{fields.get('model', '?')}",
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def isolate_brainscore(folder: str | Path) -> dict[str, str]:
    """Environment in which Brain-Score neither installs, nor caches, nor asks the network."""
    return {
        "BS_INSTALL_DEPENDENCIES": "no",
        "RESULTCACHING_DISABLE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "BRAINSCORE_SKIP_MEMORY_CHECK": "1",
        **dict.fromkeys(("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"), str(folder)),
    }


def _run_contestant(request: dict[str, Any]) -> dict[str, Any]:
    """Prepare, then time; in the child."""
    run = _load_contestants(request["script"])[request["contestant"]](**request["arguments"])
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # what loading left behind is not room for the timed part
    before, source = _read_status(), _reset_peak()
    base = before["VmRSS"] if source == "VmHWM" else _read_ru_maxrss()
    busy, own, start = read_busy_seconds(), time.process_time(), time.perf_counter()
    warm_up, values = _time_once(run)
    values = json.loads(json.dumps(values, default=lambda value: value.tolist()))  # holds no array
    warmed_up = warm_up < request["budget"]
    repeats = max(1, min(request["repeats"], int(request["budget"] / warm_up)))
    seconds = [_time_once(run)[0] for _ in range(repeats)] if warmed_up else [warm_up]
    wall = time.perf_counter() - start
    others = (read_busy_seconds() - busy - (time.process_time() - own)) / wall
    after = _read_status()
    peak = after["VmHWM"] if source == "VmHWM" else _read_ru_maxrss()
    return {
        "seconds": seconds,
        "warmed_up": warmed_up,
        "peak_mb": max(0, peak - base) / MB,
        "file_mb": (after["RssFile"] - before["RssFile"]) / MB,
        "memory_source": source,
        "others": max(0.0, others) if others == others else others,
        "values": values,
        "versions": list_versions(),
    }


def _load_contestants(script: str) -> dict[str, Callable[..., Callable[[], dict[str, Any]]]]:
    specification = importlib.util.spec_from_file_location("benchmark_script", script)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module.CONTESTANTS


def _time_once(run: Callable[[], dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    values = run()
    return time.perf_counter() - start, values


def _reset_peak() -> str:
    """Set VmHWM back to the memory of now; name the source of peaks that is left."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return "ru_maxrss"
    return "VmHWM"


def _read_status() -> dict[str, float]:
    """Memory of this process [bytes]; NaN where the system has no /proc."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return dict.fromkeys(("VmRSS", "VmHWM", "RssFile"), float("nan"))
    entries = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): float(value) * 1024 for name, value, _ in entries}


def _read_ru_maxrss() -> float:
    """Highest resident memory of this process so far [bytes]."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def read_busy_seconds() -> float:
    """Seconds of work of all cores, time that a hypervisor took included; NaN if not known."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
    except OSError:
        return float("nan")
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(int, first)
    ticks = user + nice + system + interrupts + soft_interrupts + stolen
    return ticks / os.sysconf("SC_CLK_TCK")


def list_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Python's version and those of the packages that are installed."""
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def main() -> None:
    """In the child: read the request, write the result."""
    request, result = map(Path, sys.argv[1:3])
    found = _run_contestant(json.loads(request.read_text(encoding="utf-8")))
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
