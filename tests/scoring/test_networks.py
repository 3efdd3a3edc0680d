"""Layers of networks that were made elsewhere, and the colours that they want."""

import pytest
import torch
from torch import nn
from torchvision import models

from tgas_neuro.images.pixels import normalise
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.networks import OwnColours, find_layers


def build(name):
    with torch.random.fork_rng(devices=[]):
        return models.get_model(name, weights=None).eval()


@pytest.mark.parametrize(
    "name, number, first, last",
    [
        ("resnet18", 8, "layer1.0", "layer4.1"),
        ("vgg11", 15, "features.1", "classifier.4"),
        ("mobilenet_v2", 19, "features.0.2", "features.18.2"),
        ("squeezenet1_1", 14, "features.1", "classifier.3"),
        ("shufflenet_v2_x0_5", 18, "conv1.2", "conv5.2"),
        ("regnet_y_400mf", 17, "stem.2", "trunk_output.block4.block4-5"),
        ("efficientnet_b0", 18, "features.0.2", "features.8.2"),
        ("swin_t", 15, "features.1.0", "features.7.1"),
        ("vit_b_32", 12, "encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_11"),
        ("googlenet", 14, "conv1", "aux2"),
    ],
)
def test_ends_of_blocks(name, number, first, last):
    """As their authors draw them: 8 residual blocks, 12 encoder blocks, 9 inception modules, ..."""
    found = list(find_layers(build(name), ["auto"]))
    assert (len(found), found[0], found[-1]) == (number, first, last)


def test_names_and_patterns_come_in_the_order_of_the_network():
    network = build("resnet18")
    assert list(find_layers(network, ["layer4.1", "layer4.0", "conv1"])) == [
        "conv1",
        "layer4.0",
        "layer4.1",
    ]
    leaves = find_layers(network, ["all"])
    assert sum(isinstance(module, nn.Conv2d) for module in leaves.values()) == 20
    with pytest.raises(UserError, match=r"layers: 'layer5': no module is called so; the outerm"):
        find_layers(network, ["layer5"])
    with pytest.raises(UserError, match=r"layers: finds no block; the outermost .* are: none"):
        find_layers(nn.Linear(2, 2), ["auto"])


class Named(nn.Module):
    """Modules of odd names, one after the other."""

    def __init__(self, *names):
        super().__init__()
        for name in names:
            self.add_module(name, nn.ReLU())


def test_only_a_star_stands_for_other_text():
    """fnmatch would take `?` and brackets as wildcards."""
    network = Named("b[0]", "b0", "b?", "b01", "c*", "c1")
    found = {pattern: list(find_layers(network, [pattern])) for pattern in ("b[0]", "b?", "b0")}
    assert found == {"b[0]": ["b[0]"], "b?": ["b?"], "b0": ["b0"]}
    assert list(find_layers(network, ["b*1"])) == ["b01"]
    assert list(find_layers(network, ["b0*"])) == ["b0", "b01"]
    assert list(find_layers(network, ["*"])) == ["b[0]", "b0", "b?", "b01", "c*", "c1"]
    with pytest.raises(UserError, match=r"'b\[1\]': no .*; only \* stands for other text$"):
        find_layers(network, ["b[1]"])
    with pytest.raises(
        UserError, match=r"^layers: 'c\*' is the name of a layer, and also stands for "
    ):
        find_layers(network, ["c*"])
    assert list(find_layers(Named("c*", "d"), ["c*"])) == ["c*"]
    with pytest.raises(
        UserError, match=r"'all' is the name of a layer, and also .* as 'b'; give t"
    ):
        find_layers(Named("all", "b"), ["all"])
    with pytest.raises(UserError, match=r"^layers: no name is given; name layers, or leav"):
        find_layers(network, [])


def test_colours_are_those_of_the_network():
    pixels = torch.randint(256, (5, 7, 6, 3), dtype=torch.uint8)
    mean, deviation = (0.5, 0.4, 0.3), (0.1, 0.2, 0.5)
    found = OwnColours(nn.Identity(), mean, deviation)(normalise(pixels))
    torch.testing.assert_close(found, normalise(pixels, mean, deviation), rtol=1e-5, atol=1e-5)
