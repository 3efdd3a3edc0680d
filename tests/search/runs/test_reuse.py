"""Candidates of older runs: which are taken over, which are left out, which runs are refused."""

import pytest
from support.run_folders import DIGESTS, SEARCH, build_record, build_search, draw, write_run

from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.search.best import make_best
from tgas_neuro.search.generation import make_history, make_proposals
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import load_reused
from tgas_neuro.search.runs.reuse import (
    describe_reused,
    find_reused_folders,
    list_reused_files,
    make_reused,
)
from tgas_neuro.search.strategies import STRATEGIES

GENOTYPES = draw(8)
OTHER_SPACE = build_space(build_search(cell={"blocks": 6}))


@pytest.fixture
def older(tmp_path):
    """A run with a candidate of every kind."""
    records = [
        build_record("g000_c00", GENOTYPES[0], P=0.6),
        build_record("g000_c01", GENOTYPES[1], "diverged"),
        build_record("g000_c02", GENOTYPES[2], "timeout"),
        build_record("g000_c03", GENOTYPES[3], params=5000),
        build_record("g000_c04", GENOTYPES[4], "stopped"),
    ]
    later = [
        build_record("g001_c00", GENOTYPES[0], "duplicate", original="g000_c00"),
        build_record("g001_c01", GENOTYPES[5], P=0.9),
    ]
    return write_run(tmp_path / "results/search/old-1", [records, later])


def collect(*folders, search=SEARCH, digests=DIGESTS, frozen="nowhere"):
    return make_reused(list_reused_files(folders, folders[0] / frozen), search, digests)


def test_what_is_taken_and_what_is_left_out(older):
    search = build_search(limits={"params": 1000})
    content = collect(older, search=search)
    taken = {record["id"]: record["state"] for record in content["records"]}
    assert taken == {"old-1/g000_c00": "ok", "old-1/g000_c01": "diverged", "old-1/g001_c01": "ok"}
    (run,) = content["runs"]
    assert run["taken"] == 3
    assert run["left_out"] == {
        "timeout": 1,
        "beyond search.limits": 1,
        "stopped": 1,
        "duplicate": 1,
    }
    assert describe_reused(content) == [
        "reuse: 3 of 7 candidates of old-1; left out: 1 timeout, 1 beyond search.limits, "
        "1 stopped, 1 duplicate"
    ]


def test_a_second_run_adds_what_the_first_has_not(older):
    second = write_run(
        older.parent / "old-2",
        [[build_record("g000_c00", GENOTYPES[5], P=0.1), build_record("g000_c01", GENOTYPES[6])]],
    )
    content = collect(older, second)
    assert content["runs"][1]["left_out"] == {"known from a run before": 1}
    assert [record["id"] for record in content["records"]][-1] == "old-2/g000_c01"
    assert len({record["hash"] for record in content["records"]}) == len(content["records"])


def test_genotypes_of_another_space(older):
    """More blocks are of another space; fewer are partial: they teach and may not win."""
    small = collect(older, search=build_search(cell={"blocks": 2}))
    assert small["records"] == []
    large = collect(older, search=build_search(cell={"blocks": 6}))
    assert [record["complete"] for record in large["records"]] == [False] * 4


@pytest.mark.parametrize(
    ("search", "digests", "what"),
    [
        ({}, {"teacher": "x"}, "teacher differ"),
        ({}, {"premature": "x"}, "premature differ"),
        ({}, {"scoring": "x", "teacher": "x"}, "teacher, search.scoring differ"),
        ({}, {"images": "x"}, "the images of premature.data differ"),
        ({"seed": 1}, {}, "search.seed differ"),
    ],
)
def test_other_measures_are_refused(older, search, digests, what):
    with pytest.raises(
        UserError, match=rf"P and TG of run 'old-1' were measured otherwise, {what}"
    ):
        collect(older, search=build_search(**search), digests=DIGESTS | digests)


def test_other_versions_and_older_records_are_refused(older):
    path = older / "generation_000/candidate_00.json"
    record = read_json(path)
    record["provenance"]["results_version"] -= 1
    write_json(path, record)
    with pytest.raises(UserError, match="the results version differ"):
        collect(older)
    record["provenance"]["results_version"] += 1
    del record["provenance"]["digests"]["scoring"]  # as before records named it
    write_json(path, record)
    with pytest.raises(UserError, match=r"search\.scoring differ"):
        collect(older)


