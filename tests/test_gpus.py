"""Claims of GPUs by real processes; no GPU is needed for that."""

import os
import subprocess
import sys

import pytest

from tgas_neuro.gpus import claim_gpu

NAMES = ["GPU-a", "GPU-b", "GPU-c"]
CLAIM = """
import sys
from pathlib import Path
from tgas_neuro.gpus import claim_gpu
print(claim_gpu(sys.argv[2:], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(tmp_path), *NAMES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_each_process_has_its_own_until_all_are_taken(start):
    processes, claims = zip(*(start() for _ in NAMES), strict=True)
    assert claims == (0, 1, 2)
    process, shared = start()
    assert shared == process.pid % 3
    processes[1].kill()  # however a process ends, what it claimed is free
    processes[1].wait()
    assert start()[1] == 1


def test_a_claim_lasts_as_long_as_a_forked_child(start, tmp_path):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:  # claims, forks, ends; its child goes on until the pipe is closed
        claim_gpu(NAMES, tmp_path)
        if not os.fork():
            os.close(writing)
            os.read(reading, 1)
        os._exit(0)
    os.waitpid(child, 0)
    assert start()[1] == 1
    os.close(writing)
    os.close(reading)


def test_files_of_another_user_are_locked_too(start, tmp_path):
    start()
    for path in tmp_path.iterdir():
        path.chmod(0o444)
    assert start()[1] == 1
