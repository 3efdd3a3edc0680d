"""Every way in which a candidate's process may end, and that none is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.candidate.child import ATTEMPTS, DivergedError, run_in_child


def return_sum(a, b):
    return {"sum": a + b}


def raise_error(kind, message):
    raise {
        "diverged": DivergedError,
        "user": UserError,
        "runtime": RuntimeError,
        "memory": MemoryError,
        "value": ValueError,
    }[kind](message)


def hold_memory(megabytes):
    block = bytearray(os.urandom(2**20)) * megabytes
    time.sleep(60)
    return len(block)


def allocate_by_torch(bytes_):
    import torch

    return torch.empty(bytes_, dtype=torch.uint8).numel()


def hang():
    time.sleep(600)


def kill_itself(folder):
    Path(folder, f"attempt_{os.getpid()}").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def kill_itself_once(folder):
    first = Path(folder, "first")
    if not first.exists():
        first.touch()
        os.kill(os.getpid(), signal.SIGTERM)
    return "second"


def leave():
    os._exit(3)


def test_a_result_comes_back():
    outcome = run_in_child(return_sum, {"a": 2, "b": 3})
    assert (outcome.state, outcome.value, outcome.message) == ("ok", {"sum": 5}, "")
    assert outcome.attempts == 1
    assert outcome.peak_memory_mb > 1


@pytest.mark.parametrize(
    ("kind", "message", "state"),
    [
        ("diverged", "loss is not finite", "diverged"),
        ("runtime", "DefaultCPUAllocator: can't allocate memory: you tried", "out_of_memory"),
        ("runtime", "CUDA out of memory. Tried to allocate", "out_of_memory"),
        ("memory", "", "out_of_memory"),
        ("runtime", "shape mismatch", "crashed"),
        ("value", "first line\nsecond line", "crashed"),
    ],
)
def test_an_exception_is_a_state_and_not_tried_again(kind, message, state):
    outcome = run_in_child(raise_error, {"kind": kind, "message": message})
    assert outcome.state == state
    assert outcome.attempts == 1
    assert message.splitlines()[:1] == [] or message.splitlines()[0] in outcome.message
    assert "\n" not in outcome.message


def test_torch_out_of_memory():
    outcome = run_in_child(allocate_by_torch, {"bytes_": 2**52})
    assert outcome.state == "out_of_memory"


def test_a_users_mistake_is_not_the_candidates_fault():
    with pytest.raises(UserError, match=r"^teacher.nc: truncated$"):
        run_in_child(raise_error, {"kind": "user", "message": "teacher.nc: truncated"})


def test_memory_limit():
    outcome = run_in_child(hold_memory, {"megabytes": 900}, memory_mb=700)
    assert outcome.state == "out_of_memory"
    assert "search.limits.memory_mb is 700" in outcome.message
    assert outcome.peak_memory_mb > 700
    assert outcome.attempts == 1


def test_time_limit():
    before = psutil.Process().children()  # other tests' helpers of torch may live on
    outcome = run_in_child(hang, {}, seconds=0.5)
    assert outcome.state == "timeout"
    assert "search.limits.seconds, 0.5 s" in outcome.message
    assert outcome.attempts == 1
    assert set(psutil.Process().children()) <= set(before)


def test_killed_every_time(tmp_path):
    outcome = run_in_child(kill_itself, {"folder": str(tmp_path)})
    assert outcome.state == "crashed"
    assert outcome.message == f"killed by signal SIGKILL in each of {ATTEMPTS} attempts"
    assert outcome.attempts == len(list(tmp_path.iterdir())) == 3


def test_killed_once(tmp_path):
    outcome = run_in_child(kill_itself_once, {"folder": str(tmp_path)})
    assert (outcome.state, outcome.value, outcome.attempts) == ("ok", "second", 2)


def test_an_end_without_an_answer():
    outcome = run_in_child(leave, {})
    assert outcome.state == "crashed"
    assert "exit code 3" in outcome.message


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_child_dies_with_its_parent():
    code = (
        "import os, sys, time\n"
        "from tgas_neuro.search.candidate.child import run_in_child\n"
        "def report_and_hang():\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(600)\n"
        "run_in_child(report_and_hang, {})\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    parent.wait()
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