def test_strategy_guidance_and_budget_may_differ(older):
    search = build_search(strategy="tpe", guidance="tg", alpha=0.0, candidates=9, lag=2)
    assert len(collect(older, search=search, digests=DIGESTS | {"search": "x"})["records"]) == 4


def test_epoch_zero_is_asked_for_where_it_guides(older):
    path = older / "generation_000/candidate_00.json"
    write_json(path, read_json(path) | {"teacher_untrained": None})
    content = collect(older, search=build_search(guidance="tg_epoch0"))
    assert content["runs"][0]["left_out"]["without TG at epoch 0"] == 1
    assert len(collect(older)["records"]) == 4


def test_rewards_are_those_of_this_run(older, tmp_path):
    write_json(tmp_path / "reused.json", collect(older))
    for rating, expected in ((Rating("p"), 0.6), (Rating("p_plus_tg", 1.0, "paper"), 0.6 + 0.3)):
        assert load_reused(tmp_path / "reused.json", rating)[0].reward == pytest.approx(expected)
    assert load_reused(None, Rating()) == []


def test_the_search_begins_with_them(older, tmp_path, monkeypatch):
    """Strategies see them first, an equal proposal names its original, and one of them may win."""
    reused = tmp_path / "reused.json"
    write_json(reused, collect(older))
    seen = []

    class Repeating:
        def __init__(self, *arguments, **options):
            pass

        def propose(self, history, pending, n, rng):
            seen[:] = history
            return [GENOTYPES[5], GENOTYPES[6], GENOTYPES[7]][:n]

    monkeypatch.setitem(STRATEGIES, "random", Repeating)
    proposals = make_proposals(0, None, [], SEARCH, DIGESTS, reused=reused)
    assert [entry.id for entry in seen][:2] == ["old-1/g000_c00", "old-1/g000_c01"]
    assert proposals["best"]["id"] == "old-1/g001_c01"
    originals = [proposal["original"] for proposal in proposals["proposals"]]
    assert sorted(filter(None, originals)) == ["old-1/g001_c01"]
    records = [
        build_record("g000_c00", GENOTYPES[5], "duplicate", original="old-1/g001_c01"),
        build_record("g000_c01", GENOTYPES[6], P=0.8),
    ]
    paths = [tmp_path / f"{record['id']}.json" for record in records]
    for path, record in zip(paths, records, strict=True):
        write_json(path, record)
    history = make_history(0, None, paths, SEARCH, DIGESTS, reused)
    assert [entry["id"] for entry in history["entries"]] == ["g000_c00", "g000_c01"]
    assert history["entries"][0]["P"] == 0.9
    assert history["cost"]["images_seen"] == 14  # of this run alone
    write_json(tmp_path / "history.json", history)
    best = make_best(tmp_path / "history.json", paths, "new", reused)
    assert (best["id"], best["record"]["premature"]["accuracy"]) == ("old-1/g001_c01", 0.9)
    assert [row["id"] for row in best["leaderboard"]][:3] == [
        "old-1/g001_c01",
        "g000_c01",
        "old-1/g000_c00",
    ]
    assert best["states"] == {"duplicate": 1, "ok": 1}


def test_files_are_frozen_once_taken(older, tmp_path):
    files = list_reused_files([older], tmp_path / "reused.json")
    assert {name: len(paths) for name, paths in files.items()} == {"old-1": 7}
    write_json(tmp_path / "reused.json", collect(older))
    write_json(older / "generation_002/candidate_00.json", build_record("g002_c00", GENOTYPES[7]))
    write_json(older / "generation_002/history.json", {})
    assert list_reused_files([older], tmp_path / "reused.json") == files
    assert len(list_reused_files([older], tmp_path / "other.json")["old-1"]) == 8


def test_only_finished_generations_are_read(older, tmp_path):
    (older / "generation_001/history.json").unlink()
    assert len(list_reused_files([older], tmp_path / "reused.json")["old-1"]) == 5


def test_names_and_paths(older, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_reused_folders(["old-1"])[0].resolve() == older
    assert find_reused_folders([str(older)]) == [older]
    with pytest.raises(UserError, match=r"search.reuse: no run 'old-7'; did you mean old-1"):
        find_reused_folders(["old-7"])
    with pytest.raises(UserError, match="two runs are called 'old-1'"):
        find_reused_folders(["old-1", str(older)])
    (older / "generation_000/history.json").unlink()
    with pytest.raises(UserError, match="run 'old-1' has no finished generation"):
        find_reused_folders(["old-1"])
    assert find_reused_folders([]) == []
