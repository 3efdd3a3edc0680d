"""The winner in every format, run by the software that it is for."""

import copy
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from support.winner import CLASSES, write_winner
from torchvision.models.feature_extraction import create_feature_extractor

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.final.result import export
from tgas_neuro.final.result.export import DESCRIPTION, FORMATS, export_winner
from tgas_neuro.final.result.winner import load_winner
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import write_entry

CELL = CellGenotype(
    space="cell",
    normal=Cell(
        blocks=(Block(inputs=(0, 1), operations=("sep_conv_5x5", "identity")),), concat=(2,)
    ),
)
CHAIN = SPACES["chain"]().sample(np.random.default_rng(3))
NASBENCH = SPACES["nasbench201"]().sample(np.random.default_rng(1))
NAME = "tgas_cell_01234567"
# runs a script in which tgas_neuro cannot be imported
WITHOUT_US = "import sys; sys.modules['tgas_neuro'] = None; sys.path.insert(0, sys.argv[1])\n"


@pytest.fixture(scope="module", params=[CELL, CHAIN, NASBENCH], ids=lambda one: one.space)
def exported(request, tmp_path_factory):
    """Folder of the exports, their name, the run's network and its layers."""
    for package in ("onnx", "onnxscript", "onnxruntime", "safetensors", "timm"):
        pytest.importorskip(package, reason=f"{package} is not installed: the extra export")
    project = tmp_path_factory.mktemp("project")
    run = f"{request.param.space}-0123"
    folder, network, layers = write_winner(project, request.param, run)
    name, lines = f"tgas_{request.param.space}_0123", []
    written = export_winner(load_winner(folder), list(FORMATS), project / "exports", lines.append)
    plugin = name.replace("tgas_", "tgas_neuro_")
    assert [path.name for path in written] == [f"{name}.pt2", f"{name}.onnx", name, plugin]
    assert len(lines) == 4
    for line in lines:
        assert float(line.rpartition("at most ")[2]) <= 1e-5
    return project / "exports", name, network, layers


def make_images(number):
    return torch.randn((number, 3, 33, 33), generator=torch.Generator().manual_seed(number))


def check(run, network):
    """The same logits at batches of 1 and 7; of logits near 1, to 1e-5."""
    for number in (1, 7):
        images = make_images(number)
        with torch.no_grad():
            expected = network(images)
            found = torch.as_tensor(run(images))
        assert found.shape == (number, 5)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def check_description(content, layers):
    assert content["preprocessing"] == {
        "size": 33,
        "resize": 33,
        "interpolation": "bicubic",
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
    }
    assert content["classes"] == CLASSES
    assert content["layers"] == layers
    assert content["region_layer_map"] == {"V4": layers[-1], "IT": None}
    assert content["simulated_or_toy"] != []


def test_torch_export(exported):
    folder, name, network, layers = exported
    extra = {DESCRIPTION: ""}
    program = torch.export.load(folder / f"{name}.pt2", extra_files=extra)
    check(program.module(), network)
    check_description(json.loads(extra[DESCRIPTION]), layers)


def test_onnx(exported):
    import onnxruntime

    folder, name, network, layers = exported
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
    check(lambda images: session.run(["logits"], {"images": images.numpy()})[0], network)
    assert session.get_inputs()[0].shape == ["batch", 3, 33, 33]
    assert session.get_outputs()[0].shape == ["batch", 5]
    check_description(json.loads(session.get_modelmeta().custom_metadata_map["tgas"]), layers)


