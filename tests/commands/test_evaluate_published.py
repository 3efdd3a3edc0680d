"""`evaluate` shows images to a published network as its authors did."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from PIL import Image
from support.evaluation_loop import refer, run_evaluate, write_toy
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision import models
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Resize,
    ToTensor,
)

from tgas_neuro.__main__ import main

TAGS = {  # settings of two sets of weights, as timm writes them
    "plain_in1k": {
        "input_size": (3, 40, 40),
        "crop_pct": 0.9,
        "crop_mode": "center",
        "interpolation": "bicubic",
        "mean": (0.5, 0.4, 0.3),
        "std": (0.5, 0.6, 0.7),
    },
    "large_in21k": {
        "input_size": (3, 48, 48),
        "crop_pct": 0.95,
        "crop_mode": "squash",
        "interpolation": "bilinear",
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
    },
}


class Small(nn.Module):
    """Three logits of the means of a picture's quarters: sees scale, cut and colours."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 3)

    def forward(self, inputs):
        return self.head(nn.functional.adaptive_avg_pool2d(inputs, 2).flatten(1))


@pytest.fixture
def timm(monkeypatch):
    """A stand-in for timm: its registry of settings and its functions, without its networks."""

    def small_net():
        network = Small()
        network.pretrained_cfg = {"tag": "plain_in1k", **TAGS["plain_in1k"]}
        return network

    registry, data = ModuleType("timm.models"), ModuleType("timm.data")
    registry.small_net = small_net
    registry.list_pretrained = lambda pattern: [f"small_net.{tag}" for tag in TAGS]
    registry.get_pretrained_cfg = lambda name: SimpleNamespace(
        to_dict=lambda: dict(TAGS[name.partition(".")[2]])
    )
    data.resolve_data_config = lambda pretrained_cfg: {
        key: value for key, value in pretrained_cfg.items() if key != "tag"
    }
    for name, module in (("timm", ModuleType("timm")), ("timm.models", registry)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "timm.data", data)


