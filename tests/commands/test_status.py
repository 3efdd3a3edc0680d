"""What `status` prints; the numbers are tested where they are calculated."""

import csv
import io
import json

import pytest
from support.run_folders import build_record, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.commands import status as command
from tgas_neuro.commands.status import format_status
from tgas_neuro.overview.status import Phase, Status, look
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import get_time

GENOTYPES = draw(3)
HALF_WAY = Status(
    run="cell_tpe-1",
    name=None,
    holder=77,
    started=0.0,
    formula="P",
    phases=[
        Phase("search", "running", 14, 35, 3600.0),
        Phase("final training", "waiting", 0, 1, 75.0),
    ],
    generation=2,
    generations=4,
    done=6,
    total=24,
    running=[f"g001_c{k:02d}" for k in range(9)],
    states={"ok": 5, "timeout": 1},
    failures={"timeout": "g000_c01: took longer than search.limits.seconds, 600 s"},
    best=[],
    images_seen=12345,
    seconds=678.9,
    epoch=0,
    epochs=4,
    step=None,
    steps=None,
    seconds_left=3675.0,
    unknown=[],
    ended=False,
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/search/run-1"
    write_run(folder, [[build_record("g000_c00", GENOTYPES[0])]], finished=False)
    return folder


def note(folder, candidates, **more):
    content = {"generations": 1, "candidates": candidates, "started": get_time()}
    write_json(folder / "run.json", content | more)


def test_all_lines():
    head, table, rest = format_status(HALF_WAY, "cell_tpe-1").split("\n\n")
    first, second, third = head.splitlines()
    assert first == "run         cell_tpe-1"
    assert second.startswith("workflow    running since 1970-01-01 ")
    assert second.endswith(", process 77")
    assert third == "ranked by   P"
    assert table.splitlines() == [
        "phase           state    jobs done  time left",
        "search          running  14 of 35   1 h 00 min",
        "final training  waiting  0 of 1     1 min 15 s",
    ]
    *lines, last = rest.splitlines()
    assert lines == [
        "candidates  6 of 24  [######..................] 25%",
        "generation  2 of 4",
        "finished    5 ok, 1 timeout",
        "timeout     g000_c01: took longer than search.limits.seconds, 600 s",
        "running     9: g001_c00, g001_c01, g001_c02, g001_c03, g001_c04, g001_c05,",
        "            g001_c06, g001_c07 ...",
        "cost        12,345 training images in 679 s",
    ]
    assert last.startswith("time left   about 1 h 01 min, until ")


def test_steps_of_the_final_training():
    for epoch, step, text in (
        (0, None, ""),
        (0, 40, "epoch 0 of 4, step 40 of 1,560 of the next"),
        (2, 1000, "epoch 2 of 4, step 1,000 of 1,560 of the next"),
        (2, None, "epoch 2 of 4"),
    ):
        status = Status(**{**vars(HALF_WAY), "epoch": epoch, "step": step, "steps": 1560})
        lines = format_status(status, "cell_tpe-1").splitlines()
        shown = [line[12:] for line in lines if line.startswith("final       ")]
        assert shown == ([text] if text else [])


def test_a_time_that_is_not_known():
    unknown = {**vars(HALF_WAY), "seconds_left": None, "unknown": ["search", "final training"]}
    text = format_status(Status(**unknown), "cell_tpe-1")
    assert "time left   not known yet: search, final training; 1 h 01 min without them" in text


def test_once(run, capsys):
    """Without a note of the workflow the length of the search is not known."""
    assert main(["status", "--once"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "workflow    not running here; to continue: tgas run, make best-cell" in lines[1]
    assert "candidates  1 finished" in lines
    note(run, 3, name="baseline")
    assert main(["status"]) == 0  # not a terminal: once
    out = capsys.readouterr().out
    assert out.startswith("run         run-1 (baseline)\n")
    assert "candidates  1 of 3  [########................] 33%" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_for_other_programs(run, capsys):
    note(run, 3, rules={"candidate": 3}, teacher="t", final="f", epochs=2, slots=2)
    assert main(["status", "baseline", "--json"]) == 1
    assert "run 'baseline': no such folder" in capsys.readouterr().err
    note(run, 3, name="baseline", rules={"candidate": 3}, teacher="t", final="f", epochs=2)
    assert main(["status", "baseline", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["name"], content["done"], content["total"]) == ("baseline", 1, 3)
    assert content["best"][0]["id"] == "g000_c00"
    assert main(["status", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["phase"] for row in rows][3] == "search"
    assert (rows[3]["jobs"], rows[3]["seconds_left"]) == ("3", "")


def test_live_until_the_workflow_ends(run, capsys, monkeypatch):
    """On a terminal it looks again and again; the second look finds no workflow."""
    note(run, 2)
    looks = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    def look_twice(folder, holder):
        looks.append(folder)
        return look(folder, 77 if len(looks) <= 2 else None)

    monkeypatch.setattr(command, "look", look_twice)
    monkeypatch.setattr(command, "SHORTEST", 0.01)
    assert main(["status", "--seconds", "0"]) == 0
    assert len(looks) == 3
    out = capsys.readouterr().out
    assert "q or Ctrl-C closes this view" in out
    assert "workflow    not running here" in out.splitlines()[-20:][0] + out  # printed at last


def test_q_and_interrupts_close_it(run, capsys, monkeypatch):
    note(run, 2)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(command, "look", lambda folder, holder: look(folder, 77))

    def reading(key):
        import contextlib

        @contextlib.contextmanager
        def keys():
            yield key

        return keys

    def interrupt(seconds):
        raise KeyboardInterrupt

    for key in (lambda seconds: "q", interrupt):
        monkeypatch.setattr(command, "reading_keys", reading(key))
        assert main(["status"]) == 0
        assert "running since" in capsys.readouterr().out
