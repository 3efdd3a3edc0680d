"""Claims of GPUs by real processes; no GPU is needed for that."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tgas_neuro.runtime.devices import claim_gpu

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can be two other users")
NAMES = ["GPU-a", "GPU-b", "GPU-c"]
CLAIM = """
import sys
from pathlib import Path
from tgas_neuro.runtime.devices import claim_gpu
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


@contextlib.contextmanager
def claiming(folder, user, umask=0o022):
    """What another process says that claims, and holds it until the end of the block.

    Where this one is root, that one is `user`. It works in the folder, since those above it may be
    closed to the user.
    """
    reading, answer = os.pipe()
    question, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(writing)
            os.chdir(folder)
            os.umask(umask)
            if IS_ROOT:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os.write(answer, say_claim().encode())
            os.read(question, 1)  # until the other end is closed
        finally:
            os._exit(0)
    os.close(answer)
    try:
        yield os.read(reading, 100).decode()
    finally:
        os.close(writing)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(question)


def say_claim():
    try:
        return str(claim_gpu(NAMES, Path()))
    except OSError as error:
        return type(error).__name__


@pytest.fixture
def shared(tmp_path):
    """A folder like /tmp: anybody may write there."""
    tmp_path.chmod(0o1777)
    return tmp_path


def assert_each_has_its_own(folder, look, umask=0o022):
    """A second user takes the next GPU, and the first one when it is free; `look` at its file."""
    with claiming(folder, 12345, umask) as first:
        (path,) = folder.iterdir()
        look(path)
        with claiming(folder, 12346) as second:
            assert (first, second) == ("0", "1")
    with claiming(folder, 12346) as again:
        assert again == "0"


def test_files_of_another_user_are_locked_too(shared):
    # where there is but one user: not to be written, as another's
    assert_each_has_its_own(shared, lambda path: path.chmod(0o444))


@needs_root
def test_a_strict_umask_closes_nothing_to_other_users(shared):
    def look(path):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (12345, 0o644)

    assert_each_has_its_own(shared, look, umask=0o077)


@needs_root
def test_a_file_that_is_closed_is_somebody_elses_claim(shared):
    with claiming(shared, 12345):
        pass
    (path,) = shared.iterdir()
    path.chmod(0o600)
    with claiming(shared, 12346) as other, claiming(shared, 12345) as owner:
        assert (other, owner) == ("1", "0")


@needs_root
def test_a_folder_that_may_not_be_written_is_no_claim(shared):
    shared.chmod(0o755)
    with claiming(shared, 12345) as said:
        assert said == "PermissionError"
