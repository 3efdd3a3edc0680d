"""Graphs of networks by torch.export and torch.fx: the same values, for batches of any size."""

import numpy as np
import pytest
import torch
from torchvision.models.feature_extraction import create_feature_extractor

from tgas_neuro.architecture import layers
from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.network import build_network, catching_outputs
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES, list_modules

# one of each operation, with every size odd somewhere on its way
EVERY = CellGenotype(
    space="cell",
    normal=Cell(
        blocks=(
            Block(inputs=(0, 1), operations=("sep_conv_5x5", "sep_conv_7x7")),
            Block(inputs=(0, 1), operations=("max_pool_3x3", "identity")),
            Block(inputs=(1, 2), operations=("conv_1x7_7x1", "avg_pool_3x3")),
            Block(inputs=(0, 1), operations=("dil_conv_3x3", "sep_conv_3x3")),
        ),
        concat=(3, 4, 5),
    ),
)


def build(genotype, **changes):
    size = {"filters": 4, "cells_per_stage": 1, "stages": 2, "n_classes": 5, "image_size": 33}
    skeleton = Skeleton(**size | changes)
    network = build_network(genotype, skeleton, torch.Generator().manual_seed(1))
    with torch.no_grad():  # statistics of a trained network are not 0 and 1
        for number, buffer in enumerate(network.buffers()):
            if buffer.is_floating_point():
                buffer.add_(0.01 * (number % 7))
    return network.eval(), list_modules(genotype, skeleton)


def list_cases():
    rng = np.random.default_rng(3)
    yield pytest.param(EVERY, {}, id="every operation")
    yield pytest.param(EVERY, {"stem": "imagenet", "filters": 8, "image_size": 47}, id="imagenet")
    for name in ("chain", "nasbench201"):
        yield pytest.param(SPACES[name]().sample(rng), {"stages": 3}, id=name)
    passing = "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|"
    yield pytest.param(
        NASBench201Genotype.from_string(passing), {}, id="cells that pass on what they read"
    )


@pytest.mark.parametrize(("genotype", "changes"), list(list_cases()))
def test_graphs_equal_the_network(genotype, changes):
    """By torch.export at batches of 1 and 7, by torch.fx every layer; bit for bit."""
    network, names = build(genotype, **changes)
    generator = torch.Generator().manual_seed(0)
    side = changes.get("image_size", 33)
    images = torch.randn((7, 3, side, side), generator=generator)
    program = torch.export.export(
        network, (images[:2],), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},)
    )
    extract = create_feature_extractor(network, [*names, "linear"], suppress_diff_warning=True)
    modules = {name: network.get_submodule(name) for name in names}
    with torch.no_grad():
        for batch in (images[:1], images):
            with catching_outputs(modules) as outputs:
                logits = network(batch)
            assert torch.equal(program.module()(batch), logits)
            found = extract(batch)
            assert torch.equal(found.pop("linear"), logits)
            assert list(found) == names
            for name in names:
                assert torch.equal(found[name], outputs[name]), name


def test_a_batch_that_crosses_the_size_of_strips():
    """Of 2 images below `LEAST_VALUES` values, of 7 above; gradients are on, as by default."""
    network, _ = build(EVERY, filters=8, image_size=64)
    program = torch.export.export(
        network,
        (torch.randn(2, 3, 64, 64).to(memory_format=torch.channels_last),),
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
    )
    images = torch.randn(7, 3, 64, 64).to(memory_format=torch.channels_last)
    assert 2 * 8 * 64 * 64 < layers.LEAST_VALUES < 7 * 8 * 64 * 64
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), network(images), rtol=1e-5, atol=1e-5)


def test_the_network_itself_is_as_before(monkeypatch):
    """In training the fast operations are still taken, before and after a graph was made."""
    network, _ = build(EVERY, filters=8, image_size=64)
    taken = []
    for name in ("_StripwiseConv", "_Subsample", "_Concatenate"):
        fast = getattr(layers, name)

        class Spy:
            @staticmethod
            def apply(*arguments, fast=fast, name=name):
                taken.append(name)
                return fast.apply(*arguments)

        monkeypatch.setattr(layers, name, Spy)
    images = torch.randn(7, 3, 64, 64).to(memory_format=torch.channels_last)
    network.train()(images).sum().backward()
    assert set(taken) == {"_StripwiseConv", "_Subsample", "_Concatenate"}
    before = list(taken)
    taken.clear()
    torch.export.export(network.eval(), (images,))
    assert taken == []
    network.train()(images).sum().backward()
    assert taken == before
