"""The summary says what the file says."""

import json
from pathlib import Path

import pytest

from tgas_neuro.__main__ import main
from tgas_neuro.commands.summary import summarise
from tgas_neuro.runtime.files import write_json


@pytest.fixture
def content():
    region = {
        "ceiling": 0.8,
        "corrected": True,
        "crossed": {"corrected": 0.25, "layers": ["cell_1", "cell_2"]},
        "paper": {"corrected": 0.5, "layer": "stem"},
    }
    return {
        "id": "g001_c02",
        "note": "Simulated recordings: nothing about brains.",
        "reward": 0.75,
        "guidance": "p_plus_tg",
        "alpha": 2.0,
        "premature": {"accuracy": 0.25},
        "teacher": {
            "name": "toy-12345678",
            "TG": 0.25,
            "layer_choice": "crossed",
            "regions": {"IT": region, "V4": region | {"corrected": False}},
        },
        "final": {
            "top1": 0.5,
            "top1_interval": [0.25, 0.75],
            "top5": 1.0,
            "n_images": 400,
            "params": 12345,
            "macs": 6789,
            "teacher": {
                "regions": {
                    "IT": {
                        "crossed": {"corrected": 0.375, "layers": ["cells.cell_3"] * 2},
                        "paper": {"corrected": 0.625, "layer": "cells.cell_5"},
                    },
                    "V4": {"crossed": None, "paper": None},
                },
            },
        },
        "files": {"brainscore": "results/brainscore/tgas_neuro_cell_tpe_1"},
        "search": {"name": "cell_tpe-1", "evaluated": 7, "states": {"ok": 6, "timeout": 1}},
        "cost": {
            "search": {"images_seen": 1000, "seconds": 10.4},
            "final": {"images_seen": 2000, "seconds": 20.0},
        },
    }


def join(text):
    """The text as one line."""
    return " ".join(text.split())


def test_values_of_the_file(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a path is kept whole, however long it is
    path = Path("best_cell.json")
    write_json(path, content)
    wrapped = summarise(path, ["results/figures/a.png"])
    assert all(len(line) <= 80 for line in wrapped.splitlines())
    text = join(wrapped)
    for expected in (
        "g001_c02 of 7 candidates (6 ok, 1 timeout)",
        "reward 0.750 = P 0.250 + 2 x TG 0.250",
        "IT 0.250 at cell_1/cell_2 (ceiling 0.800), V4 0.250 at cell_1/cell_2 (no ceiling)",
        "top-1 0.500 (95 % interval 0.250 to 0.750), top-5 1.000 on 400 validation images",
        "12,345 parameters, 6,789 multiply-adds",
        "IT 0.375 at cells.cell_3 (ceiling 0.800), V4 undefined (no layer",
        "results/brainscore/tgas_neuro_cell_tpe_1/",
        "search 1,000 training images in 10 s",
        "Simulated recordings",
        "results/figures/a.png",
    ):
        assert expected in text
    content["teacher"]["layer_choice"] = "paper"
    write_json(path, content)
    assert "IT 0.500 at stem (ceiling 0.800)" in join(summarise(path))
    assert "IT 0.625 at cells.cell_5 (ceiling 0.800)" in join(summarise(path))
    content["teacher"]["layer_choice"] = "mean"
    content["teacher"]["regions"]["IT"]["mean"] = {"raw": 0.1, "corrected": 0.125}
    content["final"]["teacher"]["regions"]["IT"]["mean"] = {"raw": 0.1, "corrected": 0.375}
    content["teacher"]["regions"]["V4"]["mean"] = {"raw": 0.1, "corrected": 0.1}
    write_json(path, content)
    assert "IT 0.125 in the mean of all layers (ceiling 0.800)" in join(summarise(path))
    content["teacher"]["layer_choice"] = "paper"
    write_json(path, content | {"alpha": {"start": 3, "end": 1}, "reward": 0.5})
    assert "reward 0.500 = P 0.250 + 1 x TG 0.250" in join(summarise(path))
    basis = {"scale": "standardised", "reward_basis": "z-scores over 9 candidates"}
    write_json(path, content | basis | {"reward": 1.5})
    expected = "z(P) + 2 x z(TG) (paper) (z-scores over 9 candidates); P 0.250, TG 0.250"
    assert f"reward 1.500 = {expected}" in join(summarise(path))
    write_json(path, content | {"guidance": "params", "reward": 4.09})
    assert "reward 4.090 = log10 of the parameters; P 0.250, TG 0.250" in join(summarise(path))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: [content],
        lambda content: "text",
        lambda content: {},
        lambda content: content | {"final": None},
        lambda content: content | {"reward": "high"},
        lambda content: content | {"search": content["search"] | {"states": ["ok"]}},
        # as a version before wrote it, which did not compare the final network with the teacher
        lambda content: (
            content
            | {"final": {key: value for key, value in content["final"].items() if key != "teacher"}}
        ),
    ],
)
def test_another_file_is_one_line(change, content, tmp_path, capsys):
    path = tmp_path / "best_cell.json"
    path.write_text(json.dumps(change(content)))
    assert main(["summary", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Error: {path}: not a best_cell.json of this version (")
    assert line.endswith("name another file, or make it again: snakemake --cores 2")


def test_a_folder_is_one_line(tmp_path, capsys):
    assert main(["summary", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"Error: {tmp_path}: not a readable file (Is a directory); name another"
