"""The status of a run half-way, by hand."""

import datetime
import os

import pytest
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.runtime.files import write_json
from tgas_neuro.search.runs import load_run
from tgas_neuro.search.runs.status import calc_status

GENOTYPES = draw(6)
STARTED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
ZERO = STARTED.timestamp()


@pytest.fixture
def folder(tmp_path):
    """Three of six candidates: one from before the workflow began, two in the 60 s after it."""
    records = [
        [
            build_record("g000_c00", GENOTYPES[0], P=0.2),
            build_record("g000_c01", GENOTYPES[1], "diverged"),
        ],
        [build_record("g001_c00", GENOTYPES[2], P=0.7), None],
    ]
    folder = write_run(
        tmp_path / "results/search/run", records, build_search(candidates=2), finished=False
    )
    note = {"generations": 3, "candidates": 2, "started": STARTED.isoformat()}
    write_json(folder / "run.json", note)
    for path in folder.glob("*/candidate_*.json"):
        after = -100 if path.parent.name == "generation_000" and "00" in path.stem else 50
        os.utime(path, (ZERO + after, ZERO + after))
    return folder


def look(folder, tmp_path, holder=123):
    return calc_status(load_run(folder), tmp_path, holder, ZERO + 60)


def test_half_way(folder, tmp_path):
    logs = tmp_path / "results/logs/search/run"
    logs.mkdir(parents=True)
    for name, when in (("001_candidate_00", 10), ("001_candidate_01", 10), ("000_proposals", 1)):
        (logs / f"{name}.log").touch()
        os.utime(logs / f"{name}.log", (ZERO + when, ZERO + when))
    status = look(folder, tmp_path)
    assert (status.generation, status.generations, status.done, status.total) == (2, 3, 3, 6)
    assert status.running == ["g001_c01"]
    assert status.states == {"diverged": 1, "ok": 2}
    assert status.best == "g001_c00, reward 1.100 (P 0.700, TG 0.200)"
    assert (status.images_seen, status.seconds) == (21, 4.5)
    assert status.seconds_left == pytest.approx(3 * 60 / 2)  # two in 60 s, three are left
    assert (status.holder, status.ended) == (123, False)
    assert status.formula == "P + 2 x TG (crossed)"


def test_a_log_of_an_earlier_attempt_is_not_a_running_candidate(folder, tmp_path):
    log = tmp_path / "results/logs/search/run/001_candidate_01.log"
    log.parent.mkdir(parents=True)
    log.touch()
    os.utime(log, (ZERO - 500, ZERO - 500))
    assert look(folder, tmp_path).running == []
    os.utime(log, (ZERO + 5, ZERO + 5))
    assert look(folder, tmp_path).running == ["g001_c01"]
    assert look(folder, tmp_path, holder=None).running == []  # nobody works on it


def test_nothing_has_finished(tmp_path):
    folder = write_run(tmp_path / "run", [[None, None]], finished=False)
    status = calc_status(load_run(folder), tmp_path, 1, ZERO)
    assert (status.done, status.best, status.states) == (0, "none yet", {})
    assert (status.total, status.seconds_left, status.ended) == (None, None, False)
    assert (status.images_seen, status.seconds) == (0, 0.0)


def test_the_end(folder, tmp_path):
    note = {"generations": 1, "candidates": 2, "started": STARTED.isoformat()}
    write_json(folder / "run.json", note)
    status = look(folder, tmp_path)
    assert status.ended
    assert status.seconds_left is None
