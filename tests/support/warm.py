"""Toy runs in processes that have loaded the libraries: they start in milliseconds, not seconds.

A server loads the libraries once. It forks a process for each run of Snakemake, and one for each
script that Snakemake starts. This is for tests that compare the results of many runs: command lines
and parents of the processes are not those of a user's run.
"""

import contextlib
import importlib
import os
import pickle
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

LIBRARIES = (
    "matplotlib.pyplot",
    "optuna",
    "scipy.stats",
    "sklearn.covariance",
    "snakemake.cli",
    "torchvision",
    "xarray",
)
# What takes the place of the interpreter: it hands its call to the server, and ends as that ends.
CLIENT = """#!{python} -SE
import os, pickle, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"call"], [0, 1, 2])
    call = pickle.dumps((os.getcwd(), dict(os.environ), sys.argv))
    server.sendall(len(call).to_bytes(4, "big") + call)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    code = server.recv(1)
sys.exit(code[0] if code else 137)
"""


@contextlib.contextmanager
def serving():
    """The command in the place of ``python -m snakemake``; the server ends with the block."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address, client = str(Path(folder, "socket")), Path(folder, "python")
        client.write_text(CLIENT.format(python=Path(sys.executable).resolve(), address=address))
        client.chmod(0o755)
        command = [sys.executable, __file__, address, str(client)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout.readline() == b"ready\n"
            yield [str(client), "-m", "snakemake"]
            server.stdin.close()  # on which it ends


def serve(address, client):
    """Answer calls until standard input is closed."""
    import tgas_neuro

    rooms = pkgutil.walk_packages(tgas_neuro.__path__, "tgas_neuro.")
    for name in (*LIBRARIES, *(one.name for one in rooms if not one.name.endswith("__main__"))):
        with contextlib.suppress(ImportError):  # of libraries that are not installed
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([server, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = server.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                server.close()
                keep(connection, client)
            connection.close()


def keep(connection, client):
    """Start a call in a process of its own, pass signals to it and its exit code back."""
    _, streams, *_ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as reader:
        call = pickle.loads(reader.read(int.from_bytes(reader.read(4), "big")))
    process = os.fork()
    if process == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        start(*call, client)
    ended = os.pidfd_open(process)
    while ended not in (ready := select.select([connection, ended], [], [])[0]):
        number = connection.recv(1) if connection in ready else b""
        os.kill(process, number[0] if number else signal.SIGKILL)  # or the client was killed
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with contextlib.suppress(OSError):
        connection.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def start(folder, environment, arguments, client):
    """Run a script, or Snakemake, as a fresh interpreter would; never returns."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        if arguments[1] == "-m":
            sys.executable, sys.argv = client, arguments[2:]  # so that it starts scripts here, too
            sys.path[0] = folder
            runpy.run_module(arguments[2], run_name="__main__")
        else:
            sys.argv = arguments[1:]
            sys.path[0] = str(Path(arguments[1]).parent)
            runpy.run_path(arguments[1], run_name="__main__")
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = 0 if end.code is None else end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 255)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    serve(*sys.argv[1:])
