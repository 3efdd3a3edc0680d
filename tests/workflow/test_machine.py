"""Failures of the machine are no results: nothing is recorded, and stops do not count."""

import contextlib
import os
import signal
import textwrap
import time

import psutil
import pytest
from soak.targets import list_workers

from tgas_neuro.__main__ import main

pytestmark = pytest.mark.workflow

FAULTS = """
import importlib.abc, os, signal, sys
from pathlib import Path

CAUSES = {"import": ImportError("libtorch_cpu.so: cannot open shared object file"),
          "memory": MemoryError("out of memory")}


class Finder(importlib.abc.MetaPathFinder):
    # what a candidate's process imports last, which no other process of the workflow does
    def find_spec(self, name, path, target=None):
        fault = Path("fault").read_text() if Path("fault").is_file() else ""
        if name == "tgas_neuro.search.candidate.training" and fault:
            if fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise CAUSES[fault]
        return None


sys.meta_path.insert(0, Finder())
"""


@pytest.fixture
def searching(toy, finished):
    """A toy before its search: teacher and images are made."""
    toy.copy_beginning(finished)
    (toy.folder / "sitecustomize.py").write_text(textwrap.dedent(FAULTS))
    toy.environment["PYTHONPATH"] = str(toy.folder)
    return toy


def test_what_fails_before_a_candidate_begins_is_evaluated_by_the_next_call(
    searching, finished, comparable
):
    toy = searching
    for fault, cause in [
        ("import", "ImportError: libtorch_cpu.so: cannot open shared object file"),
        ("memory", "MemoryError: out of memory"),
        ("killed", "killed by signal SIGKILL before the candidate began in each of 3 attempts"),
    ]:
        (toy.folder / "fault").write_text(fault)
        found = toy.run("--until", "best", check=False, cores=1)
        assert found.returncode == 1
        (line,) = {line for line in found.stdout.splitlines() if line.startswith("Error: ")}
        assert line.startswith("Error: candidate g000_c0") and cause in line
        assert "Traceback" not in found.stdout
        assert toy.read_records() == {}
    found = toy.run("--keep-going", "--retries", "1", "--until", "best", check=False)
    lines = [line for line in found.stdout.splitlines() if line.startswith("Error: ")]
    stopped = [line for line in lines if "the search stops: 3 candidates in a row failed" in line]
    assert stopped and all("killed by signal SIGKILL" in line for line in lines)
    assert toy.read_records() == {}
    (toy.folder / "fault").unlink()
    toy.run("--until", "best")
    assert comparable(toy.read_records()) == comparable(finished.read_records())


def test_a_run_that_was_stopped_for_longer_than_the_limit_ends_like_an_undisturbed_one(
    searching, finished
):
    toy, limit = searching, 30
    toy.config["search"]["limits"] = {"seconds": limit}
    process, stopped = toy.start("--until", "best", cores=1), False
    while process.poll() is None:
        if not stopped and any(_is_candidate(one) for one in list_workers(process.pid)):
            time.sleep(1)
            below = psutil.Process(process.pid).children(recursive=True)
            every = [process, *below, *list_workers(process.pid)]
            for one in every:
                _send(one.pid, signal.SIGSTOP)
            time.sleep(limit + 4)
            for one in every:
                _send(one.pid, signal.SIGCONT)
            stopped = True
        time.sleep(0.1)
    assert process.returncode == 0
    assert stopped
    expected = finished.read_records()
    for name, record in toy.read_records().items():
        assert record["state"] == "ok"
        for key in ("premature", "teacher", "teacher_untrained", "hash", "message"):
            assert record[key] == expected[name][key]
        assert record["cost"]["seconds"] < limit


def _is_candidate(process):
    with contextlib.suppress(psutil.Error, AttributeError):
        return "candidate.worker" in " ".join(process.parent().cmdline())
    return False


def _send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


CRASH = """
import os, sys
from pathlib import Path


def crash(begin, **arguments):
    begin(1)
    raise RuntimeError("the graphics card fell off the bus")


if Path("crash").is_file():
    from tgas_neuro.search.candidate import child

    run = child._run_once

    def run_or_crash(function, arguments, *limits):
        try:
            Path("crash").rename("crashed")
        except FileNotFoundError:
            return run(function, arguments, *limits)
        return run(crash, arguments, *limits)

    child._run_once = run_or_crash
"""


def test_a_candidate_that_was_taken_back_ends_as_if_it_had_never_failed(
    searching, finished, comparable, monkeypatch, capsys
):
    toy = searching
    (toy.folder / "sitecustomize.py").write_text(textwrap.dedent(CRASH))
    (toy.folder / "crash").touch()
    toy.run("--until", "best")
    failed = [name for name, one in toy.read_records().items() if one["state"] == "crashed"]
    assert len(failed) == 1 and failed[0].startswith("g000")
    kept = {
        path: path.stat().st_mtime_ns
        for path in toy.folder.glob("results/search/*/generation_000/candidate_*.json")
        if path.stem[-2:] != failed[0][-2:]
    }
    monkeypatch.chdir(toy.folder)
    assert main(["retry", "--state", "crashed"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"(1 crashed): {failed[0]}; the next run evaluates them again and repeats " in printed
    toy.run("results/best_cell.json")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not evaluated again
    assert comparable(toy.read("results/best_cell.json")) == comparable(
        finished.read("results/best_cell.json")
    )
    (best,) = toy.folder.glob("results/search/*/best.json")
    assert "Nothing to be done" in toy.run(str(best.relative_to(toy.folder))).stdout
