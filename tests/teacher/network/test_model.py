"""The network of a teacher: where its weights come from, and what is wrong with others."""

import importlib
from pathlib import Path

import pytest
import torch
import torchvision

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.network.model import build_model

pytestmark = pytest.mark.usefixtures("tiny_networks")


def test_random_ones_follow_the_seed_and_nothing_else_is_seeded():
    state = torch.random.get_rng_state()
    one = build_model("resnet18", None, 1).conv1.weight
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.testing.assert_close(build_model("resnet18", None, 1).conv1.weight, one, rtol=0, atol=0)
    assert (build_model("resnet18", None, 2).conv1.weight != one).any()
    assert not build_model("resnet18", None, 1).training


def test_a_torchvision_model_from_a_file(tmp_path):
    path = tmp_path / "squeezenet.pth"
    state = build_model("squeezenet1_1", None, 3).state_dict()
    torch.save(state, path)
    found = build_model("squeezenet1_1", str(path), 4)
    torch.testing.assert_close(found.state_dict(), state, rtol=0, atol=0)


def test_only_the_word_downloads(monkeypatch):
    asked = []

    def get_model(name, weights):
        asked.append(weights)
        if weights is not None:
            raise OSError("no route to host")
        return torch.nn.Identity()

    monkeypatch.setattr(torchvision.models, "get_model", get_model)
    build_model("resnet18", None, 0)
    with pytest.raises(UserError, match=r"weights of resnet18 cannot be downloaded \(no route"):
        build_model("resnet18", "download", 0)
    assert asked == [None, "DEFAULT"]


def build_other_state(path):
    state = importlib.import_module("tiny_networks").build_tiny().state_dict()
    del state["early.0.weight"]
    state["early.0.bias"] = torch.zeros(9)
    torch.save(state | {"extra": torch.zeros(1)}, path)


def write_pickle(path):
    torch.save({"model": Path("code that runs")}, path)


WRONG_WEIGHTS = [
    (None, r"teacher.network.weights: .*weights.pth: no such file"),
    (
        build_other_state,
        r"is not of tiny_networks:build_tiny: of its 8 keys 1 missing \(first 'early.0.weight'\), "
        r"1 unexpected \(first 'extra'\), 1 of another shape \(first 'early.0.bias'\)",
    ),
    (write_pickle, r"is not a state dict that can be loaded safely"),
    (lambda path: path.write_bytes(b"\x00" * 50), r"is not a state dict that can be loaded safely"),
    (lambda path: torch.save({"epoch": 3}, path), r"holds a dict of epoch, not a state dict"),
    (lambda path: torch.save(torch.zeros(2), path), r"holds a Tensor, not a state dict"),
]


@pytest.mark.parametrize(("write", "message"), WRONG_WEIGHTS)
def test_wrong_weights_are_one_line(write, message, tmp_path):
    path = tmp_path / "weights.pth"
    if write:
        write(path)
    with pytest.raises(UserError, match=message) as caught:
        build_model("tiny_networks:build_tiny", str(path), 0)
    assert "\n" not in str(caught.value)


class Small(torch.nn.Linear):
    """Like torchvision's GoogLeNet: with weights of its library it changes the colours first."""

    transform_input = False


def test_inputs_are_transformed_as_torchvision_does_with_weights(tmp_path, monkeypatch):
    """`torchvision.models.googlenet(weights=...)` sets it, a state dict does not hold it."""
    monkeypatch.setattr(torchvision.models, "get_model", lambda name, weights: Small(2, 2))
    torch.save(Small(2, 2).state_dict(), tmp_path / "a.pth")
    assert build_model("googlenet", str(tmp_path / "a.pth"), 0).transform_input
    assert not build_model("googlenet", None, 0).transform_input
