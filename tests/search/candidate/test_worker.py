"""The warm worker of a workflow: the same answers as own children, and nobody outlives anybody."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the worker is for Linux")

WORKER = "tgas_neuro.search.candidate.worker"
# Has the name of Snakemake, and runs scripts one after the other.
WORKFLOW = """
import subprocess, sys
for script in sys.argv[1].split(","):
    subprocess.run([sys.executable, script])
"""
FUNCTIONS = """
import os, time

def describe(begin, **arguments):
    begin(1)
    print("printed", flush=True)
    import psutil
    return {"parent": psutil.Process().parent().cmdline(), "worker": os.getppid(),
            "folder": os.getcwd(), **arguments}

def wait(begin):
    begin(1)
    with open("waiting", "a") as file:
        print(os.getpid(), os.getppid(), file=file, flush=True)
    if len(open("waiting").readlines()) > 1:
        return "second"
    time.sleep(600)

def fail(begin):
    begin(1)
    raise RuntimeError("no such operation")

def leave(begin):
    begin(1)
    os._exit(3)

def train(begin):
    import sys
    import torch
    from tgas_neuro.search.candidate.training import build_sgd
    begin(1)
    loaded = set(sys.modules)
    layer = torch.nn.Linear(2, 2)
    optimizer = build_sgd(layer, 0.1, 0.9, 1e-4)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return sorted(set(sys.modules) - loaded)
"""
JOB = """
import json, sys, time
from functions import describe, fail, leave, train, wait
from tgas_neuro.search.candidate.child import run_in_child

def show(function, **arguments):
    one = run_in_child(function, arguments)
    print(json.dumps([one.state, one.value, one.message, one.attempts]), flush=True)

"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a workflow of scripts; what is left of it is killed in the end."""
    (tmp_path / "snakemake").write_text(WORKFLOW)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    started = []

    def begin(*bodies, options=()):
        for number, body in enumerate(bodies):
            (tmp_path / f"job_{number}.py").write_text(JOB + textwrap.dedent(body))
        names = ",".join(f"job_{number}.py" for number in range(len(bodies)))
        command = [sys.executable, str(tmp_path / "snakemake"), names, *options]
        started.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for workflow in started:
        below = (
            []
            if workflow.poll() is not None
            else psutil.Process(workflow.pid).children(recursive=True)
        )
        for process in (*below, workflow):
            process.kill()
        workflow.communicate()
    wait_until(lambda: not find_workers(tmp_path))


def find_workers(folder):
    """Workers of the workflows in this folder, and their children."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if WORKER in " ".join(command) and str(folder) in command[-1]:
            found.append(process)
    return [process for process in found if is_alive(process)]


def is_alive(process):
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_children_of_the_worker_answer_as_own_ones(start, tmp_path):
    jobs = [
        """
        show(describe, a=1)
        show(fail)
        show(leave)
        def local(begin):
            begin(1)
            return "of this script"
        show(local)
        """,
        "show(describe, a=2)",
    ]
    output, _ = start(*jobs).communicate(timeout=300)
    lines = output.splitlines()
    assert lines.count("printed") == 2
    first, failed, left, local, second = (json.loads(one) for one in lines if one != "printed")
    for (state, value, message, attempts), a in ((first, 1), (second, 2)):
        assert (state, message, attempts, value["a"]) == ("ok", "", 1, a)
        assert WORKER in " ".join(value["parent"])
        assert value["folder"] == str(tmp_path)
    assert first[1]["worker"] == second[1]["worker"]  # another job, the same worker
    assert failed[0] == "crashed" and "no such operation" in failed[2]
    assert left[0] == "crashed" and "exit code 3" in left[2]
    assert local == ["ok", "of this script", "", 1]  # not to be handed over, so forked
    wait_until(lambda: not find_workers(tmp_path))
    assert list(tmp_path.glob(f"tgas-neuro-{os.getuid()}/*")) == []


def test_a_child_loads_nothing_for_its_first_optimizer(start):
    """Torch loads its compiler for it, which takes a second; the worker did so before the child."""
    output, _ = start("show(train)", "import torch\nshow(train)").communicate(timeout=300)
    first, second = map(json.loads, output.splitlines())
    assert first == second == ["ok", [], "", 1]


def test_what_the_worker_loads_leaves_gpus_to_its_children():
    """Torch refuses a GPU to processes whose parent asked for one; what asks is known to it."""
    script = """
        import os, sys, threading
        from tgas_neuro.search.candidate.worker import load_torch
        load_torch()
        import torch
        assert threading.active_count() == 1
        def is_refused():
            child = os.fork()
            if child == 0:
                os._exit(torch.cuda._is_in_bad_fork())
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print("torch._dynamo" in sys.modules, is_refused())
        if hasattr(torch._C, "_cuda_getDeviceCount"):
            torch.cuda.device_count()
            print(is_refused())
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert found.stdout.split("\n")[0] == "True 0", found.stderr
    assert found.stdout.split("\n")[1] in ("1", ""), found.stderr


