"""The whole way at toy size: what it writes, that it repeats, and what is said to the user."""

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.final.result.best_cell import check_part
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.search.guidance import calc_reward

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]


def test_best_cell_is_whole_and_consistent(finished):
    best_cell = finished.read("results/best_cell.json")
    check_part(BestCell, best_cell)
    record = finished.read_records()[best_cell["id"]]
    genotype = read_genotype(best_cell["genotype"])
    assert genotype.hash == best_cell["hash"] == record["hash"]
    assert best_cell["reward"] == calc_reward(
        record["premature"]["accuracy"], record["teacher"]["TG"]["crossed"], 1.0
    )
    assert best_cell["teacher"]["simulated"] is True
    assert best_cell["final"]["simulated"] is True
    assert "imulated" in best_cell["note"]
    assert best_cell["search"]["evaluated"] == 6


def test_configuration_contains_what_the_user_wrote(finished):
    result = finished.read("results/best_cell.json")

    def holds(whole, part):
        if isinstance(part, dict):
            return all(key in whole and holds(whole[key], part[key]) for key in part)
        return whole == part

    assert holds(result["configuration"], finished.config)
    assert result["configuration"]["premature"]["epochs"] == 1  # a default
    assert result["configuration"]["final"]["target"] is None


def test_drawing(finished):
    """The picture lies beside; the words name every operation of every block."""
    result = finished.read("results/best_cell.json")
    drawing = result["drawing"]
    with Image.open(finished.folder / drawing["picture"]) as image:
        assert np.asarray(image.convert("L")).std() > 5
    assert (finished.folder / drawing["picture"]).parent == finished.folder / "results"
    said = " ".join(drawing["text"])
    blocks = result["genotype"]["normal"]["blocks"]
    names = [operation for block in blocks for operation in block["operations"]]
    assert {name: said.count(f"{name}(") for name in names} == {n: names.count(n) for n in names}


def test_the_best_has_the_highest_reward(finished):
    rewards = [
        record["premature"]["accuracy"] + record["teacher"]["TG"]["crossed"]
        for record in finished.read_records().values()
        if record["state"] == "ok"
    ]
    assert finished.read("results/best_cell.json")["reward"] == pytest.approx(max(rewards))


def test_tg_is_the_mean_of_the_corrected_regions(finished):
    for record in finished.read_records().values():
        regions = record["teacher"]["regions"]
        crossed = [region["crossed"]["corrected"] for region in regions.values()]
        assert record["teacher"]["TG"]["crossed"] == pytest.approx(np.mean(crossed))
        plain = [
            max(layer["all"] for layer in region["layers"].values()) / region["ceiling"]
            for region in regions.values()
        ]
        assert record["teacher"]["TG"]["paper"] == pytest.approx(np.mean(plain))


def test_pictures_are_there(finished):
    pictures = sorted(path.name for path in finished.folder.glob("results/figures/*/*"))
    names = ("best_cell", "layer_map", "rdm_IT", "rdm_V4", "search_curve")
    assert pictures == [f"{name}.{ending}" for name in names for ending in ("pdf", "png", "svg")]
    for path in finished.folder.glob("results/figures/*/*.png"):
        with Image.open(path) as image:
            assert min(image.size) > 200
            assert np.asarray(image.convert("L")).std() > 5


def test_pictures_hold_the_numbers_of_the_run(finished):
    """In SVG they are text: chance, ceilings and intervals, TG of winner and final network."""
    result = finished.read("results/best_cell.json")

    def read(name):
        (path,) = finished.folder.glob(f"results/figures/*/{name}.svg")
        return path.read_text(encoding="utf-8")

    curve = read("search_curve")
    assert "chance 0.125" in curve and f"best {result['reward']:.3f}" in curve
    layers = read("layer_map")
    for part in (result["teacher"], result["final"]["teacher"]):
        for region in part["regions"].values():
            assert f"TG {region['TG']:.3f}" in layers
    for name, region in result["teacher"]["regions"].items():
        assert f"ceiling {region['ceiling']:.3f}" in layers
        assert f"ceiling {region['ceiling']:.3f} (" in read(f"rdm_{name}")
        assert "over 5 splits)" in read(f"rdm_{name}")


