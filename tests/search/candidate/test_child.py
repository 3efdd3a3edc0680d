"""Every way in which a candidate's process may end, and that none is left behind."""

import errno
import faulthandler
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from tgas_neuro.runtime.errors import MachineError, UserError
from tgas_neuro.search.candidate import child
from tgas_neuro.search.candidate.child import ATTEMPTS, DivergedError
from tgas_neuro.search.candidate.child import run_in_child as run


def begin_at_once(begin, function, arguments, threads):
    begin(threads)
    return function(**arguments)


def run_in_child(function, arguments, threads=1, **limits):
    """A candidate that begins before anything else happens."""
    content = {"function": function, "arguments": arguments, "threads": threads}
    return run(begin_at_once, content, **limits)


def never_begin(begin, function, arguments):
    return function(**arguments)


def run_without_beginning(function, arguments, **limits):
    return run(never_begin, {"function": function, "arguments": arguments}, **limits)


def return_sum(a, b):
    return {"sum": a + b}


def raise_error(kind, message):
    raise {
        "diverged": DivergedError,
        "user": UserError,
        "runtime": RuntimeError,
        "memory": MemoryError,
        "value": ValueError,
        "import": ImportError,
        "disk": partial(OSError, errno.ENOSPC),
        "map": partial(OSError, errno.ENOMEM),
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


def compute(seconds):
    """Use so much CPU time."""
    while time.process_time() < seconds:
        pass
    return "computed"


def kill_itself(folder, by=signal.SIGKILL):
    Path(folder, f"attempt_{os.getpid()}").touch()
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), by)


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
        ("runtime", "CUDNN_STATUS_ALLOC_FAILED when calling cudnnCreate", "out_of_memory"),
        ("memory", "", "out_of_memory"),
        ("map", "Cannot allocate memory", "out_of_memory"),
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
    """What this process holds, which may be much after other tests, is the child's as well."""
    limit = round(psutil.Process().memory_info().rss / 2**20) + 300
    outcome = run_in_child(hold_memory, {"megabytes": 900}, memory_mb=limit)
    assert outcome.state == "out_of_memory"
    assert f"search.limits.memory_mb is {limit}" in outcome.message
    assert outcome.peak_memory_mb > limit
    assert outcome.attempts == 1


def test_time_limit():
    before = psutil.Process().children()  # other tests' helpers of torch may live on
    outcome = run_in_child(hang, {}, seconds=0.2)
    assert outcome.state == "timeout"
    assert "search.limits.seconds, 0.2 s" in outcome.message
    assert outcome.attempts == 1
    assert set(psutil.Process().children()) <= set(before)


def test_a_process_that_only_waits_ends_by_the_clock():
    """It uses no CPU time: four times the limit, as one that computes may have to wait."""
    outcome = run_in_child(hang, {}, seconds=0.5)
    assert outcome.state == "timeout"
    assert outcome.message == "took longer than 4 times search.limits.seconds, 0.5 s"
    assert 2.0 <= outcome.seconds < 4
    on_a_gpu = run_in_child(hang, {}, threads=None, seconds=0.5)
    assert (on_a_gpu.state, on_a_gpu.message) == (
        "timeout",
        "took longer than search.limits.seconds, 0.5 s",
    )
    assert 0.5 <= on_a_gpu.seconds < 2


def test_a_process_that_computes_ends_by_its_cpu_time_shared_by_its_threads(monkeypatch):
    monkeypatch.setattr(child, "SLACK", 1000)  # on a busy machine
    limits = {"seconds": 0.5}
    outcome = run_in_child(compute, {"seconds": 60}, **limits)
    assert outcome.message == "took longer than search.limits.seconds, 0.5 s"
    assert run_in_child(compute, {"seconds": 0.8}, threads=2, **limits).value == "computed"
    assert run_in_child(compute, {"seconds": 0.2}, **limits).value == "computed"


def begin_late(begin):
    compute(1.0)
    time.sleep(1.0)
    begin(1)
    return "begun"


def test_what_comes_before_the_beginning_does_not_count_against_the_limit(monkeypatch):
    assert run(begin_late, {}, seconds=0.4).value == "begun"
    monkeypatch.setattr(child, "PATIENCE", 0.3)
    with pytest.raises(MachineError, match=r"^the candidate did not begin within 0.4 s$"):
        run(begin_late, {}, seconds=0.4)
    assert run(begin_late, {}).value == "begun"  # no limit at all


@pytest.mark.parametrize(
    ("kind", "message", "said"),
    [
        ("import", "libgomp.so.1: cannot open shared object file", "ImportError: libgomp.so.1"),
        ("memory", "", "MemoryError: "),
        ("runtime", "DefaultCPUAllocator: can't allocate memory", "RuntimeError: DefaultCPU"),
        ("disk", "No space left on device", "OSError: "),
        ("value", "first line\nsecond line", "ValueError: first line"),
    ],
)
def test_an_error_before_the_beginning_is_the_machines(kind, message, said):
    with pytest.raises(MachineError) as found:
        run_without_beginning(raise_error, {"kind": kind, "message": message})
    assert str(found.value).startswith(said)
    assert "before the candidate began" in str(found.value)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT])
def test_a_signal_before_the_beginning_is_the_machines(tmp_path, by):
    with pytest.raises(MachineError) as found:
        run_without_beginning(kill_itself, {"folder": str(tmp_path), "by": by})
    assert str(found.value) == (
        f"killed by signal {by.name} before the candidate began in each of 3 attempts"
    )
    assert len(list(tmp_path.iterdir())) == 3


def test_an_exit_before_the_beginning_is_the_machines():
    with pytest.raises(MachineError, match=r"exit code 3\) before the candidate began"):
        run_without_beginning(leave, {})


def test_a_users_mistake_stays_one_before_the_beginning():
    with pytest.raises(UserError, match=r"^teacher.nc: truncated$") as found:
        run_without_beginning(raise_error, {"kind": "user", "message": "teacher.nc: truncated"})
    assert not isinstance(found.value, MachineError)


@pytest.mark.parametrize(("by", "state"), [(signal.SIGBUS, None), (signal.SIGSEGV, "crashed")])
def test_a_lost_page_is_never_the_candidates_fault(tmp_path, by, state):
    """SIGBUS: a file or memory that was mapped has gone; SIGSEGV may be the network's."""
    arguments = {"folder": str(tmp_path), "by": by}
    if state:
        assert run_in_child(kill_itself, arguments).state == state
        return
    with pytest.raises(MachineError, match=r"^killed by signal SIGBUS in each of 3 attempts$"):
        run_in_child(kill_itself, arguments)


@pytest.mark.parametrize("kind", ["disk", "import", "runtime"])
def test_a_lost_disk_library_or_gpu_is_never_the_candidates_fault(kind):
    with pytest.raises(MachineError, match="GPU is lost"):
        run_in_child(raise_error, {"kind": kind, "message": "CUDA error: GPU is lost"})


def test_no_process_can_be_started(monkeypatch):
    def refuse(self):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse)
    with pytest.raises(MachineError, match=r"no process can be started .*temporarily unavailable"):
        run_in_child(return_sum, {"a": 1, "b": 2})


def test_a_memory_limit_that_libraries_alone_exceed_is_the_users_mistake():
    with pytest.raises(UserError, match=r"before the candidate began; .*memory_mb is 50; raise it"):
        run_without_beginning(hold_memory, {"megabytes": 300}, memory_mb=50)


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
        "def report_and_hang(begin):\n"
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
