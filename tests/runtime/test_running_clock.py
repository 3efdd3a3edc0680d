"""Time in which a process could run: looks at made-up times, at one that is stopped or not."""

import os
import subprocess
import sys

import psutil
import pytest

from tgas_neuro.runtime import clock as clocks_module
from tgas_neuro.runtime.clock import RunningClock


@pytest.fixture
def clock(monkeypatch):
    """A clock of this process, whose time and status the test sets."""
    now = {"time": 100.0, "status": psutil.STATUS_RUNNING, "waited": 0.0}
    monkeypatch.setattr(clocks_module.time, "monotonic", lambda: now["time"])
    clock = RunningClock(os.getpid(), 0.1)
    monkeypatch.setattr(clock._process, "status", lambda: now["status"])
    monkeypatch.setattr(clock, "_measure_wait", lambda: now["waited"])

    def look(seconds, status=psutil.STATUS_RUNNING, waited=0.0):
        now["time"] += seconds
        now["waited"] += waited
        now["status"] = status
        clock.look()
        return clock.seconds

    return look


def test_short_steps_add_up(clock):
    assert [clock(0.1), clock(0.3), clock(1.0)] == pytest.approx([0.1, 0.4, 1.4])


def test_a_step_that_nobody_looked_for_counts_as_one_look(clock):
    """The parent was stopped, the machine suspended or the container paused: 14 s, a night."""
    clock(0.2)
    assert clock(14.0) == pytest.approx(0.3)
    assert clock(36000.0) == pytest.approx(0.4)
    assert clock(0.1) == pytest.approx(0.5)


@pytest.mark.parametrize("status", [psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP])
def test_a_stopped_process_does_not_count(clock, status):
    clock(0.2)
    for _ in range(200):
        assert clock(0.1, status) == pytest.approx(0.2)
    assert clock(0.1) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "status", [psutil.STATUS_SLEEPING, psutil.STATUS_DISK_SLEEP, psutil.STATUS_RUNNING]
)
def test_one_that_sleeps_or_waits_does(clock, status):
    assert clock(0.5, status) == pytest.approx(0.5)


def test_waiting_for_a_processor_does_not_count(clock):
    assert clock(0.5, waited=0.3) == pytest.approx(0.2)
    for _ in range(9):
        clock(0.5)  # it waits, which is not counted before the wait is over
    assert clock(0.5, waited=4.8) == pytest.approx(0.4)
    assert clock(0.5) == pytest.approx(0.9)
    assert clock(30.0, waited=29.0) == pytest.approx(1.0)  # within a step that counts as a look
    assert clock(30.0, waited=30.4) == pytest.approx(0.7)  # and 0.4 s before it


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts it")
def test_the_kernel_counts_how_long_a_process_waits_for_a_processor():
    """Two that compute on one processor wait for each other, each at least a third of the time."""
    code = (
        "import os, time\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "end = time.monotonic() + 3\n"
        "while time.monotonic() < end: pass\n"
        "print('done', flush=True)\n"
        "time.sleep(60)\n"
    )
    pair = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        clocks = [RunningClock(one.pid, 0.1) for one in pair]
        for one in pair:
            assert one.stdout.readline() == b"done\n"
        assert sum(clock._measure_wait() for clock in clocks) > 1.5
    finally:
        for one in pair:
            one.kill()
            one.wait()


def test_cpu_time_is_the_process_own_and_of_those_it_has_waited_for():
    code = (
        "import subprocess, sys, time\n"
        "spin = 'import time\\nwhile time.process_time() < 0.4: pass'\n"
        "subprocess.run([sys.executable, '-c', spin])\n"
        "while time.process_time() < 0.3: pass\n"
        "print('done', flush=True)\n"
        "time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        clock = RunningClock(child.pid, 0.1)
        assert child.stdout.readline() == "done\n"
        assert 0.65 < clock.measure_cpu() < 1.1
        assert clock.measure_memory() > 1
    finally:
        child.kill()
        child.wait()
    assert (clock.measure_cpu(), clock.measure_memory()) == (0.0, 0.0)
    clock.look()  # of a process that has ended
