"""How a search stands, as text; the numbers are tested where they are calculated."""

import datetime

import pytest
from support.run_folders import build_record, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.commands import status as command
from tgas_neuro.commands.status import CLEAR, format_status
from tgas_neuro.runtime.files import write_json
from tgas_neuro.search.runs.status import Status

GENOTYPES = draw(3)
HALF_WAY = Status(
    formula="P",
    generation=2,
    generations=4,
    total=24,
    done=6,
    running=[f"g001_c{k:02d}" for k in range(9)],
    states={"ok": 5, "timeout": 1},
    best="g000_c01, reward 0.500 (P 0.500, TG 0.200)",
    images_seen=12345,
    seconds=678.9,
    seconds_left=3600.0,
    holder=77,
    ended=False,
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/search/run-1"
    write_run(folder, [[build_record("g000_c00", GENOTYPES[0])]], finished=False)
    return folder


def note(folder, candidates):
    now = datetime.datetime.now(datetime.UTC).isoformat()
    content = {"generations": 1, "candidates": candidates, "started": now}
    write_json(folder / "run.json", content)


def test_all_lines():
    assert format_status(HALF_WAY, "cell_tpe-1").splitlines() == [
        "run         cell_tpe-1",
        "workflow    running, process 77",
        "ranked by   P",
        "generation  2 of 4",
        "done        6 of 24  [#######.......................] 25%",
        "running     9: " + ", ".join(HALF_WAY.running[:8]) + " ...",
        "finished    5 ok, 1 timeout",
        "best        g000_c01, reward 0.500 (P 0.500, TG 0.200)",
        "cost        12,345 training images in 679 s",
        "left        about 60 min of the search",
    ]


def test_once(run, capsys):
    """Without a note of the workflow the length of the search is not known."""
    assert main(["status", "--once"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "workflow    not running here; to continue: tgas run, make best-cell" in lines[1]
    assert lines[3:5] == ["generation  1", "done        1"]
    note(run, 3)
    assert main(["status"]) == 0  # not a terminal: once
    assert "done        1 of 3" in capsys.readouterr().out


def test_live_until_the_end(run, capsys, monkeypatch):
    """On a terminal it looks again and again; the second look finds the search ended."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    note(run, 2)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        note(run, 1)

    monkeypatch.setattr(command.time, "sleep", sleep)
    assert main(["status", "--seconds", "0.5"]) == 0
    out = capsys.readouterr().out
    assert out.count(CLEAR) == 2
    assert waits == [0.5]
    assert "workflow    the search has ended" in out.split(CLEAR)[2]


def test_interrupted(run, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    note(run, 2)

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.time, "sleep", interrupt)
    assert main(["status"]) == 0
