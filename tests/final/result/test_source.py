"""Networks as plain source: values, layers and weights as in the network itself."""

import ast

import pytest
import torch
from support.networks import EVERY, build_small, list_networks
from torch import nn

from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.final.result.source import compare_logits, run_source, write_source
from tgas_neuro.runtime.errors import UserError


@pytest.mark.parametrize(("genotype", "changes"), list(list_networks()))
def test_source_equals_the_network(genotype, changes):
    network, names = build_small(genotype, **changes)
    side = changes.get("image_size", 33)
    source = write_source(network, names, (3, side, side), "small")
    built = run_source(source, network.state_dict())
    assert built.state_dict().keys() == network.state_dict().keys()
    assert not built.training
    images = torch.randn((4, 3, side, side), generator=torch.Generator().manual_seed(0))
    found = {}
    for one in (network, built):
        modules = {name: one.get_submodule(name) for name in names}
        with torch.no_grad(), catching_outputs(modules) as outputs:
            found[one] = one(images), outputs
    assert torch.equal(found[built][0], found[network][0])
    for name in names:
        assert torch.equal(found[built][1][name], found[network][1][name]), name


def test_needs_torch_alone():
    network, names = build_small(EVERY)
    source = write_source(network, names, (3, 33, 33), "small")
    tree = ast.parse(source)
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert imported == {"torch"}
    assert ast.literal_eval(tree.body[4].value) == names  # LAYERS


class Counting(nn.Module):
    """It branches on the values of its input, so that it has no graph."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 1)

    def forward(self, images):
        features = self.stem(images).mean(dim=(2, 3))
        return features * 2 if features.sum() > 0 else features


def test_a_network_without_a_graph_is_refused():
    with pytest.raises(UserError, match=r"mine: torch\.export makes no graph of it"):
        write_source(Counting().eval(), ["stem"], (3, 8, 8), "mine")


class Table(nn.Module):
    """It holds a tensor that is neither a weight nor a buffer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 1)
        self.table = torch.ones(2)

    def forward(self, images):
        return self.stem(images).mean(dim=(2, 3)) + self.table


def test_a_constant_outside_the_weights_is_refused():
    with pytest.raises(UserError, match="a constant outside the weights"):
        write_source(Table().eval(), ["stem"], (3, 8, 8), "mine")


def test_other_logits_are_refused():
    network, _ = build_small(EVERY)
    shape = (3, 33, 33)
    assert compare_logits(network, shape, network, "x.onnx") == 0
    assert compare_logits(network, shape, lambda x: network(x) + 5e-6, "x.onnx") < 1e-5
    with pytest.raises(UserError, match=r"x\.onnx: not written: its logits differ .* by 1\.0e-03"):
        compare_logits(network, shape, lambda x: network(x) + 1e-3, "x.onnx")
    with pytest.raises(UserError, match="at a batch of 7"):
        compare_logits(network, shape, lambda x: network(x) + (len(x) == 7), "x.onnx")
    with pytest.raises(UserError, match="not written"):
        compare_logits(network, shape, lambda x: network(x) * float("nan"), "x.onnx")
