"""All benchmarks, one after the other, in under 30 minutes on two quiet cores.

    python benchmarks/run_all.py [--only rdm score ...] [--old FOLDER] [--output FOLDER]

Each runs as a process of its own, in the whole or in a short form; what would take longer, or needs
what is not here, is left out, with a line that says why. A benchmark that fails, or takes
`PATIENCE` times its budget, does not stop the others. At the end comes a table of all ratios, each
beside the target or the earlier result in ``results/``. JSON files go to the output folder; that of
a short form gets ``-part`` in its name and replaces no whole one. The exit code is 1 if a benchmark
failed.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from run_all_list import Benchmark, list_benchmarks
from tables import describe_others, format_table

from tgas_neuro.runtime.files import read_json

HERE = Path(__file__).parent
PATIENCE = 10  # times the budget
NAMES = ("size", "work", "network", "metric", "contestant")  # what a measurement is of
COLUMNS = ("benchmark", "measured", "ratio", "earlier", "target")
TIME_COLUMNS = ("benchmark", "form", "minutes", "of processors", "budget", "ended")


@dataclass(frozen=True)
class Run:
    """How a benchmark ended.

    Attributes
    ----------
    minutes, processor_minutes
        On the clock, and of all its processes together [min].
    failure
        Why it failed; empty if it did not.
    ratios
        Lines of the table: what was measured, its ratio or ``failed``, the earlier one.
    others
        Most cores that other processes used meanwhile; ratios of a busy machine are wrong.
    """

    minutes: float
    processor_minutes: float
    failure: str
    ratios: list[tuple[str, str, str]]
    others: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run all, print the tables; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="scripts, without their ending")
    parser.add_argument("--old", type=Path, help="an older checkout to compare with")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of the JSON")
    chosen = parser.parse_args(arguments)
    benchmarks = list_benchmarks(chosen.old)
    names = [one.script for one in benchmarks]
    for name in chosen.only or []:
        if name not in names:
            parser.error(f"--only: {name!r} is no benchmark; there are: {', '.join(names)}")
    wanted = [one for one in benchmarks if not chosen.only or one.script in chosen.only]
    return run_all(wanted, HERE, chosen.output)


def run_all(benchmarks: Sequence[Benchmark], folder: Path, output: Path) -> int:
    """Run benchmarks whose scripts lie in a folder; the exit code."""
    output.mkdir(parents=True, exist_ok=True)
    runs: dict[str, Run] = {}
    for one in benchmarks:
        if one.absent:
            print(f"{one.script} is left out: {one.absent}", flush=True)
            continue
        print(f"\n# {one.script}.py {' '.join(one.arguments)}\n", flush=True)
        runs[one.script] = run_one(one, folder, output)
    budgets = sum(one.budget for one in benchmarks if one.script in runs)
    minutes = sum(run.minutes for run in runs.values())
    busy = describe_others({"others": run.others} for run in runs.values())
    print(f"\n# All ratios\n\n{build_ratio_table(benchmarks, runs)}{busy}")
    print(f"# Time, {minutes:.0f} min of {budgets:g}\n\n{build_time_table(benchmarks, runs)}")
    for one in benchmarks:
        if one.absent:
            print(f"{one.script} is left out: {one.absent}")
    return 1 if any(run.failure for run in runs.values()) else 0


def run_one(one: Benchmark, folder: Path, output: Path) -> Run:
    """Run a benchmark in a process of its own and take its JSON files to the output folder."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made, "gpu_check.json") if one.script == "gpu_check" else Path(made)
        command = [sys.executable, str(folder / f"{one.script}.py"), *one.arguments]
        began, before = time.monotonic(), _read_processor_seconds()
        failure = _call([*command, "--output", str(place)], one.budget * 60 * PATIENCE)
        minutes = (time.monotonic() - began) / 60
        processor_minutes = (_read_processor_seconds() - before) / 60
        ratios: list[tuple[str, str, str]] = []
        others = [0.0]
        for path in sorted(Path(made).glob("*.json")):
            content = read_json(path)
            earlier = _read_earlier(folder / "results", path.stem)
            ratios += [
                (name, f"{ratio:.2f}", f"{earlier[name]:.2f}" if name in earlier else "")
                for name, ratio in list_ratios(content)
            ]
            rows = [row for _, row in _list_rows(content, "") if "ratio" in row]
            others += [row.get("others", 0) for row in rows]
            failed = list(list_failures(content))
            ratios += [(line, "failed", "") for line in failed]
            failure = failure or "; ".join(line for line in failed if "tgas-neuro" in line)
        for path in Path(made).iterdir():
            part = "-part" if one.form and not path.stem.endswith(("-part", "-quick")) else ""
            shutil.copyfile(path, output / f"{path.stem}{part}{path.suffix}")
    if not failure and not ratios:
        failure = "it wrote no ratio"
    return Run(minutes, processor_minutes, failure, ratios, max(others))