def test_nobody_outlives_anybody(start, tmp_path):
    workflow = start("show(wait)", "show(wait)")
    waiting = tmp_path / "waiting"
    wait_until(lambda: waiting.is_file() and waiting.read_text().endswith("\n"), 300)
    child, worker = (psutil.Process(int(pid)) for pid in waiting.read_text().split())
    (job,) = psutil.Process(workflow.pid).children()
    job.kill()  # its child ends, the worker does not
    wait_until(lambda: not is_alive(child))
    assert is_alive(worker)
    waiting.unlink()  # the second job waits now
    wait_until(lambda: waiting.is_file() and waiting.read_text().endswith("\n"))
    child, again = (psutil.Process(int(pid)) for pid in waiting.read_text().split())
    assert again == worker
    worker.kill()  # its child ends; the job tries again, with another worker
    wait_until(lambda: not is_alive(child))
    output, _ = workflow.communicate(timeout=300)
    assert json.loads(output) == ["ok", "second", "", 2]
    wait_until(lambda: not find_workers(tmp_path))


def test_a_killed_workflow_takes_all_with_it(start, tmp_path):
    workflow = start("show(wait)")
    waiting = tmp_path / "waiting"
    wait_until(lambda: waiting.is_file() and waiting.read_text().endswith("\n"), 300)
    child, worker = (psutil.Process(int(pid)) for pid in waiting.read_text().split())
    (job,) = psutil.Process(workflow.pid).children()
    workflow.kill()
    try:
        wait_until(lambda: not (is_alive(child) or is_alive(worker)))
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            job.kill()  # the script of a rule ends by itself (die_with_workflow)


def test_a_new_worker_deletes_the_sockets_of_killed_ones(start, tmp_path):
    folder = tmp_path / f"tgas-neuro-{os.getuid()}"
    folder.mkdir(mode=0o700)
    (folder / "a file").touch()
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as listening:
        dead.bind(str(folder / "killed"))
        listening.bind(str(folder / "listening"))
        listening.listen(0)
        dead.close()
        output, _ = start("show(describe)").communicate(timeout=300)
    assert json.loads(output.splitlines()[-1])[0] == "ok"
    wait_until(lambda: not find_workers(tmp_path))
    assert {path.name for path in folder.iterdir()} == {"a file", "listening"}


def test_a_worker_ends_without_unloading_torch(tmp_path):
    code = f"import atexit, sys; from {WORKER} import main; atexit.register(print, 'unloading'); "
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener, subprocess.Popen(["true"]) as workflow:
        listener.bind(str(path))
        listener.listen()
        numbers = [str(listener.fileno()), str(workflow.pid)]  # one that has ended
        found = subprocess.run(
            [sys.executable, "-c", code + "main(*sys.argv[1:])", *numbers, str(path)],
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
        )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    assert not path.exists()


@pytest.mark.parametrize("reason", ["in a job", "open to others", "no workflow"])
def test_where_no_worker_is_to_be_had_the_job_forks(start, tmp_path, reason):
    options = ("--mode", "remote") if reason == "in a job" else ()
    if reason == "open to others":
        folder = tmp_path / f"tgas-neuro-{os.getuid()}"
        folder.mkdir()
        folder.chmod(0o777)
    if reason == "no workflow":
        (tmp_path / "snakemake").rename(tmp_path / "other")
        (tmp_path / "job_0.py").write_text(JOB + "show(describe)")
        found = subprocess.run(
            [sys.executable, "other", "job_0.py"], cwd=tmp_path, capture_output=True, text=True
        )
        output = found.stdout
    else:
        output, _ = start("show(describe)", options=options).communicate(timeout=300)
    state, value, _, _ = json.loads(output.splitlines()[-1])
    assert state == "ok" and "job_0.py" in value["parent"]
    assert not find_workers(tmp_path)
