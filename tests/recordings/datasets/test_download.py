"""Downloads from a server that breaks, ignores ranges, answers errors or sends wrong bytes."""

import datetime
import email.utils
import gzip
import hashlib
import http.server
import socket
import threading
from pathlib import Path

import pytest

from tgas_neuro.recordings.datasets import download
from tgas_neuro.recordings.datasets.description import Download
from tgas_neuro.recordings.datasets.download import MOST_WAIT, fetch_file
from tgas_neuro.recordings.datasets.files import fetch_download
from tgas_neuro.runtime.errors import UserError

CONTENT = bytes(range(256)) * 3000  # 768000 bytes, in pieces of 65536
DIGEST = hashlib.sha256(CONTENT).hexdigest()
WRONG = b"x" + CONTENT[1:]
WRONG_DIGEST = hashlib.sha256(WRONG).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers each request as the next of `plan` says; the last one is repeated.

    An entry is a status code, or keywords: `status`, `retry_after`; or `content`, `stop` (bytes
    after which the connection breaks), `ranges` (whether ranges are heeded), `length` (whether
    Content-Length is sent), `declared` (which one, instead of the true one), `encoding`.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list = [{}]
        self.ranges: list[str | None] = []
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/data/file.npy"

    def handle_error(self, request, client_address):
        pass  # broken pipes are what these tests are about


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with self.server.lock:
            turn = min(len(self.server.ranges), len(self.server.plan) - 1)
            self.server.ranges.append(self.headers.get("Range"))
            plan = self.server.plan[turn]
        if isinstance(plan, int):
            plan = {"status": plan}
        if "status" in plan:
            self.send_response(plan["status"])
            if "retry_after" in plan:
                self.send_header("Retry-After", plan["retry_after"])
            self.end_headers()
            return
        content, start = plan.get("content", CONTENT), 0
        if plan.get("ranges", True) and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            shown = plan.get("shown_start", start)
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if plan.get("length", True):
            self.send_header("Content-Length", str(plan.get("declared", len(content)) - start))
        if "encoding" in plan:
            self.send_header("Content-Encoding", plan["encoding"])
        self.end_headers()
        self.wfile.write(content[start : plan.get("stop", len(content))])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch the server's file to ``file.npy``; waits are noted, not waited."""

    def fetch_noting(**keys):
        return fetch_file(
            keys.pop("url", server.url),
            tmp_path / "raw" / "file.npy",
            keys.pop("sha256", DIGEST),
            sleep=fetch_noting.waited.append,
            **keys,
        )

    fetch_noting.waited = []
    return fetch_noting


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once(fetch, server, tmp_path):
    path = fetch()
    assert path.read_bytes() == CONTENT
    assert fetch() == path
    assert len(server.ranges) == 1
    assert list_files(tmp_path / "raw") == ["file.npy"]


