"""The warm worker of a workflow: it loads torch once, and forks the process of each candidate.

The first job that evaluates a candidate starts it; it ends with Snakemake. A job asks it for a
child through a socket. The child computes what one that the job itself forks would compute, and it
dies with its job or with the worker. Whenever there is no worker, the job forks.
"""

import contextlib
import fcntl
import gc
import hashlib
import importlib
import multiprocessing
import os
import pickle
import selectors
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext
from pathlib import Path
from typing import Any

import psutil

from tgas_neuro.runtime.processes import find_workflow

PATIENCE = 600.0  # [s] for the worker to load torch
REQUEST = b"candidate"
STREAMS = (1, 2)  # what the candidate prints is its job's
# From the end of a pipe, the process that the child dies with, a function and its arguments.
Target = Callable[[Connection, int, Callable[..., Any], dict[str, Any]], None]


class WarmChild:
    """A child of the worker, with the methods of a process that this one had forked itself.

    Attributes
    ----------
    pid
        Its process id.
    exitcode
        As that of ``multiprocessing.Process``; None until `join`.
    """

    def __init__(self, connection: socket.socket, pid: int):
        self.pid = pid
        self.exitcode: int | None = None
        self._connection = connection

    def kill(self) -> None:
        """Have the worker kill it, which knows whether it is still the same process."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def join(self) -> None:
        """Wait for its end."""
        if self.exitcode is None:
            self.exitcode = _receive_number(self._connection)
            if self.exitcode is None:  # the worker was killed, and its children with it
                self.exitcode = -signal.SIGKILL
            self._connection.close()


def find_served() -> psutil.Process | None:
    """The workflow above this process that has a worker, or gets one; None without."""
    return find_workflow() if sys.platform == "linux" else None


def ask_worker(
    target: Target, sender: Connection, function: Callable[..., Any], arguments: dict[str, Any]
) -> WarmChild | None:
    """A child of the workflow's worker that runs ``target(sender, worker, function, arguments)``.

    Returns
    -------
    child
        None when there is no worker: outside a workflow, in a job on a cluster, elsewhere than on
        Linux, or if it cannot be started or reached.
    """
    workflow = find_served()
    if workflow is None or function.__module__ == "__main__":  # which is another one there
        return None
    request = pickle.dumps((target, function, arguments, str(Path.cwd())))
    try:
        connection = _connect(workflow)
        with os.fdopen(os.memfd_create("request"), "w+b") as file:
            file.write(request)
            file.flush()
            handed = [file.fileno(), sender.fileno(), *STREAMS]
            socket.send_fds(connection, [REQUEST], handed)  # in one piece, or not at all
        connection.settimeout(PATIENCE)
        pid = _receive_number(connection)
        connection.settimeout(None)
    except OSError:
        return None
    if pid is None:  # it ended while it loaded torch: the job's own child shows why
        connection.close()
        return None
    return WarmChild(connection, pid)


def _connect(workflow: psutil.Process) -> socket.socket:
    """A connection to the worker, which is started if there is none."""
    with _locked_folder() as folder:
        # processes of another environment, or of another workflow, are not served
        key = (workflow.pid, workflow.create_time(), sys.executable, sorted(os.environ.items()))
        path = folder / hashlib.sha256(repr(key).encode()).hexdigest()[:20]
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            _drop_dead(folder)
            _start(path, workflow)
            connection.connect(str(path))
    return connection


@contextmanager
def _locked_folder() -> Iterator[Path]:
    """The folder of this user's sockets, which no one else may enter, for one process at a time."""
    folder = Path(tempfile.gettempdir(), f"tgas-neuro-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder}: not a folder of this user alone")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def _drop_dead(folder: Path) -> None:
    """Delete the sockets of workers that were killed, of any workflow: nobody listens there.

    A worker that is being started listens before the folder is unlocked.
    """
    for path in filter(Path.is_socket, folder.iterdir()):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.setblocking(False)
            try:
                connection.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:  # it listens, and has much to do
                continue


