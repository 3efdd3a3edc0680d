"""Two hundred downloads from a server that does everything wrong that servers do."""

import collections
import hashlib
import http.server
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tgas_neuro.recordings.datasets import download
from tgas_neuro.recordings.datasets.download import MOST_WAIT, fetch_file
from tgas_neuro.runtime.errors import UserError

CONTENT = np.random.default_rng(0).bytes(30_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TRIES = 200
TIMEOUT = 0.15  # [s] that a client waits here

# What a request may meet, and how often; an error that lasts ends the download.
FAULTS = {
    "none": 4,
    "cut": 6,
    "cut without length": 2,
    "cut in chunks": 2,
    "chunks": 1,
    "no answer": 1,
    "404": 0.3,
    "500": 2,
    "503 with a wait": 2,
    "wrong bytes": 2,
    "an empty page": 1,
    "ranges ignored": 2,
    "range elsewhere": 2,
    "range of another size": 1,
    "length too short": 1,
    "length too long": 1,
    "nonsense": 1,
    "sleep": 0.5,
    "sleep inside": 0.5,
}


class FaultyServer(http.server.ThreadingHTTPServer):
    """Meets each request with a fault drawn by `generator`, or with none where that is None."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FaultyHandler)
        self.generator: np.random.Generator | None = None
        self.met = collections.Counter()
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/file.nc"

    def draw(self) -> tuple[str, float]:
        """A fault, and a number in [0, 1) for whatever it needs."""
        with self.lock:
            if self.generator is None:
                return "none", 0.0
            weights = np.array(list(FAULTS.values()))
            fault = str(self.generator.choice(list(FAULTS), p=weights / weights.sum()))
            self.met[fault] += 1
            return fault, float(self.generator.random())

    def handle_error(self, request, client_address):
        pass  # broken pipes are what this is about


class FaultyHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        fault, share = self.server.draw()
        if fault == "no answer":
            return
        if fault == "nonsense":
            self.wfile.write(CONTENT[:100])
            return
        if fault in ("404", "500", "503 with a wait"):
            self.send_response(int(fault[:3]))
            if fault == "503 with a wait":
                self.send_header("Retry-After", str(int(share * 300)))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "sleep":
            time.sleep(2 * TIMEOUT)
        self._send_file(fault, share)

    def _send_file(self, fault: str, share: float):
        content = {"wrong bytes": b"x" * len(CONTENT), "an empty page": b""}.get(fault, CONTENT)
        start, wanted = 0, self.headers.get("Range")
        if wanted and fault != "ranges ignored":
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            shown = start // 2 if fault == "range elsewhere" else start
            size = len(content) + 7 * (fault == "range of another size")
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{size}")
        else:
            self.send_response(200)
        body = content[start:]
        length = len(body)
        if fault == "length too short":
            length = int(share * length)
        elif fault == "length too long":
            length += 1 + int(share * 100)
        if fault in ("chunks", "cut in chunks"):
            self.send_header("Transfer-Encoding", "chunked")
        elif fault != "cut without length":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self._send_body(body, fault, share)

    def _send_body(self, body: bytes, fault: str, share: float):
        if fault.startswith("cut"):
            body = body[: int(share * len(body))]
        if "chunks" in fault:
            for begin in range(0, len(body), 7000):
                piece = body[begin : begin + 7000]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if fault == "chunks":
                self.wfile.write(b"0\r\n\r\n")
            return
        half = len(body) // 2 if fault == "sleep inside" else 0
        self.wfile.write(body[:half])
        if half:
            self.wfile.flush()
            time.sleep(2 * TIMEOUT)
        self.wfile.write(body[half:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "TIMEOUT", (TIMEOUT, TIMEOUT))
    with FaultyServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave_before(path: Path, generator: np.random.Generator) -> bytes | None:
    """Leave what an earlier download or the user may have left; what has the final name."""
    what = generator.choice(["nothing", "part", "part of another file", "another file"])
    length = int(generator.integers(1, len(CONTENT)))
    part = path.with_name(f"{path.name}.part")
    if what == "part":
        part.write_bytes(CONTENT[:length])
    elif what == "part of another file":
        part.write_bytes(b"y" * length)
    elif what == "another file":
        path.write_bytes(CONTENT[:length])
        return CONTENT[:length]
    return None


def test_the_file_is_right_in_the_end_or_the_error_is_one_line(server, tmp_path):
    ends = collections.Counter()
    for seed in range(TRIES):
        generator = np.random.default_rng(seed)
        path, waited = tmp_path / str(seed) / "file.nc", []
        path.parent.mkdir()
        before = leave_before(path, generator)
        server.generator = generator
        try:
            fetch_file(server.url, path, DIGEST, sleep=waited.append)
        except UserError as error:
            ends["error"] += 1
            assert "\n" not in str(error)
            assert str(error).startswith("file.nc: ")
            assert server.url in str(error)
            # under the final name there is what was there, and no part but one to go on with
            assert (path.read_bytes() if path.is_file() else None) == before, seed
            assert set(list_files(path.parent)) <= {"file.nc", "file.nc.part"}, seed
            server.generator = None
            fetch_file(server.url, path, DIGEST, sleep=waited.append)
        else:
            ends["right at once" if not waited else "right in the end"] += 1
        assert path.read_bytes() == CONTENT, seed
        assert list_files(path.parent) == ["file.nc"], seed
        assert all(1.0 <= wait <= MOST_WAIT for wait in waited)
    assert set(server.met) == set(FAULTS)
    assert min(ends.values()) >= 20, ends
    assert set(ends) == {"error", "right at once", "right in the end"}


FETCH = """
import sys
from tgas_neuro.recordings.datasets.download import fetch_file
fetch_file(*sys.argv[1:4], waits=[0.01] * 200)
"""


# What ends a download, and what makes it wait.
ENDING = ("404", "wrong bytes", "an empty page", "length too short", "cut without length")


@pytest.mark.parametrize("faulty", [False, True])
def test_processes_at_once_all_end_well(server, tmp_path, monkeypatch, faulty):
    for fault in (*ENDING, "503 with a wait"):
        monkeypatch.setitem(FAULTS, fault, 0.0)
    server.generator = np.random.default_rng(0) if faulty else None
    command = [sys.executable, "-c", FETCH, server.url, str(tmp_path / "file.nc"), DIGEST]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for child in children:
        said = child.communicate(timeout=300)[1]
        assert child.returncode == 0, said
    assert (tmp_path / "file.nc").read_bytes() == CONTENT
    assert list_files(tmp_path) == ["file.nc"]