def test_a_changed_file_is_fetched_again(fetch, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.npy").write_bytes(WRONG)
    assert fetch().read_bytes() == CONTENT


def test_a_broken_download_is_resumed_with_growing_waits(fetch, server):
    server.plan = [{"stop": 4 * 65536}, {"stop": 7 * 65536 + 1}, {}]
    assert fetch().read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={4 * 65536}-", f"bytes={7 * 65536 + 1}-"]
    assert fetch.waited == [1.0, 4.0]


def test_a_later_call_resumes_what_an_earlier_one_left(fetch, server, tmp_path):
    server.plan = [{"stop": 4 * 65536}]
    with pytest.raises(UserError, match=r"in 1 attempts \(the connection broke"):
        fetch(waits=())
    assert list_files(tmp_path / "raw") == ["file.npy.part"]
    server.plan.append({})
    assert fetch(waits=()).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={4 * 65536}-"]
    assert list_files(tmp_path / "raw") == ["file.npy"]


@pytest.mark.parametrize("length", [True, False])
def test_a_server_without_ranges_starts_over(fetch, server, length):
    # without a length it is the digest that tells a break
    server.plan = [{"stop": 4 * 65536, "ranges": False, "length": length}, {"ranges": False}]
    assert fetch().read_bytes() == CONTENT


def test_a_server_that_resumes_elsewhere_starts_over(fetch, server):
    server.plan = [{"stop": 4 * 65536}, {"shown_start": 7}, {}]
    assert fetch().read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={4 * 65536}-", None]


def test_a_part_of_another_file_is_thrown_away(fetch, server, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.npy.part").write_bytes(b"another file")
    assert fetch().read_bytes() == CONTENT
    assert server.ranges == ["bytes=12-", None]


def test_a_part_that_is_too_long_is_thrown_away(fetch, server, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.npy.part").write_bytes(CONTENT + b"more")
    assert fetch().read_bytes() == CONTENT


def test_a_part_that_was_complete_is_only_renamed(fetch, server, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.npy.part").write_bytes(CONTENT)
    assert fetch().read_bytes() == CONTENT
    assert server.ranges == []


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_passing_error_is_tried_again(fetch, server, status):
    server.plan = [status, {}]
    assert fetch().read_bytes() == CONTENT
    assert fetch.waited == [1.0]


def test_a_lasting_server_error_ends_after_all_attempts(fetch, server, tmp_path):
    server.plan = [500]
    with pytest.raises(
        UserError, match=r"file.npy: http.* in 4 attempts \(the server answered 500"
    ):
        fetch()
    assert fetch.waited == [1.0, 4.0, 15.0]
    assert list_files(tmp_path / "raw") == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_is_not_there_is_not_tried_again(fetch, server, status, tmp_path):
    server.plan = [status]
    with pytest.raises(UserError, match=f"file.npy: http.*: the server answered {status}"):
        fetch()
    assert len(server.ranges) == 1
    assert list_files(tmp_path / "raw") == []


def test_wrong_bytes_are_tried_again(fetch, server):
    server.plan = [{"content": WRONG}, {}]
    assert fetch().read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_lasting_wrong_bytes_are_reported_with_both_digests(fetch, server, tmp_path):
    server.plan = [{"content": WRONG}]
    with pytest.raises(UserError) as error:
        fetch()
    assert WRONG_DIGEST in str(error.value)
    assert DIGEST in str(error.value)
    assert len(server.ranges) == 2
    assert list_files(tmp_path / "raw") == []


def test_without_a_network_the_way_out_is_named(fetch, server):
    closed = Server()
    closed.server_close()
    with pytest.raises(UserError) as error:
        fetch(url=closed.url, mirror_name="mine/file.npy")
    message = str(error.value)
    assert (
        f"file.npy: {closed.url} could not be downloaded in 4 attempts (ConnectionError" in message
    )
    assert "Connection refused" in message
    assert message.endswith("without internet, set mirror to a folder that holds mine/file.npy")
    assert "\n" not in message


def test_an_address_that_cannot_be_right_is_not_tried_again(fetch):
    with pytest.raises(UserError, match="correct the address or put the file to"):
        fetch(url="https:///nowhere")
    assert fetch.waited == []


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
def test_a_host_name_that_does_not_resolve_is_not_tried_again(fetch, tmp_path, monkeypatch, code):
    """EAI_AGAIN, "temporary failure", is what a machine without internet gives for every name."""

    def resolve(host, *arguments, **keys):
        raise socket.gaierror(code, "no address")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    url = "https://data.example.org/file.npy"
    with pytest.raises(UserError) as error:
        fetch(url=url, mirror_name="mine/file.npy")
    assert str(error.value) == (
        f"file.npy: {url}: the host name 'data.example.org' cannot be resolved, there is no "
        "internet or no such host; correct the address or set mirror to a folder that holds "
        "mine/file.npy"
    )
    assert fetch.waited == []
    assert list_files(tmp_path / "raw") == []


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "raw").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"raw/file.npy: cannot be written"):
        fetch_file(server.url, tmp_path / "raw" / "file.npy", DIGEST)


def test_what_another_process_finished_meanwhile_is_taken(server, tmp_path):
    server.plan = [{"stop": 4 * 65536}]
    destination = tmp_path / "raw" / "file.npy"
    fetch_file(server.url, destination, DIGEST, sleep=lambda wait: destination.write_bytes(CONTENT))
    assert destination.read_bytes() == CONTENT
    assert list_files(tmp_path / "raw") == ["file.npy"]
    assert len(server.ranges) == 1


def test_a_server_that_says_when_to_come_back_is_heeded(fetch, server):
    server.plan = [{"status": 503, "retry_after": "7"}, {"status": 429, "retry_after": "9999"}, {}]
    assert fetch().read_bytes() == CONTENT
    assert fetch.waited == [7.0, MOST_WAIT]


def test_a_date_to_come_back_is_heeded(fetch, server):
    when = email.utils.format_datetime(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60), usegmt=True
    )
    server.plan = [{"status": 503, "retry_after": when}, {"status": 503, "retry_after": "soon"}, {}]
    assert fetch().read_bytes() == CONTENT
    assert 50 < fetch.waited[0] <= 60
    assert fetch.waited[1] == 4.0


def test_attempts_that_bring_much_are_not_counted(fetch, server, monkeypatch):
    monkeypatch.setattr(download, "PROGRESS", 65536)
    stops = range(65536, len(CONTENT), 65536)
    server.plan = [*({"stop": stop} for stop in stops), {}]
    assert fetch().read_bytes() == CONTENT
    assert fetch.waited == [1.0] * len(stops)  # 11, where 3 were allowed


def test_a_file_that_is_itself_compressed_is_kept_as_it_is(fetch, server):
    content = gzip.compress(CONTENT)
    server.plan = [{"content": content, "stop": 1000, "encoding": "gzip"}, {"content": content}]
    assert fetch(sha256=hashlib.sha256(content).hexdigest()).read_bytes() == content
    assert server.ranges == [None, "bytes=1000-"]


@pytest.mark.parametrize("wrong", [-100, 100])
def test_a_wrong_length_does_not_matter_in_the_end(fetch, server, wrong):
    # too short: the rest is cut off; too long: the connection seems to break
    server.plan = [{"declared": len(CONTENT) + wrong}, {}]
    assert fetch().read_bytes() == CONTENT


def test_the_size_of_the_description_tells_a_break_where_the_server_does_not(fetch, server):
    server.plan = [{"stop": 1000, "length": False}, {}]
    assert fetch(size=len(CONTENT)).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-"]


def test_what_the_mirror_lacks_is_downloaded(server, tmp_path):
    file = Download(name="file.npy", url=server.url, sha256=DIGEST)
    assert fetch_download(file, "mine", tmp_path / "raw", tmp_path).read_bytes() == CONTENT
    assert len(server.ranges) == 1
