"""`score --comparison ridge`, pls and cka: responses in place of RDMs, values by scikit-learn."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from scipy.stats import pearsonr, zscore
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedShuffleSplit

from tgas_neuro.__main__ import main
from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.datasets.data_set import read_data_set
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.teacher.teacher import show_stimuli

PROJECT = Path(__file__).parents[2]
SIZE = 16
FACTORY = """
import torch
from torch import nn

def build():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(196, 10))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with 128 simulated stimuli in 64 objects, and an importable network."""
    description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
    description["options"] |= {
        "image_size": 16,
        "images_per_object": {"V0": 2, "V3": 0, "V6": 0},
        "sites": {"V4": 12, "IT": 12},
        "repetitions": [8, 8],
    }
    (tmp_path / "neural_data").mkdir()
    path = tmp_path / "neural_data/small.yaml"
    path.write_text(yaml.safe_dump(description | {"name": "small"}))
    (tmp_path / "predicting_net.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(comparison, *arguments):
    given = ["predicting_net:build", "--data", "IT=small", "--layers", "0", "3", "--size", SIZE]
    given += ["--comparison", comparison, "--splits", 4, "--json", "s.json", "--csv", "s.csv"]
    return main(["score", *map(str, [*given, *arguments])])


def read_rows():
    with Path("s.csv").open(newline="") as file:
        return {row["layer"]: row for row in csv.DictReader(file)}


def run_by_hand(folder, network):
    """Features of both layers, mean responses by site, categories: all rows."""
    description = load_description("small", [folder / "neural_data"])
    assert not list(read_data_set(description, folder / "read"))
    stimuli = load_stimuli(folder / "read/stimuli.csv")
    images = show_stimuli(stimuli, folder / "read/stimuli", SIZE, 8) / 255
    x = (images - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    features = {}
    with torch.inference_mode():
        first = network[0](torch.from_numpy(x.transpose(0, 3, 1, 2)).float())
        features = {"0": first.flatten(1), "3": network[1:](first)}
    found = load_assembly(folder / "read/assembly.nc")
    sites = found[:, (found["region"] == "IT").values]
    shown = sites["stimulus_id"].values
    means = np.stack([sites.values[shown == one].mean(0) for one in stimuli["stimulus_id"]])
    return (
        {name: values.double().numpy() for name, values in features.items()},
        zscore(means.astype(np.float64)),
        stimuli,
    )


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_values_equal_scikit_learn(folder, method, capsys):
    assert call(method) == 0
    from predicting_net import build

    features, responses, stimuli = run_by_hand(folder, build())
    score = json.loads(Path("s.json").read_text())["predicting_net:build"]["regions"]["IT"]
    n_kept = int(capsys.readouterr().err.split(" of 12 sites")[0].split()[-1])
    assert n_kept == 12  # else the median is over others
    categories = stimuli["category_name"].to_numpy(str)  # 13 stimuli cannot be of 64 objects
    splits = StratifiedShuffleSplit(n_splits=10, train_size=0.9, random_state=1)
    for layer, x in features.items():
        r = np.empty((10, 12))
        for number, (train, test) in enumerate(splits.split(x, categories)):
            pls = PLSRegression(min(25, x.shape[1]), scale=False)
            regression = Ridge(alpha=1) if method == "ridge" else pls
            predicted = regression.fit(x[train], responses[train]).predict(x[test]).T
            pairs = zip(predicted, responses[test].T, strict=True)
            r[number] = [pearsonr(*pair)[0] for pair in pairs]
        expected = np.median(r, axis=1).mean()
        assert score["layers"][layer]["all"] == pytest.approx(expected, abs=1e-5)
        row = read_rows()[layer]
        assert float(row["similarity"]) == pytest.approx(expected, abs=1e-5)
        # each site by its own ceiling: not the similarity divided by the median of these
        assert float(row["corrected"]) == score["layers"][layer]["all_corrected"]
        assert float(row["corrected"]) == pytest.approx(expected / score["ceiling"], abs=0.1)
    assert score["ceiling_from"] == "the reliabilities of its sites"
    assert 0.5 < score["ceiling"] < 1


@pytest.mark.parametrize("comparison", ["cka", "pearson", "kendall"])
def test_data_sets_without_a_ceiling_need_no_configuration(folder, comparison):
    assert call(comparison) == 0
    for row in read_rows().values():
        assert -1 <= float(row["similarity"]) <= 1
        assert row["ceiling"] == row["corrected"] == ""