def _start(path: Path, workflow: psutil.Process) -> None:
    """Start a worker that listens at a path; who connects before it has loaded torch waits."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        code = f"import sys; from {__name__} import main; main(*sys.argv[1:])"
        numbers = [str(listener.fileno()), str(workflow.pid)]
        command = [sys.executable, "-c", code, *numbers, str(path)]
        subprocess.Popen(
            command, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=sys.stderr
        )


def _receive_number(connection: socket.socket) -> int | None:
    received = connection.recv(4, socket.MSG_WAITALL)
    return int.from_bytes(received, "big", signed=True) if len(received) == 4 else None


def _send_number(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # its job has ended
        connection.sendall(number.to_bytes(4, "big", signed=True))


class Worker:
    """Forks children and reports their ends, until its workflow ends.

    It has one thread and computes nothing, so that it can be forked.
    """

    def __init__(self, listener: socket.socket, workflow: int):
        self._selector = selectors.DefaultSelector()
        self._register(listener, lambda: self._accept(listener))
        self._ended = os.pidfd_open(workflow)
        self._register(self._ended, lambda: None)

    def serve(self) -> None:
        """Answer until the workflow ends, and end the children that are left."""
        while True:
            ready = [key for key, _ in self._selector.select()]
            if any(key.fd == self._ended for key in ready):
                for child in multiprocessing.active_children():
                    child.kill()  # else they would be waited for
                return
            for key in ready:
                if key.fd in self._selector.get_map():  # not closed a moment ago
                    key.data()

    def _register(self, file: Any, act: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, act)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._register(connection, lambda: self._fork(connection))

    def _fork(self, connection: socket.socket) -> None:
        """Start the child of a job, on its request."""
        self._selector.unregister(connection)
        handed: list[int] = []
        try:
            request, handed, _, _ = socket.recv_fds(connection, len(REQUEST), 2 + len(STREAMS))
            arguments = (connection, handed, os.getpid())
            process = ForkContext().Process(target=self._run, args=arguments)
            if request != REQUEST:  # its job has ended
                raise ConnectionError
            process.start()
        except OSError:  # or no process can be started: the job tries it and says so
            connection.close()
            return
        finally:
            for descriptor in handed:
                os.close(descriptor)

        def kill() -> None:  # the job asked for it, or ended
            self._selector.unregister(connection)
            process.kill()

        def end() -> None:
            self._selector.unregister(process.sentinel)
            if connection.fileno() in self._selector.get_map():
                self._selector.unregister(connection)
            process.join()
            _send_number(connection, process.exitcode or 0)
            connection.close()
            process.close()

        self._register(process.sentinel, end)
        self._register(connection, kill)
        _send_number(connection, process.pid or 0)

    def _run(self, connection: socket.socket, handed: list[int], worker: int) -> None:
        """What the child does: with the folder and the streams of its job, whatever was asked."""
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()
        connection.close()
        content, sender, *streams = handed
        for descriptor, stream in zip(streams, STREAMS, strict=True):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        with os.fdopen(content, "rb") as file:
            file.seek(0)
            target, function, arguments, folder = pickle.load(file)
        os.chdir(folder)
        target(Connection(sender, readable=False), worker, function, arguments)


def load_torch() -> None:
    """Load all that evaluations use, so that no child loads anything of it.

    The first optimizer of a process loads torch's compiler, with hundreds of modules, though
    nothing is compiled. Nothing here starts a thread or asks a GPU: children may be forked.
    """
    import torch

    importlib.import_module("tgas_neuro.search.candidate.evaluation")
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def main(listener: str, workflow: str, path: str) -> None:
    """Load torch, and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # jobs get it, too, and end their children
    try:
        # what cannot be loaded is left to the child of the job, which fails alike and says so
        with contextlib.suppress(Exception):
            load_torch()
            gc.freeze()  # children that collect garbage then copy 60 MB less of this memory
            Worker(socket.socket(fileno=int(listener)), int(workflow)).serve()
    finally:
        Path(path).unlink(missing_ok=True)
    os._exit(0)  # to unload torch takes a second, in which the workflow's output stays open
