"""Every promised Python with the newest and the lowest allowed versions: tests, and a toy run.

    python tests/matrix/matrix.py [SET ...] [--folder FOLDER] [--keep] [--tests PATH ...]

A set is newest-3.11, newest-3.12, newest-3.13 or lowest-3.11; without one, all are tried, one after
the other. Each gets an environment of its own (about 7 GB, most of it
CUDA libraries, deleted at the end), in which the tests run that start no workflow, and then a toy
run of the workflow. Its `best_cell.json` and the records of all candidates must be those of the
environment that runs this script, which has the versions of constraints.txt, but for floating point
(comparison.py says how much).

The lowest set also fails where a bound of pyproject.toml was not reached, because another package
needs a later version: what is promised is what was tried. A Python that is not there fails its
sets. The last line counts; the exit code is 1 if a set failed. uv makes the environments; its
settings, such as UV_INDEX_URL, apply.
"""

import argparse
import copy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests"))
from soak.checks import read_result  # noqa: E402
from soak.soak import TOY, TOY_RECORDINGS, build_toy  # noqa: E402

from matrix.comparison import calc_largest_difference, compare_results  # noqa: E402
from matrix.sets import (  # noqa: E402
    LEFT_OUT,
    SETS,
    Environment,
    MatrixError,
    Set,
    list_untried,
    read_bounds,
    run_python,
)

# Numbers, files and messages, which packages change.
TESTS = [
    "tests/architecture",
    "tests/inspection",
    "tests/loggers",
    "tests/rdm",
    "tests/recordings",
    "tests/scoring",
    "tests/search/strategies",
    "tests/teacher",
]
SHOWN = 12  # differences, failed tests
LAST = 3000  # characters of an output that failed


def build_config() -> dict[str, Any]:
    """The toy of the soak, in which TPE proposes the last generation: it begins after ten."""
    config = copy.deepcopy(TOY)
    config["search"] |= {"strategy": "tpe", "generations": 4, "candidates": 4}
    return config


def run_toy(call: Callable[..., subprocess.CompletedProcess], folder: Path) -> Any:
    """Run the toy in an environment; its result, comparable."""
    shutil.rmtree(folder, ignore_errors=True)
    build_toy(folder, build_config(), TOY_RECORDINGS)
    command = ["-m", "tgas_neuro", "run", "--directory", folder, "--cores", "2"]
    found = call(*command, "results/best_cell.json")
    if found.returncode:
        raise MatrixError(f"the toy run ended with {found.returncode}:\n{found.stdout[-LAST:]}")
    return read_result(folder)


def run_tests(environment: Environment, tests: list[str], temporary: Path) -> str:
    """Run the tests in an environment; pytest's last line."""
    found = environment.call(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={temporary}",
        "-m", "not slow and not workflow and not cluster", *tests, OMP_NUM_THREADS="1",
    )  # fmt: skip
    lines = found.stdout.strip().splitlines() or ["no output"]
    if found.returncode:
        failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        raise MatrixError("\n".join([f"tests: {lines[-1]}", *(failed[:SHOWN] or lines[-SHOWN:])]))
    return lines[-1].strip("= ")


def try_set(chosen: Set, folder: Path, tests: list[str], expected: Any, keep: bool) -> str:
    """Set up, test and run one set; what was found, in a line.

    Raises
    ------
    MatrixError
        Something failed or differs.
    """
    environment = Environment(folder / chosen.name, chosen, PROJECT)
    versions = environment.resolve()
    faults = []
    if chosen.choice == "lowest":
        untried = list_untried(read_bounds(PROJECT, chosen.python), versions)
        faults += [f"not tried, raise the bound: {one}" for one in untried]
    try:
        environment.install()
        said = []
        try:
            said.append(run_tests(environment, tests, folder / f"{chosen.name}-tests"))
        except MatrixError as error:
            faults.append(str(error))
        found = run_toy(environment.call, folder / f"{chosen.name}-toy")
        differences = compare_results(found, expected)
        faults += [f"differs from the pinned set: {one}" for one in differences[:SHOWN]]
        if len(differences) > SHOWN:
            faults.append(f"and {len(differences) - SHOWN} other differences")
        said.append(f"toy result within {calc_largest_difference(found, expected):.1e}")
    finally:
        if not keep:
            shutil.rmtree(environment.folder, ignore_errors=True)
            shutil.rmtree(folder / f"{chosen.name}-tests", ignore_errors=True)
    if faults:
        raise MatrixError("\n".join([*faults, *said]))
    return "; ".join(said)


def main() -> None:
    """Parse the command line, try the sets, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; else all")
    parser.add_argument("--folder", type=Path, help="of environments and runs")
    parser.add_argument("--keep", action="store_true", help="do not delete the environments")
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="PATH", help="other tests")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.sets if name not in SETS]
    if unknown:
        parser.error(f"SET: {unknown[0]!r} is not one of: {', '.join(SETS)}")
    folder = (chosen.folder or Path(tempfile.mkdtemp(prefix="matrix_"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for extra, reason in LEFT_OUT.items():
        print(f"extra {extra} is in no set: {reason}", flush=True)
    pinned = partial(run_python, Path(sys.executable), PROJECT)
    expected = run_toy(pinned, folder / "pinned-toy")
    failed = []
    names = chosen.sets or list(SETS)
    for name in names:
        begin = time.monotonic()
        try:
            said = try_set(SETS[name], folder, chosen.tests, expected, chosen.keep)
        except MatrixError as error:
            failed.append(name)
            said = f"FAILED\n{error}"
        print(f"{name} ({(time.monotonic() - begin) / 60:.0f} min): {said}", flush=True)
    if not chosen.folder and not failed and not chosen.keep:
        shutil.rmtree(folder)
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed", *failed, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
