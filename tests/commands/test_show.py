"""One candidate: finished, failed, stopped, not finished, unknown; with a picture."""

import pytest
from PIL import Image
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.__main__ import main

GENOTYPES = draw(4)
RUNGS = [
    {"epoch": 0.5, "P": 0.2, "TG": None, "value": 0.2, "threshold": None, "of": 0},
    {"epoch": 1, "P": 0.3, "TG": None, "value": 0.3, "threshold": 0.4, "of": 5},
]


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = [
        build_record("g000_c00", GENOTYPES[0], P=0.4, params=12345),
        build_record("g000_c01", GENOTYPES[1], "stopped", P=0.3, rungs=RUNGS),
        None,
    ]
    return write_run(tmp_path / "results/search/run-1", [records], finished=False)


def show(capsys, *arguments):
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_a_finished_candidate(capsys):
    text = show(capsys, "g000_c00")
    for expected in (
        "candidate g000_c00 of run run-1\n",
        "state      ok\n",
        "reward     0.800 = P + 2 x TG (crossed)\n",
        "P          0.400 (loss 2.000 nat) on 10 held-back training images\n",
        "TG         0.200 (crossed); before the training 0.050\n",
        "size       12,345 parameters, 100 multiply-adds\n",
        "cost       7 training images, 1.5 s, 100 MB\n",
        f"genotype   {GENOTYPES[0].hash}\n",
        "IT       raw 0.100  corrected 0.200  ceiling 0.500  cell_0, cell_1\n",
        "stem    none\n",
    ):
        assert expected in text
    for block in GENOTYPES[0].normal.blocks:
        assert f"inputs: [{block.inputs[0]}, {block.inputs[1]}]" in text
        assert f"operations: [{', '.join(block.operations)}]" in text


def test_the_mean_says_over_how_many_layers_it_is(run, capsys):
    """Layers of 0.1 and 0.15; the stem has no similarity."""
    write_run(run, [[build_record("g000_c00", GENOTYPES[0])]], build_search(layer_choice="mean"))
    text = show(capsys, "g000_c00")
    assert (
        "IT       raw 0.125  corrected 0.250  ceiling 0.500  mean of 2 layers (1 more und" in text
    )
    assert "reward     1.000 = P + 2 x TG (mean)\n" in text
    assert "layers     raw similarity with each region\n" in text and "<" not in text


def test_a_stopped_and_an_unfinished_one(capsys):
    text = show(capsys, "g000_c01", "run-1")
    assert "state      stopped (stopped because)" in text
    assert "rung       0.5 epochs: 0.200 (of 0 candidates)" in text
    assert "rung       1 epochs: 0.300, 0.400 to go on (of 5 candidates)" in text
    assert "TG  " not in text
    assert "state      not finished yet" in show(capsys, "g000_c02")


def test_a_partial_one(run, capsys):
    write_run(run, [[build_record("g000_c00", GENOTYPES[0], complete=False)]], finished=False)
    assert "complete   no: it teaches the strategy and cannot win" in show(capsys, "g000_c00")


def test_an_unknown_one_names_the_nearest(capsys):
    assert main(["show", "g00_c0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: candidate 'g00_c0': not in run run-1; the nearest ids: g000_c0")
    assert error.count("\n") == 1


def test_pictures(tmp_path, capsys):
    """With the layer map below the cell where the candidate was scored."""
    sizes = {}
    for name in ("g000_c00", "g000_c01", "g000_c02"):
        path = tmp_path / f"{name}.png"
        assert f"picture    {path}" in show(capsys, name, "--picture", str(path))
        with Image.open(path) as image:
            sizes[name] = image.size
    assert sizes["g000_c00"][1] > sizes["g000_c01"][1]