def _call(command: list[str], seconds: float) -> str:
    """Run a command, and end it and its children after so many seconds; why it failed, or ""."""
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            code = process.wait(seconds)
        except BaseException as error:  # as Ctrl-C, which its own session does not get
            os.killpg(process.pid, 9)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"not done after {seconds / 60:.0f} min"
    return f"exit code {code}" if code else ""


def _read_processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_earlier(results: Path, stem: str) -> dict[str, float]:
    """Ratios of the whole form in the results."""
    path = results / f"{stem.removesuffix('-part').removesuffix('-quick')}.json"
    return dict(list_ratios(read_json(path))) if path.is_file() else {}


def list_ratios(content: Any, above: str = "") -> Iterator[tuple[str, float]]:
    """What was measured, in words, and its ratio, for all but those that are 1 by definition.

    Parameters
    ----------
    content
        Of a benchmark's JSON file, or a part of it.
    above
        What is known of it.
    """
    for name, row in _list_rows(content, above):
        several = {f"{name}, {key}": one for key, one in row.get("ratios", {}).items()}
        for what, ratio in {name: row.get("ratio"), **several}.items():
            if isinstance(ratio, int | float) and ratio != 1:
                yield what.removeprefix(", "), float(ratio)


def list_failures(content: Any) -> Iterator[str]:
    """Contestants that failed, with their messages."""
    for name, row in _list_rows(content, ""):
        if "failed" in row:
            yield f"{name}: {row['failed']}"


def _list_rows(content: Any, above: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All dicts in a JSON document, with the names of what they are in and measure."""
    if isinstance(content, list):
        for one in content:
            yield from _list_rows(one, above)
    if isinstance(content, dict):
        own = [_describe(content[key]) for key in NAMES if key in content]
        name = ", ".join([above, *own] if above else own)
        yield name, content
        for key, one in content.items():
            known = key in ("rows", "speed", "training", "loading", "parts", "jobs")
            yield from _list_rows(one, name if known else ", ".join([name, key] if name else [key]))


def _describe(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def build_ratio_table(benchmarks: Sequence[Benchmark], runs: dict[str, Run]) -> str:
    """Each ratio beside the earlier one and the target."""
    lines = []
    for one in benchmarks:
        for name, ratio, earlier in runs[one.script].ratios if one.script in runs else []:
            target = next((t for part, t in one.targets.items() if fnmatchcase(name, part)), "")
            lines.append(f"{one.script} | {name} | {ratio} | {earlier} | {target}")
    return format_table(COLUMNS, lines)


def build_time_table(benchmarks: Sequence[Benchmark], runs: dict[str, Run]) -> str:
    """What each took, in which form, and how it ended."""
    lines = [
        f"{one.script} | {one.form or 'whole'} | {run.minutes:.1f} | {run.processor_minutes:.1f} | "
        f"{one.budget:g} | {run.failure or 'well'}"
        for one in benchmarks
        if (run := runs.get(one.script))
    ]
    return format_table(TIME_COLUMNS, lines)


if __name__ == "__main__":
    sys.exit(main())