def test_timm(exported):
    import timm
    from timm.data import create_transform, resolve_model_data_config

    import tgas_neuro.timm

    folder, name, network, layers = exported
    assert tgas_neuro.timm.register(folder) == [name]
    model = timm.create_model(name, pretrained=True).eval()
    check(model, network)
    assert model.state_dict().keys() == network.state_dict().keys()
    settings = resolve_model_data_config(model)
    assert settings["input_size"] == (3, 33, 33)
    assert (settings["interpolation"], settings["crop_pct"]) == ("bicubic", 1.0)
    assert settings["mean"] == (0.485, 0.456, 0.406)
    assert model.pretrained_cfg["label_names"] == CLASSES
    picture = Image.fromarray(np.full((50, 70, 3), 128, dtype=np.uint8))
    seen = create_transform(**settings)(picture)
    expected = (128 / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    torch.testing.assert_close(seen[:, 16, 16], expected)
    images = make_images(3)
    features = timm.create_model(name, pretrained=True, num_classes=0).eval()(images)
    found = network.linear(features)
    torch.testing.assert_close(found, network(images), rtol=1e-5, atol=1e-5)
    other = timm.create_model(name, pretrained=True, num_classes=9).eval()
    assert other(images).shape == (3, 9)
    for key, weight in other.stem.state_dict().items():
        assert torch.equal(weight, network.stem.state_dict()[key])
    fresh = [timm.create_model(name)(images) for _ in range(2)]
    assert not torch.equal(*fresh)
    extract = create_feature_extractor(model, layers, suppress_diff_warning=True)
    with (
        torch.no_grad(),
        catching_outputs({one: network.get_submodule(one) for one in layers}) as o,
    ):
        network(images)
        for layer, found in extract(images).items():
            torch.testing.assert_close(found, o[layer], rtol=1e-5, atol=1e-5)
    check(copy.deepcopy(model), network)
    local = timm.create_model(f"local-dir:{folder / name}", pretrained=True).eval()
    check(local, network)


def test_features_of_timm(exported):
    """The last layer of each size, by timm's `features_only`, as hooks on the network see them."""
    import timm

    import tgas_neuro.timm

    folder, name, network, layers = exported
    if name not in timm.list_models():
        tgas_neuro.timm.register(folder)
    config = json.loads((folder / name / "config.json").read_text())
    model = timm.create_model(name, pretrained=True, features_only=True).eval()
    images, caught = make_images(2), {}
    for layer in layers:
        network.get_submodule(layer).register_forward_hook(
            lambda module, inputs, output, layer=layer: caught.update({layer: output})
        )
    with torch.no_grad():
        network(images)
        found = model(images)
    last = {output.shape[-1]: layer for layer, output in caught.items()}
    assert [one["module"] for one in config["tgas"]["feature_info"]] == list(last.values())
    assert model.feature_info.channels() == [caught[layer].shape[1] for layer in last.values()]
    assert model.feature_info.reduction() == [round(33 / size) for size in last]
    for one, layer in zip(found, last.values(), strict=True):
        torch.testing.assert_close(one, caught[layer], rtol=1e-5, atol=1e-5)
    (deepest,) = timm.create_model(
        name, pretrained=True, features_only=True, out_indices=(-1,)
    ).eval()(images)
    torch.testing.assert_close(deepest, found[-1])


def test_folder_without_tgas_neuro(exported, tmp_path):
    folder, name, network, layers = exported
    images = make_images(7)
    torch.save(images, tmp_path / "images.pt")
    script = WITHOUT_US + (
        "import torch\nfrom network import build_network, LAYERS\n"
        "from safetensors.torch import load_file\n"
        "network = build_network(load_file(sys.argv[1] + '/model.safetensors'))\n"
        "caught = {}\n"
        "for name in LAYERS:\n"
        "    network.get_submodule(name).register_forward_hook("
        "lambda m, i, o, name=name: caught.update({name: o}))\n"
        "logits = network(torch.load(sys.argv[2]))\n"
        "torch.save((logits, caught), sys.argv[3])\n"
    )
    run_alone(script, folder / name, tmp_path / "images.pt", tmp_path / "found.pt")
    logits, caught = torch.load(tmp_path / "found.pt")
    with torch.no_grad():
        torch.testing.assert_close(logits, network(images), rtol=1e-5, atol=1e-5)
    assert list(caught) == layers


def run_alone(script, *arguments):
    found = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


def test_model_card(exported):
    folder, name, _, layers = exported
    text = (folder / name / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    content = yaml.safe_load(front)
    assert content["library_name"] == "timm"
    assert "simulated-or-toy" in content["tags"]
    (result,) = content["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "accuracy", "name": "top-1", "value": 0.25}]
    title, first, *_ = (line for line in body.splitlines() if line)
    assert title == f"# {name}"
    assert first.startswith("**Simulated or a toy")  # before anything else
    row = f"| V4 | cowley2023_v4 and mine | 50 | 640 | 0.300 | 0.850 | 0.500 | `{layers[-1]}` |"
    assert row in body
    assert "| IT | kriegeskorte2008_it | 674 | 92 | none | none | not corrected | none |" in body
    assert "the mean 0.485, 0.456, 0.406" in body
    assert "bashivan2019teacher" in body
    import huggingface_hub

    card = huggingface_hub.ModelCard(text)
    assert card.data.eval_results[0].metric_value == 0.25


BRAINSCORE = (
    WITHOUT_US
    + """
import os, pathlib
os.environ |= {"BS_INSTALL_DEPENDENCIES": "no", "RESULTCACHING_DISABLE": "1",
               "AWS_EC2_METADATA_DISABLED": "true", "BRAINSCORE_SKIP_MEMORY_CHECK": "1"}
for name in ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"):
    os.environ[name] = sys.argv[3]
import importlib, numpy as np
model = importlib.import_module(sys.argv[2] + ".model")
paths = sys.argv[4].split(",")
wrapper = model.get_model()
found = wrapper(paths, layers=model.LAYERS)
np.savez(sys.argv[5], responses=found.values, layer=found["layer"].values.astype(str))
"""
)


def test_brainscore_without_tgas_neuro(exported, tmp_path):
    """Every layer as PytorchWrapper records it, of images in the preprocessing of the run."""
    pytest.importorskip("brainscore_vision", reason="needs the extra brainscore")
    folder, name, network, layers = exported
    rng = np.random.default_rng(0)
    paths, pixels = [], []
    for number, (height, width) in enumerate([(40, 40), (33, 33), (64, 48)]):
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        paths.append(str(tmp_path / f"{number}.png"))
        image.save(paths[-1])
        pixels.append(np.asarray(image.resize((33, 33), Image.Resampling.BICUBIC)) / 255)
    values = (np.stack(pixels) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    output = tmp_path / "found.npz"
    plugin = name.replace("tgas_", "tgas_neuro_")
    run_alone(BRAINSCORE, folder, plugin, tmp_path / "home", ",".join(paths), output)
    found = np.load(output)
    caught = {}
    for layer in layers:
        network.get_submodule(layer).register_forward_hook(
            lambda module, inputs, output, layer=layer: caught.update({layer: output.flatten(1)})
        )
    with torch.no_grad():
        network(torch.from_numpy(values.transpose(0, 3, 1, 2)).float())
    assert set(found["layer"]) == set(layers)
    for layer in layers:
        np.testing.assert_allclose(
            found["responses"][:, found["layer"] == layer], caught[layer], rtol=1e-4, atol=1e-4
        )


def test_the_environment_names_folders_of_exports(exported, monkeypatch):
    folder, name, _, _ = exported
    script = (
        "import sys, tgas_neuro.timm, timm\n"
        "print(sorted(one for one in timm.list_models() if one.startswith('tgas_')))"
    )
    monkeypatch.setenv("TGAS_EXPORTS", str(folder))
    assert run_alone(script) == f"[{name!r}]\n"


@pytest.fixture
def folder(tmp_path):
    return write_winner(tmp_path, NASBENCH)[0]


def test_what_is_there_is_not_replaced(folder, tmp_path):
    winner = load_winner(folder)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{NAME}.pt2").write_text("mine")
    with pytest.raises(UserError, match=rf"{NAME}\.pt2: is there already; delete it"):
        export_winner(winner, ["brainscore", "pt2"], tmp_path / "out", print)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{NAME}.pt2"]


@pytest.mark.parametrize(
    ("form", "package"),
    [("onnx", "onnx"), ("onnx", "onnxscript"), ("onnx", "onnxruntime"), ("timm", "safetensors")],
)
def test_missing_packages(folder, tmp_path, monkeypatch, form, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        UserError,
        match=rf"--format {form}: needs the package {package}, which .*tgas-neuro\[export\]",
    ):
        export_winner(load_winner(folder), ["pt2", form], tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["pt2", "safetensors", "brainscore"])
def test_other_logits_leave_nothing(folder, tmp_path, monkeypatch, form):
    def refuse(*arguments):
        raise UserError("not written: its logits differ")

    for module in ("export", "plugin"):
        monkeypatch.setattr(f"tgas_neuro.final.result.{module}.compare_logits", refuse)
    with pytest.raises(UserError, match="not written"):
        export_winner(load_winner(folder), [form], tmp_path / "out", print)
    assert list((tmp_path / "out").iterdir()) == []


def test_runs_that_cannot_be_exported(folder, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"holds no weights\.pt; name the folder"):
        load_winner(folder.parent)
    other = folder.parent / "cell-other"
    other.mkdir()
    (other / "weights.pt").write_bytes((folder / "weights.pt").read_bytes())
    with pytest.raises(UserError, match=r"is of another run, results/final/cell-01234567; name"):
        load_winner(other)
    monkeypatch.chdir(tmp_path)
    write_entry("results/final/cell-01234567/weights.pt", "final")
    assert load_winner(folder.relative_to(tmp_path)).name == NAME
    content = torch.load(folder / "weights.pt")
    torch.save({name: value * 2 for name, value in content.items()}, folder / "weights.pt")
    with pytest.raises(UserError, match=r"weights\.pt: was changed after the rule final wrote it"):
        load_winner(folder)
    write_entry("results/final/cell-01234567/weights.pt", "final")
    job = Path("results/final/cell-01234567/work/job.json")
    write_entry(job, "final")
    job.write_text(job.read_text().replace("toy.tar", "other.tar"))
    with pytest.raises(UserError, match=r"job\.json: was changed .*cell-01234567/metrics\.json'$"):
        load_winner(folder)
    (tmp_path / "results" / "best_cell.json").unlink()
    with pytest.raises(UserError, match=r"best_cell\.json: no such file; run the workflow"):
        load_winner(folder)


def test_classes_without_images(folder, tmp_path):
    (tmp_path / "results" / "images" / "toy" / "train" / "cat").rmdir()
    winner = load_winner(folder)
    assert winner.classes is None
    lines = []
    export_winner(winner, ["pt2"], tmp_path / "out", lines.append)
    assert "so the classes have no names" in lines[0]


@pytest.mark.parametrize("size", [16, 32, 96, 160, 224, 299, 331])
def test_the_cut_that_timm_makes(folder, size):
    """timm resizes to floor(size / crop_pct): the run's own resize, whatever the rounding."""
    winner = load_winner(folder)
    for resize in (size, round(size * 8 / 7)):
        winner.preprocessing.update(size=size, resize=resize)
        share = export.build_hub_config(winner)["pretrained_cfg"]["crop_pct"]
        assert math.floor(size / share) == resize


def test_options_of_timm_that_are_refused(folder, tmp_path):
    import timm

    import tgas_neuro.timm

    folder = folder.rename(folder.with_name("refused"))
    content = json.loads((tmp_path / "results" / "best_cell.json").read_text())
    content["files"]["weights"] = "results/final/refused/weights.pt"
    (tmp_path / "results" / "best_cell.json").write_text(json.dumps(content))
    export_winner(load_winner(folder), ["timm"], tmp_path / "out", print)
    assert tgas_neuro.timm.register(tmp_path / "out" / "tgas_refused") == ["tgas_refused"]
    with pytest.raises(UserError, match="tgas_refused: in_chans: 1; it was trained on images of 3"):
        timm.create_model("tgas_refused", in_chans=1)
    with pytest.raises(UserError, match=r"tgas_refused: drop_rate: 0\.5; create_model may change"):
        timm.create_model("tgas_refused", drop_rate=0.5)
    with pytest.raises(UserError, match="global_pool: 'max'"):
        timm.create_model("tgas_refused").reset_classifier(3, "max")
    with pytest.raises(UserError, match="no model of this package in it"):
        tgas_neuro.timm.register(tmp_path / "results")
    (tmp_path / "out" / "tgas_refused" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no model\.safetensors"):
        tgas_neuro.timm.register(tmp_path / "out")