@pytest.fixture
def shown(tmp_path):
    """A network, and the arguments of a command that shows it the toy images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Small()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    paths = sorted(write_toy(tmp_path / "val").rglob("*.jpg"))
    given = ["--weights", tmp_path / "weights.pt", "--images", tmp_path / "val"]
    return network, paths, given


def calc_loss(logits, paths):
    labels = torch.tensor([("ant", "bee", "cow").index(path.parent.name) for path in paths])
    return pytest.approx(cross_entropy(torch.stack(logits), labels).item(), rel=1e-5)


def test_timms_own_settings_are_used_and_printed(timm, shown, tmp_path, capsys):
    network, paths, given = shown
    found = run_evaluate(tmp_path, "--model", "timm:small_net", *given)
    own = TAGS["plain_in1k"]
    # timm rounds down: 40 / 0.9 is 44.4
    logits = [refer(network, path, 40, 44, "bicubic", own["mean"], own["std"]) for path in paths]
    assert found["loss"] == calc_loss(logits, paths)
    printed = capsys.readouterr().out
    assert (
        "input      40 px of 44, bicubic, mean 0.5 0.4 0.3, deviation 0.5 0.6 0.7 "
        "(timm's settings of small_net.plain_in1k)"
    ) in printed
    assert "--model timm:small_net.large_in21k" in printed  # other weights, other settings
    assert (found["input"]["size"], found["input"]["resize"]) == (40, 44)


def test_a_tag_chooses_the_settings_and_a_squash(timm, shown, tmp_path, capsys):
    network, paths, given = shown
    found = run_evaluate(tmp_path, "--model", "timm:small_net.large_in21k", *given)
    transform = Compose(  # 48 / 0.95 is 50.5
        [Resize((50, 50), InterpolationMode.BILINEAR), CenterCrop(48), ToTensor()]
    )
    with torch.inference_mode():
        logits = [network(transform(Image.open(path).convert("RGB"))[None])[0] for path in paths]
    assert found["loss"] == calc_loss(logits, paths)
    printed = capsys.readouterr().out
    assert "48 px of 50, squashed, bilinear, mean 0 0 0, deviation 1 1 1" in printed
    assert "Note" not in printed


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"--size": 60}, (60, 66, "bicubic")),  # 60 / 0.9 is 66.7
        ({"--size": 50, "--resize": 55}, (50, 55, "bicubic")),
        ({"--interpolation": "bilinear"}, (40, 44, "bilinear")),
    ],
)
def test_options_come_before_timms_settings(timm, shown, options, expected, tmp_path, capsys):
    network, paths, given = shown
    words = [part for pair in options.items() for part in pair]
    found = run_evaluate(tmp_path, "--model", "timm:small_net", *given, *words)
    own = TAGS["plain_in1k"]
    logits = [refer(network, path, *expected, own["mean"], own["std"]) for path in paths]
    assert found["loss"] == calc_loss(logits, paths)
    assert f"{', '.join(options)} as given, else timm's settings of" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"input_size": (3, 40, 60)}, "wants input_size (3, 40, 60)"),
        ({"crop_mode": "border"}, "wants crop_mode 'border'"),
        ({"interpolation": "lanczos"}, "wants interpolation 'lanczos'"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(
    timm, shown, changed, message, monkeypatch, capsys
):
    monkeypatch.setitem(TAGS, "large_in21k", TAGS["large_in21k"] | changed)
    given = ["--model", "timm:small_net.large_in21k", *map(str, shown[2])]
    assert main(["evaluate", *given]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_an_unknown_tag_names_the_known_ones(timm, shown, capsys):
    given = list(map(str, shown[2]))
    assert main(["evaluate", "--model", "timm:small_net.large_in22k", *given]) == 1
    error = capsys.readouterr().err
    assert "'large_in22k' is not a tag of timm's weights of small_net" in error
    assert "they are: plain_in1k, large_in21k" in error


@pytest.mark.parametrize(
    "model, file, size, resize, filter_, source, noted",
    [
        ("mobilenet_v3_small", "w.pt", 224, 256, "bilinear", "IMAGENET1K_V1", False),
        ("regnet_y_400mf", "w.pt", 224, 256, "bilinear", "IMAGENET1K_V1", True),
        ("regnet_y_400mf.IMAGENET1K_V2", "w.pt", 224, 232, "bilinear", "IMAGENET1K_V2", False),
        ("regnet_y_400mf", "regnet_y_400mf-e6988f5f.pth", 224, 232, "bilinear", "V2", False),
        ("efficientnet_b1", "w.pt", 240, 256, "bicubic", "IMAGENET1K_V1", True),
    ],
)
def test_torchvisions_weights_state_their_settings(
    model, file, size, resize, filter_, source, noted
):
    from tgas_neuro.final.evaluation.published import find_torchvision_settings

    found = find_torchvision_settings(nn.Identity(), model, SimpleNamespace(name=file))
    assert (found.size, found.resize, found.interpolation) == (size, resize, filter_)
    assert source in found.source
    assert bool(found.notes) == noted
    name, _, tag = model.partition(".")
    stated = models.get_model_weights(name)
    if tag:
        assert stated[tag].transforms().resize_size == [resize]


def test_the_settings_are_timms_own(tmp_path, shown):
    """With timm itself: its transform and its resolved settings, image by image."""
    timm = pytest.importorskip("timm")
    data = pytest.importorskip("timm.data")
    network = timm.create_model("tf_mobilenetv3_small_minimal_100").eval()
    torch.save(network.state_dict(), tmp_path / "timm.pt")
    (tmp_path / "names.txt").write_text(
        "\n".join(["ant", "bee", "cow", *(f"other_{number}" for number in range(997))])
    )
    found = run_evaluate(
        tmp_path,
        "--model",
        "timm:tf_mobilenetv3_small_minimal_100",
        "--weights",
        tmp_path / "timm.pt",
        "--images",
        tmp_path / "val",
        "--classes",
        tmp_path / "names.txt",
    )
    transform = data.create_transform(**data.resolve_model_data_config(network), is_training=False)
    with torch.inference_mode():
        logits = [network(transform(Image.open(path).convert("RGB"))[None])[0] for path in shown[1]]
    assert found["loss"] == calc_loss(logits, shown[1])