def test_every_candidate_is_a_row_of_the_table(finished):
    (path,) = finished.folder.glob("results/search/*/candidates.csv")
    table = pd.read_csv(path, index_col="id", float_precision="round_trip")
    records = finished.read_records()
    assert list(table.index) == sorted(records)
    for identifier, record in records.items():
        row = table.loc[identifier]
        assert row["P"] == record["premature"]["accuracy"]
        assert row["TG"] == record["teacher"]["TG"]["crossed"]
        assert row["TG_by_paper"] == record["teacher"]["TG"]["paper"]
        for name, region in record["teacher"]["regions"].items():
            assert row[f"TG_{name}"] == region["crossed"]["corrected"]
            assert row[f"raw_{name}"] == region["crossed"]["raw"]
            assert row[f"ceiling_{name}"] == region["ceiling"]
        assert row["reward"] == pytest.approx(row["P"] + row["TG"])
        assert (row["params"], row["macs"]) == tuple(record["complexity"].values())
        for key in ("images_seen", "seconds", "peak_memory_mb", "attempts"):
            assert row[key] == record["cost"][key]


def test_the_user_sees_a_line_for_each_candidate_and_a_summary(finished):
    lines = finished.output.splitlines()
    (head,) = [line for line in lines if line.strip().startswith("done  candidate  state")]
    for identifier, record in finished.read_records().items():
        (line,) = [line for line in lines if f"/6  {identifier}  " in line]
        values = [record["premature"]["accuracy"], record["teacher"]["TG"]["crossed"]]
        assert line.split()[2:5] == ["ok", *(f"{value:.3f}" for value in values)]
        assert line.index(line.split()[6]) >= head.index("seconds")
    for phase in ("recordings", "teacher", "images", "search", "final training", "evaluation"):
        assert sum(f"  {phase:<15} begins" in line for line in lines) == 1
        assert sum(f"  {phase:<15} ended after " in line for line in lines) == 1
    assert not any("Select jobs to execute" in line or "Finished jobid" in line for line in lines)
    errors = ("Error", "Warning", "Using workflow")
    assert [line for line in lines if len(line) > 80 and not line.startswith(errors)] == []
    logs = list((finished.folder / ".snakemake/log").glob("*.log"))
    assert any("Finished jobid" in log.read_text() for log in logs)
    assert any(line.startswith("Best cell: ") for line in lines)
    assert "results/report.html" in [line.strip() for line in lines]
    assert any("simulated" in line.lower() for line in lines)
    assert [line for line in lines if line.startswith("generation ")][-1].startswith(
        "generation 1: 6 ok"
    )


def test_nothing_is_done_twice(finished):
    again = finished.run()
    assert "Nothing to be done" in again.stdout


def test_one_core_gives_the_same(finished, toy, comparable):
    toy.run("results/best_cell.json", cores=1)
    one, two = (run.read("results/best_cell.json") for run in (toy, finished))
    assert comparable(one) == comparable(two)
    records = [run.read_records() for run in (toy, finished)]
    assert comparable(records[0]) == comparable(records[1])


def test_more_generations_continue_the_same_search(finished, toy, comparable):
    toy.config["search"]["generations"] = 1
    toy.run("results/best_cell.json")
    toy.config["search"]["generations"] = 2
    again = toy.run("results/best_cell.json").stdout
    assert "g000_c00   ok" not in again
    assert comparable(toy.read("results/best_cell.json")) == comparable(
        finished.read("results/best_cell.json")
    )


def test_lag_two_keeps_two_generations_in_flight(toy):
    toy.config["search"] |= {"lag": 2, "generations": 3, "candidates": 2, "strategy": "random"}
    toy.run("--until", "best")
    seen = {
        content["generation"]: content["history_seen"]
        for content in (
            yaml.safe_load(path.read_text())
            for path in toy.folder.glob("results/search/*/*/proposals.json")
        )
    }
    assert seen == {0: 0, 1: 0, 2: 2}
