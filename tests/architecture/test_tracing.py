"""Graphs of networks by torch.export and torch.fx: the same values, for batches of any size."""

import pytest
import torch
from support.networks import EVERY, build_small, list_networks
from torchvision.models.feature_extraction import create_feature_extractor

from tgas_neuro.architecture import depthwise, layers
from tgas_neuro.architecture.network import catching_outputs, find_overwritten


@pytest.mark.parametrize(("genotype", "changes"), list(list_networks()))
def test_graphs_equal_the_network(genotype, changes):
    """By torch.export at batches of 1 and 7, by torch.fx every layer; bit for bit."""
    network, names = build_small(genotype, **changes)
    generator = torch.Generator().manual_seed(0)
    side = changes.get("image_size", 33)
    images = torch.randn((7, 3, side, side), generator=generator)
    program = torch.export.export(
        network, (images[:2],), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},)
    )
    extract = create_feature_extractor(network, [*names, "linear"], suppress_diff_warning=True)
    modules = {name: network.get_submodule(name) for name in names}
    assert find_overwritten(network, modules, images) == set()
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
    network, _ = build_small(EVERY, filters=8, image_size=32)
    program = torch.export.export(
        network,
        (torch.randn(2, 3, 32, 32).to(memory_format=torch.channels_last),),
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
    )
    images = torch.randn(7, 3, 32, 32).to(memory_format=torch.channels_last)
    assert 2 * 8 * 32 * 32 < depthwise.LEAST_VALUES < 7 * 8 * 32 * 32
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), network(images), rtol=1e-5, atol=1e-5)


def test_the_network_itself_is_as_before(monkeypatch):
    """In training the fast operations are still taken, before and after a graph was made."""
    network, _ = build_small(EVERY, filters=8, image_size=64)
    taken = []
    for module, name in (
        (depthwise, "_DepthwiseConv"),
        (layers, "_Subsample"),
        (layers, "_Concatenate"),
    ):
        fast = getattr(module, name)

        class Spy:
            @staticmethod
            def apply(*arguments, fast=fast, name=name):
                taken.append(name)
                return fast.apply(*arguments)

        monkeypatch.setattr(module, name, Spy)
    images = torch.randn(7, 3, 64, 64).to(memory_format=torch.channels_last)
    network.train()(images).sum().backward()
    assert set(taken) == {"_DepthwiseConv", "_Subsample", "_Concatenate"}
    before = list(taken)
    taken.clear()
    torch.export.export(network.eval(), (images,))
    assert taken == []
    network.train()(images).sum().backward()
    assert taken == before
