"""Runs as their folders show them, finished, half-way, and not there at all."""

import os

import pytest
from support.run_folders import DIGESTS, SEARCH, build_record, draw, write_run

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.runs import (
    describe_choice,
    find_candidate,
    find_run,
    get_record_path,
    list_runs,
    load_run,
)
from tgas_neuro.search.runs.reuse import list_reused_files, make_reused

GENOTYPES = draw(6)
FIRST = [build_record(f"g000_c{k:02d}", GENOTYPES[k], P=0.1 * (k + 1)) for k in range(3)]
SECOND = [
    build_record("g001_c00", GENOTYPES[0], "duplicate", original="g000_c00"),
    build_record("g001_c01", GENOTYPES[3], P=0.9),
    None,
]


@pytest.fixture
def folder(tmp_path):
    """A run in its second generation, whose last candidate has not finished."""
    return write_run(tmp_path / "results/search/cell_random-1", [FIRST, SECOND], finished=False)


def test_half_way(folder):
    run = load_run(folder)
    assert len(run.proposals) == 6
    assert list(run.records) == ["g000_c00", "g000_c01", "g000_c02", "g001_c00", "g001_c01"]
    assert run.rating == Rating.from_search(SEARCH)
    assert [record["id"] for record in run.list_new_records()] == ["g001_c00", "g001_c01"]
    entries = run.list_entries()
    assert [entry.id for entry in entries] == list(run.records)
    assert [entry.P for entry in entries] == pytest.approx([0.1, 0.2, 0.3, 0.1, 0.9])
    assert entries == run.rate(run.rating)  # from history and records, or from records alone


def test_another_rating(folder):
    rewards = [entry.reward for entry in load_run(folder).rate(Rating("tg", 1.0, "paper"))]
    assert rewards == [0.3] * 5


def test_reused_candidates_come_first(folder):
    older = write_run(folder.parent / "old", [[build_record("g000_c00", GENOTYPES[5], P=0.8)]])
    files = list_reused_files([older], folder / "reused.json")
    write_json(folder / "reused.json", make_reused(files, SEARCH, DIGESTS))
    run = load_run(folder)
    assert [entry.id for entry in run.list_entries()][:2] == ["old/g000_c00", "g000_c00"]
    assert run.rate(Rating("p"))[0].id == "old/g000_c00"
    assert find_candidate(run, "old/g000_c00")["premature"]["accuracy"] == 0.8


def test_a_candidate_by_its_id(folder):
    run = load_run(folder)
    assert find_candidate(run, "g001_c01") == SECOND[1]
    assert "state" not in find_candidate(run, "g001_c02")  # its proposal
    with pytest.raises(UserError, match=r"'g001_c1': not in run cell_random-1; .*g001_c01"):
        find_candidate(run, "g001_c1")
    with pytest.raises(UserError, match="the nearest ids: g000_c00, g000_c01, g000_c02"):
        find_candidate(run, "?")


def test_where_a_record_lies(folder):
    assert get_record_path(folder, "g001_c01") == folder / "generation_001/candidate_01.json"


def test_the_newest_of_several(folder):
    searches = folder.parent
    assert find_run(None, searches) == folder
    assert describe_choice(folder, None, searches) == "cell_random-1"
    other = write_run(searches / "cell_tpe-2", [FIRST])
    for path in other.glob("*/*"):
        os.utime(path, (1e9, 1e9))
    assert list_runs(searches) == [folder, other]
    assert find_run(None, searches) == folder
    assert describe_choice(folder, None, searches) == "cell_random-1 (the newest of 2 runs)"
    assert describe_choice(other, "cell_tpe-2", searches) == "cell_tpe-2"
    assert find_run("cell_tpe-2", searches) == other
    assert find_run(str(other), searches) == other


def test_mistakes_are_one_line(folder, tmp_path):
    with pytest.raises(UserError, match=r"run 'cell_random-2': no such .*did you mean cell_ran"):
        find_run("cell_random-2", folder.parent)
    with pytest.raises(UserError, match="no search has begun here"):
        find_run(None, tmp_path / "empty")
    with pytest.raises(UserError, match="where no search has begun"):
        find_run("x", tmp_path / "empty")
    (tmp_path / "new/generation_000").mkdir(parents=True)
    with pytest.raises(UserError, match="nothing has been proposed there yet"):
        load_run(find_run(str(tmp_path / "new")))
