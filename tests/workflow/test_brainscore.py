"""The plugin of a toy run, scored by Brain-Score itself, against scipy and torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import read_genotype

pytestmark = pytest.mark.workflow
pytest.importorskip("brainscore_vision", reason="needs the extra brainscore")

SCRIPT = Path(__file__).with_name("score_with_brainscore.py")


@pytest.fixture(scope="module")
def plugin(finished):
    (folder,) = finished.folder.glob("results/brainscore/*")
    return folder


@pytest.fixture(scope="module")
def scored(finished, plugin, tmp_path_factory):
    output = tmp_path_factory.mktemp("brainscore") / "scored.npz"
    (recordings,) = finished.folder.glob("results/recordings/*")
    found = subprocess.run(
        [sys.executable, str(SCRIPT), str(plugin), str(recordings), str(output)],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return np.load(output)


@pytest.fixture(scope="module")
def network(finished):
    """Of `best_cell.json` and the trained weights, built without the plugin."""
    result = finished.read("results/best_cell.json")
    built = build_network(
        read_genotype(result["genotype"]),
        Skeleton(**result["final"]["network"]),
        torch.Generator(),
    )
    weights = torch.load(finished.folder / result["files"]["weights"], weights_only=True)
    built.load_state_dict(weights)
    return built.eval()


def record(finished, network, region) -> np.ndarray:
    """What the committed layer does with each stimulus, in the order of the table."""
    result = finished.read("results/best_cell.json")
    module = network.get_submodule(result["final"]["teacher"]["regions"][region]["layer"])
    (folder,) = finished.folder.glob("results/recordings/*")
    names = np.genfromtxt(
        folder / "stimuli.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )["filename"]
    size = result["final"]["network"]["image_size"]
    caught = []
    handle = module.register_forward_hook(lambda m, i, output: caught.append(output.flatten(1)))
    for name in names:
        with Image.open(folder / "stimuli" / name) as image:
            pixels = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        values = (np.asarray(pixels) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        with torch.no_grad():
            network(torch.from_numpy(values.transpose(2, 0, 1)[None]).float())
    handle.remove()
    return torch.cat(caught).numpy()


@pytest.mark.parametrize("region", ["V4", "IT"])
def test_recorded_is_the_committed_layer(finished, scored, network, region):
    expected = record(finished, network, region)
    np.testing.assert_allclose(scored[f"{region}_responses"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("region", ["V4", "IT"])
def test_rdm_metric_is_scipys(finished, scored, network, region):
    """Of averages over repetitions, one minus Pearson's r, Spearman of the upper triangles."""
    (folder,) = finished.folder.glob("results/recordings/*")
    assembly = xr.open_dataset(folder / "assembly.nc")["response"].load()
    sites = assembly[:, assembly["region"].values == region]
    mean = sites.groupby("stimulus_id").mean().transpose("stimulus_id", "neuroid")
    order = [list(mean["stimulus_id"].values).index(s) for s in scored[f"{region}_stimuli"]]
    neural = pdist(mean.values[order].astype(float), "correlation")
    model = pdist(record(finished, network, region).astype(float), "correlation")
    assert scored[f"{region}_rdm"] == pytest.approx(spearmanr(neural, model)[0], abs=2e-3)


def test_pls_metric(scored):
    """A score for both regions; nearly 1 for what is a linear map of the layer."""
    for region in ("V4", "IT"):
        assert -1 <= scored[f"{region}_pls"] <= 1
    assert scored["mixed_pls"] > 0.8
    assert scored["mixed_pls"] > max(scored["V4_pls"], scored["IT_pls"])


def test_layers_and_their_regions(finished, plugin, scored):
    result = finished.read("results/best_cell.json")
    committed = {
        name: region["layer"] for name, region in result["final"]["teacher"]["regions"].items()
    }
    (path,) = (plugin / "region_layer_map").iterdir()
    assert path.name == f"{plugin.name}.json"
    assert json.loads(path.read_text()) == committed
    assert str(scored["identifier"]) == plugin.name
    layers = list(scored["layers"])
    assert layers[0] == "stem"
    assert set(committed.values()) <= set(layers)
    for region, layer in committed.items():
        assert layer in str(scored[f"{region}_layer"])


def test_files_of_the_plugin(finished, plugin):
    """What Brain-Score looks for by name, and the literal line that its text scan finds."""
    there = {path.name for path in plugin.iterdir()}
    assert there - {"__pycache__", ".snakemake_timestamp"} == {
        "README.md", "__init__.py", "genotype.json", "model.json", "model.py", "network.py",
        "region_layer_map", "requirements.txt", "test.py", "weights.pt",
    }  # fmt: skip
    text = (plugin / "__init__.py").read_text()
    assert f"model_registry['{plugin.name}'] = lambda: ModelCommitment(" in text
    assert "imulated" in (plugin / "README.md").read_text()
    result = finished.read("results/best_cell.json")
    assert json.loads((plugin / "genotype.json").read_text()) == result["genotype"]
    weights = (finished.folder / result["files"]["weights"]).read_bytes()
    assert (plugin / "weights.pt").read_bytes() == weights
    model = json.loads((plugin / "model.json").read_text())
    assert model["simulated_or_toy"] == result["simulated_or_toy"] != []
    assert model["visual_degrees"] == finished.config["teacher"]["stimuli"]["visual_degrees"]
    for name in ("__init__.py", "model.py", "network.py", "test.py"):
        assert "tgas_neuro." not in (plugin / name).read_text().replace(plugin.name, "")
        compile((plugin / name).read_text(), name, "exec")
