"""`score` with networks, features and teachers of every origin, and what it writes."""

import csv
import json
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import yaml
from support.scored import SIZE, make_folder, read_small, record

from tgas_neuro.__main__ import main
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.teacher.teacher import write_teacher

DATA = ("--data", "V4=small", "IT=small", "--splits", 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small simulated data set and an importable network."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return make_folder(tmp_path)


def call(*arguments):
    return main(["score", *map(str, arguments)])


def test_a_file_of_features_beside_a_network(folder, capsys):
    """What a network gives, saved by another program, has the numbers of the network."""
    import scored_net

    features = record(folder, scored_net.build(), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    np.savez(folder / "saved.npz", **features)
    models = ["scored_net:build", "saved.npz"]
    options = ["--exact", "--layers", "1", "3", "--size"]
    assert call(*models[:1], *DATA, *options, SIZE, "--csv", "network.csv") == 0
    assert call(*models[1:], *DATA, *options[:-1], "--csv", "features.csv") == 0
    network, saved = (
        list(csv.DictReader((folder / name).read_text().splitlines()))
        for name in ("network.csv", "features.csv")
    )
    for one, other in zip(network, saved, strict=True):
        assert (one["region"], one["layer"]) == (other["region"], other["layer"])
        assert float(one["similarity"]) == pytest.approx(float(other["similarity"]), abs=1e-5)
    assert call(*models, *DATA, *options, SIZE) == 1
    assert "Error: --size: is for networks, not for features; leave it" in capsys.readouterr().err


def test_weights_belong_to_the_networks_among_the_models(folder, capsys):
    import scored_net
    import torch

    (folder / "any_size.py").write_text(
        "import scored_net\nbuild = lambda: scored_net.build()[:4]\n"
    )
    network = scored_net.build()[:4]
    with torch.no_grad():
        network[0].weight.neg_()
    torch.save(network.state_dict(), folder / "other.pth")
    stimuli, _ = read_small(folder)
    np.savez(folder / "a.npz", one=np.random.default_rng(0).random((len(stimuli), 9)))
    models = ["a.npz", "any_size:build", "a.npz"]
    out = ["--data", "IT=small", "--splits", 4, "--json", "a.json"]
    assert call(*models, "--weights", "other.pth", *out) == 0
    scored = json.loads((folder / "a.json").read_text())
    assert list(scored) == ["a.npz", "any_size:build", "a.npz (2)"]
    assert scored["a.npz"] == scored["a.npz (2)"]
    assert call("any_size:build", "--weights", "other.pth", *out) == 0
    alone = json.loads((folder / "a.json").read_text())
    assert scored["any_size:build"] == alone["any_size:build"]
    assert call("any_size:build", *out) == 0
    assert json.loads((folder / "a.json").read_text()) != alone
    assert call("a.npz", "--weights", "other.pth", *out) == 1
    assert (
        "--weights: 1 files for 0 networks; give one for each, in their" in capsys.readouterr().err
    )


def test_a_layer_that_does_not_vary_is_shown_without_a_number(folder, capsys):
    stimuli, _ = read_small(folder)
    rng = np.random.default_rng(0)
    features = {"good": rng.random((len(stimuli), 9)), "flat": np.ones((len(stimuli), 9))}
    np.savez(folder / "a.npz", **features)
    assert call("a.npz", *DATA, "--csv", "a.csv") == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("flat")]
    assert line.split() == ["flat", "none", "none"]
    rows = list(csv.DictReader((folder / "a.csv").read_text().splitlines()))
    assert [row["similarity"] for row in rows if row["layer"] == "flat"] == ["", ""]


def test_the_teacher_of_a_run_and_a_configuration_give_equal_numbers(folder, capsys):
    regions = {name: {"datasets": ["small"]} for name in ("V4", "IT")}
    stimuli = {"size": SIZE, "visual_degrees": 8}
    config = {"recordings": {"regions": regions}, "teacher": {"splits": 4, "stimuli": stimuli}}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    write_teacher(folder / "teacher.nc", load_teacher(folder / "mine.yaml", report=len).at(SIZE))
    one = ["scored_net:build", "--size", SIZE, "--layers", "3", "--json"]
    assert call(*one, "1.json", "--teacher", "mine.yaml") == 0
    assert call(*one, "2.json", "--teacher", "teacher.nc") == 0
    assert call(*one, "3.json", *DATA) == 0
    texts = {(folder / f"{number}.json").read_text() for number in (1, 2, 3)}
    assert len(texts) == 1
    capsys.readouterr()
    assert call(*one, "4.json", "--teacher", "teacher.nc", "--degrees", 4) == 1
    assert "Error: --degrees: 4.0 is given beside teacher.nc, in which" in capsys.readouterr().err


def test_categories_are_regions_of_their_own(folder, capsys):
    options = ["--data", "IT=small", "--by", "category", "--size", SIZE, "--layers", "3"]
    assert call("scored_net:build", *options, "--csv", "out.csv") == 0
    rows = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert rows and all(row["region"].startswith("IT: ") and not row["ceiling"] for row in rows)
    assert "Note: categories have no noise ceiling" in capsys.readouterr().err


def test_parquet_has_the_rows_of_the_csv(folder, capsys, monkeypatch):
    pytest.importorskip("fastparquet")
    options = ["--size", SIZE, "--layers", "3", "--csv", "a.csv", "--parquet", "a.parquet"]
    assert call("scored_net:build", *DATA, *options) == 0
    frame = pd.read_parquet(folder / "a.parquet")
    pd.testing.assert_frame_equal(
        frame, pd.read_csv(folder / "a.csv", dtype={"layer": str}), check_exact=False
    )


def test_parquet_without_its_package_is_refused_before_anything_is_read(
    folder, capsys, monkeypatch
):
    for engine in ("fastparquet", "pyarrow"):
        monkeypatch.setitem(sys.modules, engine, None)
    assert call("scored_net:build", *DATA, "--parquet", "a.parquet") == 1
    assert "Error: --parquet: no package that writes it can be used (" in capsys.readouterr().err


def test_weights_are_downloaded_or_the_reason_is_one_line(folder, capsys, monkeypatch):
    def refuse(name, weights=None, **options):
        raise URLError("no such host")

    monkeypatch.setattr("torchvision.models.get_model", refuse)
    assert call("torchvision:resnet18", *DATA, "--download") == 1
    assert (
        "Error: --download: torchvision's weights of resnet18 cannot be downloaded (URLError: "
        "<urlopen error no such host>); name a local file with weights"
    ) in capsys.readouterr().err
    for model, said in (
        ("torchvision:resnet81", "model: 'resnet81' is not a classification network of torchvisi"),
        ("torchvision:resnet18.V9", "model: 'resnet18.V9': 'V9' is not one of torchvision's weigh"),
        ("scored_net:build", "--download: is for torchvision:<name> and timm:<name>, not for sco"),
    ):
        assert call(model, *DATA, "--download") == 1
        assert f"Error: {said}" in capsys.readouterr().err


def test_a_network_of_timm_without_internet_is_one_line(folder, capsys, monkeypatch):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    build = timm.create_model

    def refuse(name, pretrained=False):
        if pretrained:
            raise ConnectionError("no such host")
        return build(name)

    monkeypatch.setattr(timm, "create_model", refuse)
    assert call("timm:resnet10t.c3_in1k", *DATA, "--download") == 1
    assert (
        "Error: --download: timm's weights of resnet10t.c3_in1k cannot be downloaded "
        "(ConnectionError: no such host); name a local file with weights"
    ) in capsys.readouterr().err
    assert call("timm:resnet10u", *DATA, "--download") == 1
    assert "Error: model: 'resnet10u' is not a network of timm" in capsys.readouterr().err


def test_downloaded_weights_are_those_that_torchvision_gives(folder, monkeypatch):
    """`get_model` is replaced: the network, and the settings of its default weights, are used."""
    asked = []

    def build(name, weights=None):
        import scored_net

        asked.append((name, weights))
        return scored_net.build()

    monkeypatch.setattr("torchvision.models.get_model", build)
    arguments = ["--size", SIZE, "--layers", "3", "--json"]
    assert call("torchvision:resnet50", *DATA, "--download", *arguments, "a.json") == 0
    assert asked == [("resnet50", "IMAGENET1K_V2")]
    assert call("scored_net:build", *DATA, *arguments, "b.json") == 0
    (one,), (other,) = (
        json.loads(Path(name).read_text()).values() for name in ("a.json", "b.json")
    )
    assert one == other


@pytest.mark.parametrize(
    "model, said",
    [
        ("resnet18", "model: 'resnet18' is neither a folder nor one of torchvision:<name>, timm:"),
        ("torchvision:resnet18", "--weights: is missing; torchvision:resnet18 comes without wei"),
        ("scored_net:made", "model: scored_net has no 'made'; expected package.module:function"),
        ("nowhere:build", "model: 'nowhere' of 'nowhere:build' cannot be imported (ModuleNotFo"),
        ("a.npy", "a.npy: no such file; correct its path"),
        ("a.onnx", "a.onnx: no such file; correct its path"),
        ("a.pt2", "a.pt2: no such file; correct its path"),
    ],
)
def test_models_that_are_not_there_are_one_line(folder, capsys, model, said):
    assert call(model, *DATA) == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("Error")]
    assert line.startswith(f"Error: {said}")
