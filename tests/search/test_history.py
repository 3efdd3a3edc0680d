"""Rewards, histories and the best of them, by hand."""

import json

import pytest
from support.run_folders import SEARCH, build_record, draw, write_run

from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.premature import Premature
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.search.best import make_best
from tgas_neuro.search.generation import describe_history, make_history, make_proposals
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import (
    Entry,
    build_entry,
    count_states,
    find_best,
    is_member,
    load_records,
    rank_entries,
)
from tgas_neuro.search.runs.status import describe_record

RATING = Rating()


def rate(alpha, layer_choice):
    return Rating("p_plus_tg", alpha, layer_choice)


def test_reward_is_p_plus_alpha_tg():
    (genotype,) = draw(1)
    record = build_record("g000_c00", genotype)
    assert build_entry(record, rate(2.0, "crossed"), {}).reward == pytest.approx(0.5 + 2 * 0.2)
    assert build_entry(record, rate(2.0, "paper"), {}).reward == pytest.approx(0.5 + 2 * 0.3)
    assert build_entry(record, rate(0.0, "paper"), {}).reward == 0.5
    assert build_entry(record, rate(1.0, "paper"), {}).regions == {"IT": 0.3}


def test_a_failure_has_no_reward_and_a_duplicate_its_originals():
    one, two = draw(2)
    known = {"g000_c00": build_entry(build_record("g000_c00", one), RATING, {})}
    failed = build_entry(build_record("g000_c01", two, "oversized"), RATING, known)
    assert (failed.reward, failed.P, failed.TG, failed.params) == (None, None, None, 10)
    record = build_record("g001_c00", one, "duplicate", original="g000_c00")
    same = build_entry(record, rate(1.0, "crossed"), known)
    assert (same.state, same.original, same.reward) == ("duplicate", "g000_c00", 0.7)


def test_json_round_trip():
    entry = build_entry(build_record("g000_c00", draw(1)[0]), RATING, {})
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_the_earliest_of_equals_is_the_best():
    entries = [
        build_entry(build_record(f"g000_c{k:02d}", genotype, P=P), RATING, {})
        for k, (genotype, P) in enumerate(zip(draw(4), (0.1, 0.6, 0.6, 0.2), strict=True))
    ]
    assert find_best(entries).id == "g000_c01"
    assert [entry.id for entry in rank_entries(entries, 2)] == ["g000_c01", "g000_c02"]
    assert count_states(entries) == {"ok": 4}
    assert find_best([]) is None


@pytest.fixture
def run(tmp_path):
    """Two generations of files, the second with a failure and a duplicate."""
    genotypes = draw(5)
    records = [
        [build_record(f"g000_c{k:02d}", genotypes[k], P=0.1 * k) for k in range(3)],
        [
            build_record("g001_c00", genotypes[3], "timeout"),
            build_record("g001_c01", genotypes[2], "duplicate", original="g000_c02"),
            build_record("g001_c02", genotypes[4], P=0.9),
        ],
    ]
    paths, previous = [], None
    for generation, contents in enumerate(records):
        for number, content in enumerate(contents):
            paths.append(tmp_path / f"{generation}_{number}.json")
            write_json(paths[-1], content)
        history = make_history(generation, previous, paths[-3:], SEARCH, {})
        previous = tmp_path / f"history_{generation}.json"
        write_json(previous, history)
    return paths, previous


def test_history_accumulates(run):
    history = read_json(run[1])
    assert [entry["id"] for entry in history["entries"]] == [
        f"g{generation:03d}_c{k:02d}" for generation in range(2) for k in range(3)
    ]
    assert history["best"] == {"id": "g001_c02", "reward": pytest.approx(0.9 + 2 * 0.2)}
    assert history["states"] == {"duplicate": 1, "ok": 4, "timeout": 1}
    assert history["cost"] == {"images_seen": 42, "seconds": 9.0}
    assert describe_history(history) == (
        "generation 1: 1 duplicate, 4 ok, 1 timeout; best g001_c02, reward 1.300"
    )


