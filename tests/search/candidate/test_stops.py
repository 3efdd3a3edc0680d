"""A process or a machine is stopped and continued: the candidate ends as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.runtime.files import write_json

LIMIT = 2.5  # [s]
STOP = 4.0  # [s]
COMPUTE = """
import json, os, sys, time
from dataclasses import asdict
from pathlib import Path


def compute(begin, threads):
    begin(threads)
    print(os.getpid(), flush=True)
    while time.process_time() < 0.6:
        pass
    return {"sum": sum(range(1000))}
"""
OUTCOME = """
from tgas_neuro.search.candidate.child import run_in_child

found = run_in_child(compute, {"threads": json.loads(sys.argv[1])}, seconds=float(sys.argv[2]))
print(json.dumps(asdict(found)), flush=True)
"""
RECORD = """
from tgas_neuro.config.premature import Premature
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search import candidate

MEASURED = {
    "premature": {"accuracy": 0.25, "loss": 1.5, "n_train": 9, "n_held_back": 3,
                  "stopped_at": None, "epochs": 1},
    "teacher": None, "teacher_untrained": None, "rungs": [], "cost": {"images_seen": 9},
}
candidate._evaluate = lambda begin, **_: compute(begin, json.loads(sys.argv[1])) and MEASURED
folder = Path(sys.argv[3])
search = read_search({"space": "cell", "limits": {"seconds": float(sys.argv[2])}})
record = candidate.make_record(
    read_json(folder / "proposal.json"), [], search, Premature(data={"kind": "simulated"}),
    candidate.Inputs(folder, folder / "teacher.nc", folder / "ranks"), None, {"teacher": "t"},
    folder / "run",
)
print(json.dumps(record), flush=True)
"""


def run(code, *arguments, stop="nobody"):
    """What a process prints at its end; it, its child or both are stopped while it computes."""
    command = [sys.executable, "-c", COMPUTE + code, *arguments]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    stopped = {"both": [parent.pid, child], "child": [child], "parent": [parent.pid]}.get(stop, [])
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    if stopped:
        time.sleep(STOP)
    for one in stopped:
        os.kill(one, signal.SIGCONT)
    return json.loads(parent.communicate(timeout=60)[0].splitlines()[-1])


@pytest.mark.parametrize("threads", ["1", "null"])
@pytest.mark.parametrize("stop", ["both", "child", "parent"])
def test_a_stop_that_is_longer_than_the_limit_does_not_count(threads, stop):
    """On the CPU and, without threads, on a GPU."""
    found = run(OUTCOME, threads, str(LIMIT), stop=stop)
    assert (found["state"], found["value"], found["message"]) == ("ok", {"sum": 499500}, "")
    assert found["attempts"] == 1
    assert found["seconds"] < LIMIT


def test_a_limit_that_the_computing_itself_passes_still_holds():
    found = run(OUTCOME, "1", "0.3", stop="both")
    assert (found["state"], found["value"]) == ("timeout", None)


def test_the_record_of_a_stopped_candidate_is_that_of_an_undisturbed_one(tmp_path):
    write_json(tmp_path / "classes.json", {"classes": ["a", "b"], "digest": "of the images"})
    genotype = {"genotype": PNASNET5.to_json(), "hash": PNASNET5.hash}
    write_json(tmp_path / "proposal.json", {"id": "g000_c01", "original": None, **genotype})
    records = [
        run(RECORD, "1", str(LIMIT), str(tmp_path), stop=stop) for stop in ("nobody", "both")
    ]
    for record in records:
        record.pop("dates")
        assert record.pop("cost")["images_seen"] == 9
    assert records[0] == records[1]
    assert (records[1]["state"], records[1]["premature"]["accuracy"]) == ("ok", 0.25)
    assert not (tmp_path / "run/failed").exists()
