"""Rewards, histories and the best of them, by hand."""

import json

import numpy as np
import pytest

from tgas_neuro.architecture.space import SPACES
from tgas_neuro.errors import UserError
from tgas_neuro.files import read_json, write_json
from tgas_neuro.search.best import make_best
from tgas_neuro.search.generation import describe_generation, make_history, make_proposals
from tgas_neuro.search.history import Entry, build_entry, count_states, find_best, rank_entries
from tgas_neuro.search.progress import describe_record

SEARCH = {
    "space": "cell",
    "cell": {"blocks": 5},
    "strategy": "random",
    "alpha": 2.0,
    "layer_choice": "crossed",
    "candidates": 3,
    "seed": 0,
}


def build_record(identifier, genotype, state="ok", P=0.5, crossed=0.2, paper=0.3, original=None):
    trained = state == "ok"
    region = {"crossed": {"corrected": crossed}, "plain": {"corrected": paper}}
    return {
        "id": identifier,
        "genotype": genotype.to_json(),
        "hash": genotype.hash,
        "state": state,
        "message": "" if trained else f"{state} because",
        "original": original,
        "premature": {"accuracy": P} if trained else None,
        "teacher": {"TG": {"crossed": crossed, "paper": paper}, "regions": {"IT": region}}
        if trained
        else None,
        "complexity": {"params": 10, "macs": 100},
        "cost": {"images_seen": 7, "seconds": 1.5},
    }


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    return [SPACES["cell"](blocks=5).sample(rng) for _ in range(n)]


def test_reward_is_p_plus_alpha_tg():
    (genotype,) = draw(1)
    record = build_record("g000_c00", genotype)
    assert build_entry(record, 2.0, "crossed", {}).reward == pytest.approx(0.5 + 2 * 0.2)
    assert build_entry(record, 2.0, "paper", {}).reward == pytest.approx(0.5 + 2 * 0.3)
    assert build_entry(record, 0.0, "paper", {}).reward == 0.5
    assert build_entry(record, 1.0, "paper", {}).regions == {"IT": 0.3}


def test_a_failure_has_no_reward_and_a_duplicate_its_originals():
    one, two = draw(2)
    known = {"g000_c00": build_entry(build_record("g000_c00", one), 1.0, "crossed", {})}
    failed = build_entry(build_record("g000_c01", two, "oversized"), 1.0, "crossed", known)
    assert (failed.reward, failed.P, failed.TG, failed.params) == (None, None, None, 10)
    record = build_record("g001_c00", one, "duplicate", original="g000_c00")
    same = build_entry(record, 1.0, "crossed", known)
    assert (same.state, same.original, same.reward) == ("duplicate", "g000_c00", 0.7)


def test_json_round_trip():
    entry = build_entry(build_record("g000_c00", draw(1)[0]), 1.0, "crossed", {})
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_the_earliest_of_equals_is_the_best():
    entries = [
        build_entry(build_record(f"g000_c{k:02d}", genotype, P=P), 1.0, "crossed", {})
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
    assert describe_generation(history) == (
        "generation 1: 1 duplicate, 4 ok, 1 timeout; best g001_c02, reward 1.300"
    )


def test_best_holds_the_record_and_the_leaderboard(run):
    best = make_best(run[1], run[0], "cell_random-00000000")
    assert best["id"] == "g001_c02"
    assert best["record"] == read_json(run[0][-1])
    leaders = [row["id"] for row in best["leaderboard"]]
    assert leaders == ["g001_c02", "g000_c02", "g000_c01", "g000_c00"]  # without the duplicate
    assert best["leaderboard"][1]["P"] == 0.2


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
    assert describe_record(record, SEARCH, tmp_path) == (
        "candidate g001_c00: ok  P 0.500  TG 0.200 (IT 0.200)  reward 0.900"
    )
    write_json(tmp_path / "generation_001/candidate_00.json", record)
    write_json(
        tmp_path / "generation_000/history.json", {"best": {"id": "g000_c05", "reward": 1.25}}
    )
    assert describe_record(record, SEARCH, tmp_path).endswith("best so far 1.250 (g000_c05)")
    better = build_record("g001_c01", two, P=0.9)
    write_json(tmp_path / "generation_001/candidate_01.json", better)
    failed = build_record("g001_c02", one, "timeout")
    assert describe_record(failed, SEARCH, tmp_path) == (
        "candidate g001_c02: timeout (timeout because)  best so far 1.300 (g001_c01)"
    )