def test_best_holds_the_record_and_the_leaderboard(run):
    best = make_best(run[1], run[0], "cell_random-00000000")
    assert best["id"] == "g001_c02"
    assert best["record"] == read_json(run[0][-1])
    leaders = [row["id"] for row in best["leaderboard"]]
    assert leaders == ["g001_c02", "g000_c02", "g000_c01", "g000_c00"]  # without the duplicate
    assert best["leaderboard"][1]["P"] == 0.2


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[0].update(P=0.99, reward=1.39),
        lambda entries: entries[3].update(state="ok"),
        lambda entries: entries.append(dict(entries[2])),
        lambda entries: entries.__setitem__(4, dict(entries[3])),
        lambda entries: entries.pop(),
        lambda entries: entries[1].update(hash=entries[0]["hash"]),
    ],
)
def test_a_history_that_is_not_that_of_the_records_has_no_best(run, change):
    history = read_json(run[1])
    change(history["entries"])
    write_json(run[1], history)
    with pytest.raises(UserError, match=r"history_1.json: .* not what the 6 records .* rm '"):
        make_best(run[1], run[0], "run")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"id": "g000_c01"}, r"c.*andidate_02.json: holds the record of g000_c01; .*rm '"),
        ({"hash": "0" * 16}, r"candidate_02.json: its hash is 0{16}, that of its genotype is"),
        ({"provenance": {"results_version": 0}}, r"candidate_02.json: of version 0 of the results"),
    ],
)
def test_a_record_is_what_its_name_and_genotype_say(tmp_path, change, message):
    path = tmp_path / "generation_000" / "candidate_02.json"
    record = build_record("g000_c02", draw(1)[0], P=0.5)
    write_json(path, record)
    assert load_records([path]) == [record]
    write_json(path, record | change)
    with pytest.raises(UserError, match=message):
        load_records([path])


def test_nothing_but_failures_says_why(tmp_path):
    paths = []
    for number, genotype in enumerate(draw(3)):
        paths.append(tmp_path / f"{number}.json")
        state = "oversized" if number else "diverged"
        write_json(paths[-1], build_record(f"g000_c{number:02d}", genotype, state))
    write_json(tmp_path / "history.json", make_history(0, None, paths, SEARCH, {}))
    expected = r"none of 3 candidates has a reward \(1 diverged, 2 oversized\).*oversized because"
    with pytest.raises(UserError, match=expected):
        make_best(tmp_path / "history.json", paths, "run")


def test_proposals_know_history_and_what_is_in_flight(run, tmp_path):
    first = make_proposals(0, None, [], SEARCH, {})
    assert first["history_seen"] == 0
    assert first["best"] is None
    assert [proposal["id"] for proposal in first["proposals"]] == [
        "g000_c00",
        "g000_c01",
        "g000_c02",
    ]
    write_json(tmp_path / "proposals.json", first)
    second = make_proposals(0, run[1], [tmp_path / "proposals.json"], SEARCH, {})
    assert second["history_seen"] == 6
    # the same generation draws the same again; they are in flight, so that each was redrawn
    assert all(proposal["redraws"] > 0 for proposal in second["proposals"])
    assert make_proposals(0, None, [], SEARCH, {}) == first


