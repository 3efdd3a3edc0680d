"""Chains as networks: layers by hand, sizes down to one pixel, what is trained."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.chain.genotype import ChainGenotype, ChainLayer, build_layout
from tgas_neuro.architecture.chain.space import ChainSpace
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Complexity, Skeleton
from tgas_neuro.architecture.spaces import calc_complexity

SMALL = Skeleton(filters=2, cells_per_stage=1, stages=1, n_classes=4, image_size=11)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw_images(size: int = 11, n: int = 4, channels: int = 3) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=seeded(1))


def draw_genotypes(n: int) -> list[ChainGenotype]:
    rng = np.random.default_rng(0)
    return [ChainSpace(6).sample(rng) for _ in range(n)]


def apply(x, module, stride):
    """Convolution, normalisation by the batch, ReLU, with torch's functions."""
    weight = module.conv.weight
    x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
    weights = module.bn.weight, module.bn.bias
    return functional.batch_norm(x, None, None, *weights, training=True, eps=1e-5).relu()


def test_layers_by_hand():
    for genotype in draw_genotypes(12):
        network = build_network(genotype, SMALL, seeded()).double()
        images = draw_images().double()
        outputs = [apply(images, network.stem[0], 1)]
        for layer, module in zip(genotype.layers, network.chain.values(), strict=True):
            read = outputs[-1]
            if layer.skip is not None:
                skipped = outputs[layer.skip]
                while skipped.shape[-1] > read.shape[-1]:
                    skipped = skipped[:, :, ::2, ::2]
                read = torch.cat((read, skipped), dim=1)
            outputs.append(apply(read, module, layer.stride))
        expected = network.linear(outputs[-1].mean((2, 3)))
        torch.testing.assert_close(network(images), expected)


def test_a_network_counted_by_hand():
    # Widths 2 and 8; the second layer reads 4 channels of the first and 2 of the stem.
    genotype = ChainGenotype("chain", (ChainLayer(2, 7, 2), ChainLayer(4, 1, 1, skip=0)))
    stem, first, second, linear = 3 * 2 * 9, 2 * 4 * 49, (4 + 2) * 8, 8 * 4
    assert calc_complexity(genotype, SMALL) == Complexity(
        params=stem + first + second + 2 * (2 + 4 + 8) + linear + 4,
        macs=stem * 121 + first * 36 + second * 36 + linear,
    )


def test_an_image_is_never_smaller_than_one_pixel():
    layers = (ChainLayer(1, 7, 2), *(ChainLayer(1, 3, 2, skip) for skip in (0, 1, 0, 2)))
    genotype = ChainGenotype("chain", layers)
    skeleton = Skeleton(2, 1, 1, 4, 5)
    layout = build_layout(genotype, skeleton)
    assert [layer.conv.size_out for layer in layout.layers] == [3, 2, 1, 1, 1]
    assert [layer.step for layer in layout.layers] == [1, 2, 2, 8, 4]
    assert build_network(genotype, skeleton, seeded())(draw_images(5)).shape == (4, 4)


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("size", [3, 13, 16])
def test_layers_put_out_feature_maps_at_odd_sizes_too(stem, size, record_shapes):
    skeleton = Skeleton(8, 1, 1, 5, size, channels=1, stem=stem)
    for genotype in draw_genotypes(4):
        network = build_network(genotype, skeleton, seeded()).eval()
        scores, shapes = record_shapes(network, draw_images(size, channels=1))
        assert scores.shape == (4, 5)
        side = size if stem == "cifar" else -(-size // 4)
        expected = {"stem": (4, 8, side, side)}
        for number, layer in enumerate(genotype.layers):
            side = -(-side // layer.stride)
            expected[f"layer_{number}"] = (4, 8 * layer.width, side, side)
        assert shapes == expected
        assert list(network.layers()) == list(expected)


def test_every_parameter_is_trained_and_training_lowers_the_loss():
    layers = (ChainLayer(2, 3, 1), ChainLayer(2, 5, 2, 0), ChainLayer(4, 1, 1, 1))
    skeleton = Skeleton(**vars(SMALL) | {"filters": 8})
    network = build_network(ChainGenotype("chain", layers), skeleton, seeded())
    images, labels = draw_images(n=8), torch.arange(8) % 4
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        losses.append(loss.item())
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_channels_last_gives_the_same_scores_and_gradients():
    for genotype in draw_genotypes(6):
        plain = build_network(genotype, SMALL, seeded()).double()
        last = build_network(genotype, SMALL, seeded()).double()
        last = last.to(memory_format=torch.channels_last)
        images = draw_images().double()
        expected, found = plain(images), last(images.to(memory_format=torch.channels_last))
        torch.testing.assert_close(found, expected)
        expected.square().sum().backward()
        found.square().sum().backward()
        for one, other in zip(plain.parameters(), last.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
