"""The table of candidates: its numbers are those of the records, for every kind of candidate."""

import csv
import json

import pandas as pd
import pytest

from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.loggers.rows import order_columns, write_csv, write_parquet


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_a_row_for_each_candidate_with_the_numbers_of_its_record(make_log, generations):
    log = make_log()
    write_csv(log.rows, log.folder / "candidates.csv")
    rows = read(log.folder / "candidates.csv")
    records = {one["id"]: one for generation in generations for one in generation}
    assert list(rows) == list(records)
    first, record = rows["g000_c00"], records["g000_c00"]
    assert (first["state"], first["generation"], first["message"]) == ("ok", "0", "")
    assert float(first["P"]) == float(first["accuracy"]) == record["premature"]["accuracy"]
    assert float(first["TG"]) == float(first["TG_IT"]) == float(first["TG_by_crossed"]) == 0.25
    assert float(first["TG_by_paper"]) == record["teacher"]["TG"]["paper"] == 0.3
    assert float(first["TG_untrained"]) == 0.05
    assert float(first["reward"]) == 0.5 + 2 * 0.25  # alpha is 2
    region = record["teacher"]["regions"]["IT"]
    assert float(first["raw_IT"]) == region["crossed"]["raw"]
    assert float(first["ceiling_IT"]) == region["ceiling"]
    assert first["crossed_layers_IT"] == "cell_0, cell_1" and first["paper_layer_IT"] == "cell_1"
    assert (first["params"], first["macs"]) == ("10", "100")
    for name in ("seconds", "images_seen", "peak_memory_mb", "attempts"):
        assert float(first[name]) == record["cost"][name]
    assert first["started"] == record["dates"]["started"]
    assert read_genotype(json.loads(first["genotype"])).hash == first["hash"] == record["hash"]


def test_candidates_without_measures_have_none(make_log):
    log = make_log()
    rows = {row["id"]: row for row in log.rows}
    assert len({tuple(row) for row in log.rows}) == 1  # the same columns
    diverged = rows["g000_c01"]
    assert diverged["message"] == "diverged because"
    for name in ("reward", "P", "TG", "TG_IT", "TG_by_mean", "raw_IT", "loss"):
        assert diverged[name] is None, name
    stopped = rows["g001_c00"]
    assert (stopped["P"], stopped["reward"]) == (None, None)
    assert (stopped["accuracy"], stopped["epochs"], stopped["stopped_at"]) == (0.125, 0.5, 0.5)
    rung = [stopped[f"rung_0.5_{name}"] for name in ("P", "TG", "value", "threshold")]
    assert rung == [0.125, None, 0.25, 0.9]
    assert rows["g000_c00"]["rung_0.5_P"] is None


def test_a_duplicate_has_the_measures_of_its_original_and_its_own_cost(make_log, generations):
    generations[1][1]["cost"] = {
        "images_seen": 0, "seconds": 0.0, "peak_memory_mb": 0.0, "attempts": 0,
    }  # fmt: skip
    rows = {row["id"]: row for row in make_log().rows}
    duplicate, original = rows["g001_c01"], rows["g000_c00"]
    assert (duplicate["state"], duplicate["original"]) == ("duplicate", "g000_c00")
    for name in ("reward", "P", "TG", "raw_IT", "loss", "TG_by_paper"):
        assert duplicate[name] == original[name] is not None
    assert (duplicate["images_seen"], original["images_seen"]) == (0, 7)


def test_parquet_has_the_same_rows_with_types(make_log):
    pytest.importorskip("fastparquet")
    log = make_log()
    write_parquet(log)
    frame = pd.read_parquet(log.folder / "candidates.parquet", engine="fastparquet")
    assert list(frame) == list(log.rows[0])
    for number, row in enumerate(log.rows):
        for name, value in row.items():
            found = frame[name].iloc[number]
            assert pd.isna(found) if value is None else found == value, (name, value)
    assert frame["params"].dtype.kind == "i" and frame["P"].dtype == float
    write_parquet(make_log(1))  # written again: as many rows as there are
    assert len(pd.read_parquet(log.folder / "candidates.parquet")) == 3


def test_a_search_without_candidates_has_an_empty_table(tmp_path):
    write_csv([], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines() == ["id"]
    assert order_columns([]) == []
    assert order_columns([{"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}]) == ["a", "b", "c"]