def test_lines_for_the_user(tmp_path):
    """The best of the last history and of the finished candidates after it."""
    one, two = draw(2)
    record = build_record("g001_c00", one)
    assert describe_record(record, rate(2.0, "crossed"), tmp_path) == (
        "candidate g001_c00: ok  P 0.500  TG 0.200 (IT 0.200)  reward 0.900"
    )
    write_json(tmp_path / "generation_001/candidate_00.json", record)
    write_json(
        tmp_path / "generation_000/history.json", {"best": {"id": "g000_c05", "reward": 1.25}}
    )
    assert describe_record(record, rate(2.0, "crossed"), tmp_path).endswith(
        "best so far 1.250 (g000_c05)"
    )
    better = build_record("g001_c01", two, P=0.9)
    write_json(tmp_path / "generation_001/candidate_01.json", better)
    failed = build_record("g001_c02", one, "timeout")
    assert describe_record(failed, rate(2.0, "crossed"), tmp_path) == (
        "candidate g001_c02: timeout (timeout because)  best so far 1.300 (g001_c01)"
    )
    for attempts, again in ((1, "ok  P"), (2, "1 killed process  P"), (3, "2 killed processes")):
        record["cost"]["attempts"] = attempts
        assert again in describe_record(record, rate(2.0, "crossed"), tmp_path)


def test_partial_candidates_teach_and_do_not_win(tmp_path):
    """The progressive strategy's: in the history that strategies see, on no leaderboard."""
    space, (whole,) = SPACES["cell"](blocks=5), draw(1)
    part = next(space.grow(None))
    assert (is_member(space, whole), is_member(space, part)) == (True, False)
    assert is_member(SPACES["cell"](blocks=1), part)
    records = [
        build_record("g000_c00", part, P=0.9, complete=False),
        build_record("g000_c01", whole, P=0.1),
    ]
    entries = [build_entry(record, RATING, {}) for record in records]
    assert entries[0].reward > entries[1].reward
    assert find_best(entries).id == "g000_c01"
    assert [entry.id for entry in rank_entries(entries)] == ["g000_c01"]
    assert find_best(entries[:1]) is None
    paths = [tmp_path / f"{number}.json" for number in range(2)]
    for path, record in zip(paths, records, strict=True):
        write_json(path, record)
    write_json(tmp_path / "history.json", make_history(0, None, paths, SEARCH, {}))
    assert make_best(tmp_path / "history.json", paths, "run")["id"] == "g000_c01"
    write_json(tmp_path / "part.json", make_history(0, None, paths[:1], SEARCH, {}))
    with pytest.raises(UserError, match=r"none of 1 candidates is complete .*search.generations"):
        make_best(tmp_path / "part.json", paths[:1], "run")


def test_all_ranks_without_a_limit():
    entries = [
        build_entry(build_record(f"g000_c{k:02d}", genotype, P=k / 20), RATING, {})
        for k, genotype in enumerate(draw(15))
    ]
    assert len(rank_entries(entries)) == 10
    assert [entry.P for entry in rank_entries(entries, None)] == [k / 20 for k in range(14, -1, -1)]


def test_files_say_what_guided_them(run):
    history = read_json(run[1])
    best = make_best(run[1], run[0], "run")
    for content in (history, best, make_proposals(0, None, [], SEARCH, {})):
        assert (content["guidance"], content["alpha"], content["layer_choice"]) == (
            "p_plus_tg",
            2.0,
            "crossed",
        )


def test_thresholds_come_from_the_history_that_the_proposal_saw(tmp_path):
    records = [
        build_record(
            f"g000_c{k:02d}",
            genotype,
            rungs=[{"epoch": 0.5, "P": P, "TG": {"crossed": 0.1, "paper": 0.0}}],
        )
        for k, (genotype, P) in enumerate(zip(draw(3), (0.1, 0.3, 0.2), strict=True))
    ]
    write_run(tmp_path, [records])
    history = tmp_path / "generation_000/history.json"
    premature = Premature(data={"kind": "simulated"}, rungs=[0.5])
    found = make_proposals(1, history, [], SEARCH, {}, premature)
    assert found["rungs"] == [{"epoch": 0.5, "threshold": pytest.approx(0.2 + 2 * 0.1), "of": 3}]
    empty = make_proposals(0, None, [], SEARCH, {}, premature)
    assert empty["rungs"] == [{"epoch": 0.5, "threshold": None, "of": 0}]
    assert make_proposals(1, history, [], SEARCH, {})["rungs"] == []
