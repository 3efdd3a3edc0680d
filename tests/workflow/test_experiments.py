"""An experiment from the command line to its page, and what is made again afterwards."""

import json
import subprocess

import pandas as pd
import pytest
import yaml
from soak.soak import PROJECT, TOY_RECORDINGS
from soak.soak import build_toy as write_toy
from support.toy_run import TOY

from tgas_neuro.runtime.files import read_json

pytestmark = pytest.mark.workflow

TITLE = "A toy experiment"


def list_strings(number):
    names = ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
    texts = [
        f"|{one}~0|+|none~0|{two}~1|+|skip_connect~0|none~1|{three}~2|"
        for one in names
        for two in names
        for three in names
    ]
    return texts[:number]


@pytest.fixture
def run(warm_snakemake):
    def run(folder, *arguments):
        command = [*warm_snakemake, "--snakefile", str(PROJECT / "Snakefile")]
        command += ["--directory", str(folder), "--cores", "2", *arguments]
        return subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return run


def test_a_toy_experiment(tmp_path, run):
    write_toy(tmp_path, TOY, TOY_RECORDINGS)
    (tmp_path / "experiments").mkdir()
    content = yaml.safe_load((PROJECT / "workflow/experiments/toy.yaml").read_text())
    rows = [f"{text},{50 + number}" for number, text in enumerate(list_strings(14))]
    (tmp_path / "table.csv").write_text("\n".join(["architecture,accuracy", *rows]) + "\n")
    content["cells"] = {"number": 10}
    content["mature"] = {"kind": "table", "path": "table.csv", "column": "accuracy"}
    content["training"]["steps"] = [0, 4]
    content["primary"]["steps"] = 4
    content["searches"] = {"seeds": 10, "candidates": [5], "resamples": 20}
    content["teachers"]["simulated"]["teacher"]["uncorrected"] = ["V4", "IT"]
    content["teachers"]["network"] = {
        "title": "a network",
        "recordings": content["teachers"]["simulated"]["recordings"],
        "teacher": {
            "uncorrected": ["V4", "IT"],
            "kind": "network",
            "network": {
                "model": "resnet18",
                "layers": {"V4": "layer1", "IT": "layer2"},
                "size": 32,
            },
        },
    }
    grid = {"title": "few sites", "neuroids": [5, 20], "draws": 2}
    content["grids"] = {
        "few": grid | {"of": "simulated", "repetitions": [1, None]},
        "through": grid | {"of": "network", "repetitions": [1, 5]},
    }
    path = tmp_path / "experiments/toy.yaml"
    path.write_text(yaml.safe_dump(content))
    folder = tmp_path / "results/experiments/toy"

    found = run(tmp_path, "results/experiments/toy/report.html")
    assert found.returncode == 0, found.stdout[-5000:]
    page = (folder / "report.html").read_text()
    assert TITLE in page and "10 cells of the space nasbench201" in page
    assert (folder / "surrogates.png").read_bytes()[:4] == b"\x89PNG"
    table = pd.read_csv(folder / "table.csv.gz")
    assert (
        len(table) == 10 * 2 * (3 + 2 * 2 * 2 * 2) * 2 and table["mature"].between(0.5, 0.64).all()
    )
    assert table["mean"].notna().all()
    result = json.loads((folder / "surrogates.json").read_text())
    assert result["cells"]["ranked"] == 10
    assert set(result["steps"]["4"]["teachers"]) == {"simulated", "shuffled", "network"}
    grids = json.loads((folder / "neurons.json").read_text())["steps"]["4"]["grids"]
    for name, most in (("few", None), ("through", 5)):
        points = {(one["neuroids"], one["repetitions"]): one for one in grids[name]["points"]}
        assert list(points) == [(5, 1), (5, most), (20, 1), (20, most)]
        assert points[5, 1]["ceiling"] == [None, None] and points[20, 1]["sites"] == 20
        assert all(0.2 < ceiling < 1 for ceiling in points[20, most]["ceiling"])
        assert len(set(points[5, 1]["of_draws"]["TG"])) == 2
    assert "How many sites and repetitions does a teacher need?" in page
    assert not list((tmp_path / "results").glob("search/*/generation_*"))  # of the main run

    # nothing is made twice; more cells train only the new ones; a kept table trains nothing
    done = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*.json")}
    content["cells"] = {"number": 11}
    path.write_text(yaml.safe_dump(content))
    found = run(tmp_path, "results/experiments/toy/report.html")
    assert found.returncode == 0, found.stdout[-5000:]
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(list(folder.glob("cells/*.json"))) == 11

    write = {"like": "toy", "cells": {"number": 12}, "continues": f"{folder}/table.csv.gz"}
    write |= {"training": {"steps": [0, 2, 4]}, "grids": None, "teachers": {"network": None}}
    (tmp_path / "experiments/more.yaml").write_text(yaml.safe_dump(write))
    found = run(tmp_path, "results/experiments/more/table.csv.gz")
    assert found.returncode == 0, found.stdout[-5000:]
    more = tmp_path / "results/experiments/more"
    assert "11 trainings of earlier sittings" in found.stdout
    assert "have another P" not in found.stdout  # the same processor
    measured = {
        number: [step for step, one in read_json(path)["steps"].items() if one["regions"]]
        for number, path in enumerate(sorted(more.glob("cells/*.json")))
    }
    assert measured == {number: ["2"] for number in range(11)} | {11: ["0", "2", "4"]}
    ours, theirs = (pd.read_csv(one / "table.csv.gz") for one in (more, folder))
    assert ours["cell"].nunique() == 12 and ours["mean"].notna().all()
    known = (ours["cell"] < 11) & (ours["steps"] != 2)
    theirs = theirs[theirs["teacher"].isin(ours["teacher"])]
    assert len(theirs) == 11 * 2 * 2 * 2
    ours, theirs = ours[known].reset_index(drop=True), theirs.reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)

    kept = {"like": "toy", "table": "results/experiments/toy/table.csv.gz"}
    (tmp_path / "experiments/kept.yaml").write_text(yaml.safe_dump(kept))
    found = run(tmp_path, "results/experiments/kept/report.html")
    assert found.returncode == 0, found.stdout[-5000:]
    kept = tmp_path / "results/experiments/kept"
    assert not (kept / "cells").exists()
    for name in ("surrogates.json", "neurons.json"):
        assert (kept / name).read_bytes() == (folder / name).read_bytes()
    assert not (kept / "grids").exists()


def test_mistakes_end_in_one_line(tmp_path, run):
    write_toy(tmp_path, TOY, TOY_RECORDINGS)
    found = run(tmp_path, "results/experiments/toys/report.html")
    assert found.returncode != 0
    there = "neurons, surrogates, surrogates_500, surrogates_early, toy"
    assert f"Error: no experiment 'toys'; there are: {there}" in found.stdout
    assert "Traceback" not in found.stdout
