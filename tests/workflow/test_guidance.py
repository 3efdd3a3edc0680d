"""A search by TG at epoch 0, one that begins with its candidates, and both ranked in other ways."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]

RUNGS = [0.5]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, build_toy):
    """Of three candidates by TG at epoch 0; then by P + TG, with rungs, beginning with those."""
    toy = build_toy(tmp_path_factory.mktemp("guidance"))
    toy.config["search"] |= {
        "strategy": "random",
        "guidance": "tg_epoch0",
        "generations": 1,
        "candidates": 3,
    }
    toy.run("--until", "best")
    (toy.first,) = toy.folder.glob("results/search/*")
    toy.config["search"] |= {"guidance": "p_plus_tg", "reuse": [toy.first.name]}
    toy.config["search"] |= {"generations": 2, "candidates": 2, "seed": 3}
    toy.config["premature"] |= {"rungs": RUNGS, "keep_fraction": 0.5}
    toy.output = toy.run("--until", "best").stdout
    (toy.second,) = set(toy.folder.glob("results/search/*")) - {toy.first}
    return toy


def read(path):
    return json.loads(path.read_text())


def read_records(folder):
    records = (read(path) for path in folder.glob("*/candidate_*.json"))
    return {record["id"]: record for record in sorted(records, key=lambda r: r["id"])}


def command(toy, *arguments):
    found = subprocess.run(
        [sys.executable, "-m", "tgas_neuro", *arguments],
        cwd=toy.folder,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_the_best_by_tg_before_the_training(runs):
    best, records = read(runs.first / "best.json"), read_records(runs.first)
    assert (best["guidance"], len(records)) == ("tg_epoch0", 3)
    untrained = {name: r["teacher_untrained"]["TG"]["crossed"] for name, r in records.items()}
    assert best["id"] == max(untrained, key=untrained.get)
    assert best["reward"] == untrained[best["id"]]
    assert all(r["teacher"]["TG"]["crossed"] != untrained[name] for name, r in records.items())


def test_older_candidates_are_known_and_rated_anew(runs):
    older, name = read_records(runs.first), runs.first.name
    reused = read(runs.second / "reused.json")
    assert [record["id"] for record in reused["records"]] == [f"{name}/{key}" for key in older]
    assert f"reuse: 3 of 3 candidates of {name}" in runs.output
    proposals = read(runs.second / "generation_000/proposals.json")
    assert proposals["history_seen"] == 3
    rewards = {
        f"{name}/{key}": r["premature"]["accuracy"] + r["teacher"]["TG"]["crossed"]
        for key, r in older.items()
    }
    assert proposals["best"]["id"] == max(rewards, key=rewards.get)
    hashes = {record["hash"]: f"{name}/{key}" for key, record in older.items()}
    for record in read_records(runs.second).values():
        assert record["original"] == hashes.get(record["hash"])


def test_the_best_of_both_runs(runs):
    best = read(runs.second / "best.json")
    rewards = {row["id"]: row["reward"] for row in best["leaderboard"]}
    assert best["reward"] == max(rewards.values())
    assert {name for name in rewards if "/" in name} == {
        f"{runs.first.name}/{name}" for name in read_records(runs.first)
    }
    assert sum(best["states"].values()) == 4


def test_early_stop_by_the_history_that_was_seen(runs):
    """The first generation has nobody to be compared with, the second the first."""
    first, second = (
        read(runs.second / f"generation_00{number}/proposals.json")["rungs"] for number in (0, 1)
    )
    assert first == [{"epoch": 0.5, "threshold": None, "of": 0}]
    records = read_records(runs.second)
    values = [
        r["rungs"][0]["value"] for name, r in records.items() if name[:4] == "g000" and r["rungs"]
    ]
    assert second == [{"epoch": 0.5, "threshold": max(values), "of": 2}]  # the best one of two
    for name, record in records.items():
        (rung,) = record["rungs"]
        assert rung["value"] == pytest.approx(rung["P"] + rung["TG"]["crossed"])
        stopped = name[:4] == "g001" and rung["value"] < max(values)
        assert record["state"] == ("stopped" if stopped else "ok")


def test_nothing_is_done_twice(runs):
    output = runs.run("--until", "best").stdout
    assert "begins" not in output


def test_ranked_in_another_way(runs):
    """The second ranking of the first run is that of the search by it."""
    content = json.loads(command(runs, "rerank", runs.first.name, "--guidance", "p", "--json"))
    P = {name: r["premature"]["accuracy"] for name, r in read_records(runs.first).items()}
    found = {row["id"]: row["reward"] for row in content["leaderboard"]}
    assert found == P
    assert list(found.values()) == sorted(P.values(), reverse=True)
    text = command(runs, "rerank", str(runs.second), "--guidance", "tg", "--alpha", "2")
    assert "ranked by TG (crossed); it was P + 1 x TG (crossed)" in text
    assert f"{runs.first.name}/g000_c0" in text


def test_what_the_user_sees(runs):
    status = command(runs, "status", "--once")
    assert f"run         {runs.second.name} (the newest of 2 runs)" in status
    assert "workflow    has ended" in status
    assert "candidates  4 of 4" in status
    board = command(runs, "leaderboard", runs.second.name)
    best = read(runs.second / "best.json")["id"]
    first, second = (line.split() for line in board.splitlines()[2:4])
    # the name of another run's candidate is folded, so that the table fits into 80 columns
    assert [first[0], first[1] + (second[0] if "/" in best else "")] == ["1", best]
    shown = command(runs, "show", best, runs.second.name)
    assert f"candidate {best} of run {runs.second.name}" in shown
