"""Layers are tried before the stimuli pass: shapes, calls, chance, and the rest of a batch."""

import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.networks import find_layers
from tgas_neuro.scoring.trial import try_layers


class Odd(nn.Module):
    """Outputs of all kinds; takes images of 8 px."""

    def __init__(self):
        super().__init__()
        self.good, self.pair, self.total = nn.Flatten(), Pair(), Total()
        self.idle = nn.Identity()
        self.head = nn.Linear(3 * 8 * 8, 2)

    def forward(self, x):
        self.pair(x), self.total(x)
        return {"logits": self.head(self.good(x))}


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Total(nn.Module):
    def forward(self, x):
        return x.sum()


def test_what_cannot_be_compared_is_said():
    network, lines = Odd().eval(), []
    layers = find_layers(network, ["*"])
    assert list(try_layers(network, layers, 8, "odd", lines.append)) == ["good", "head"]
    assert lines == [
        "Note: odd: 1 of 5 layers are not called in evaluation: idle",
        "Note: odd: 2 of 5 layers give no tensor with a row for each image: pair, total",
    ]
    with pytest.raises(UserError, match=r"^odd: refuses images of 9 x 9 px \(RuntimeError: "):
        try_layers(network, layers, 9, "odd", lines.append)
    with pytest.raises(UserError, match=r"^layers: none of odd's 1 can be compared"):
        try_layers(network, find_layers(network, ["idle"]), 8, "odd", lines.append)


class Repeated(nn.Module):
    """Two convolutions that share an activation."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU()

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x))))


def test_a_module_that_is_called_twice_is_noted():
    network, lines = Repeated().eval(), []
    layers = find_layers(network, ["all"])
    assert list(try_layers(network, layers, 8, "net", lines.append)) == list(layers)
    assert lines == [
        "Note: net: 1 of 3 layers are called more than once for an image, and the last output is "
        "compared: relu (2)"
    ]
    assert not any(module._forward_hooks for module in network.modules())


def build_chain(odd):
    return nn.Sequential(nn.Conv2d(3, 4, 3), odd, nn.ReLU())


@pytest.mark.parametrize(
    "odd, what",
    [
        (nn.Dropout(0.1), "are another when the same images pass again"),
        (StochasticDepth(0.2, "row"), "are another when the same images pass again"),
        (nn.BatchNorm2d(4), "depend on the other images of the batch"),
        (nn.BatchNorm2d(4, track_running_stats=False).eval(), "depend on the other images of the"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_chance_and_the_rest_of_a_batch_are_refused(odd, what, seed):
    torch.manual_seed(seed)
    network = build_chain(odd)  # in training, as a user forgets it
    layers = find_layers(network, ["all"])
    message = f"^layers: outputs of 2 of net's 3 layers {what}.*, the first is '1'; .* before it$"
    with pytest.raises(UserError, match=message):
        try_layers(network, layers, 8, "net", print)
    before = {"0": layers["0"]}
    assert list(try_layers(network, before, 8, "net", print)) == ["0"]


def test_what_draws_without_effect_is_kept():
    network = build_chain(nn.Dropout(0.0))  # in training it draws, and changes nothing
    layers = find_layers(network, ["all"])
    assert list(try_layers(network, layers, 8, "net", print)) == ["0", "1", "2"]
