"""The leaderboard: best first, as a table and as JSON, and when there is nothing to show."""

import json

import pytest
from support.run_folders import build_record, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.runtime.text import format_table

GENOTYPES = draw(4)


@pytest.fixture
def searches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results/search"


def test_best_first(searches, capsys):
    records = [
        build_record("g000_c00", GENOTYPES[0], P=0.1, params=12345),
        build_record("g000_c01", GENOTYPES[1], "diverged"),
        build_record("g000_c02", GENOTYPES[2], P=0.9, untrained=None),
    ]
    write_run(searches / "cell_random-1", [records])
    assert main(["leaderboard"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run cell_random-1, ranked by P + 2 x TG (crossed)"
    names = "rank candidate reward P TG IT untrained params macs hash"
    assert lines[1].split() == names.split()
    first = ["1", "g000_c02", "1.300", "0.900", "0.200", "0.200", "-", "10", "100"]
    assert lines[2].split() == [*first, GENOTYPES[2].hash[:8]]
    assert "12,345" in lines[3]
    assert len(lines) == 4
    assert main(["leaderboard", "cell_random-1", "--n", "1", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["run"], content["guidance"]) == ("cell_random-1", "p_plus_tg")
    (row,) = content["leaderboard"]
    assert (row["id"], row["reward"]) == ("g000_c02", pytest.approx(1.3))


def test_before_anything_has_finished(searches, capsys):
    write_run(searches / "cell_random-1", [[None] * 3], finished=False)
    assert main(["leaderboard"]) == 0
    assert capsys.readouterr().out.endswith("\nno candidate has finished yet\n")
    assert main(["leaderboard", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leaderboard"] == []


def test_nothing_but_failures_and_partial_ones(searches, capsys):
    records = [
        build_record("g000_c00", GENOTYPES[0], complete=False),
        build_record("g000_c01", GENOTYPES[1], "timeout"),
    ]
    write_run(searches / "cell_random-1", [records])
    assert main(["leaderboard"]) == 0
    assert "no complete candidate has a reward yet (1 ok, 1 timeout)" in capsys.readouterr().out


def test_no_search_at_all(searches, capsys):
    for command in (["leaderboard"], ["status", "--once"], ["show", "g000_c00"], ["rerank"]):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert error.startswith("Error: results/search: no search has begun here")
        assert error.count("\n") == 1


def test_columns_are_as_wide_as_their_values():
    rows = [
        {"name": "a", "value": 1234567, "share": None},
        {"name": "long", "value": 8, "share": 0.5},
    ]
    assert format_table(rows).splitlines() == [
        "name      value  share",
        "a     1,234,567      -",
        "long          8  0.500",
    ]
