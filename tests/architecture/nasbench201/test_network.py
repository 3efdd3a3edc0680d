"""NAS-Bench-201 networks: published sizes, wiring by hand, what is trained."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.nasbench201.genotype import EDGES, NASBench201Genotype
from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import calc_complexity

SPACE = NASBench201Space()
CIFAR10, CIFAR100 = Skeleton(16, 5, 3, 10, 32), Skeleton(16, 5, 3, 100, 32)
IMAGENET16 = Skeleton(16, 5, 3, 120, 16)
SMALL = Skeleton(filters=3, cells_per_stage=1, stages=3, n_classes=4, image_size=9)


def repeat(operation):
    return NASBench201Genotype("nasbench201", (operation,) * 6).to_string()


# As the benchmark's tables have them (hp 12); their FLOPs count the linear layer's biases.
PUBLISHED = [
    (repeat("none"), CIFAR10, 73_306, 7_783_050),
    (repeat("skip_connect"), CIFAR100, 79_156, 7_788_900),
    (repeat("avg_pool_3x3"), IMAGENET16, 80_456, 1_953_400),
    (repeat("nor_conv_3x3"), CIFAR10, 1_531_546, 220_119_690),
    (repeat("nor_conv_3x3"), CIFAR100, 1_537_396, 220_125_540),
    (repeat("nor_conv_3x3"), IMAGENET16, 1_538_696, 55_037_560),
    (
        "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        CIFAR10,
        802_426,
        113_951_370,
    ),
]


@pytest.mark.parametrize(("architecture", "skeleton", "params", "flops"), PUBLISHED)
def test_networks_have_their_published_size(architecture, skeleton, params, flops):
    complexity = calc_complexity(NASBench201Genotype.from_string(architecture), skeleton)
    assert complexity.params == params
    assert complexity.macs + skeleton.n_classes == flops


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw_images(size: int, n: int = 4, channels: int = 3) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=seeded(1))


def draw_genotypes(n: int) -> list[NASBench201Genotype]:
    rng = np.random.default_rng(0)
    return [SPACE.sample(rng) for _ in range(n)]


def normalise(x, bn):
    return functional.batch_norm(x, None, None, bn.weight, bn.bias, training=True, eps=1e-5)


def convolve(x, conv, bn, stride=1):
    weight = conv.weight
    output = functional.conv2d(x.relu(), weight, stride=stride, padding=weight.shape[-1] // 2)
    return normalise(output, bn)


def run_cell(x, cell, operations):
    """The cell as the paper's figure 1 draws it, with torch's functions."""
    modules = iter(cell.operations)
    edges = {}
    for edge, operation in zip(EDGES, operations, strict=True):
        if operation != "none":
            edges[edge] = (operation, next(modules))
    nodes = [x]
    for node in (1, 2, 3):
        total = 0 * x
        for start in range(node):
            operation, module = edges.get((start, node), ("none", None))
            if operation == "skip_connect":
                total = total + nodes[start]
            elif operation == "avg_pool_3x3":
                total = total + functional.avg_pool2d(nodes[start], 3, 1, 1, False, False)
            elif operation != "none":
                total = total + convolve(nodes[start], module.conv, module.bn)
        nodes.append(total)
    return nodes[3]


@pytest.mark.parametrize("size", [8, 9])
def test_wiring_by_hand(size):
    skeleton = Skeleton(**vars(SMALL) | {"image_size": size})
    for genotype in draw_genotypes(12):
        network = build_network(genotype, skeleton, seeded()).double()
        images = draw_images(size).double()
        stem = network.stem[0]
        x = normalise(functional.conv2d(images, stem.conv.weight, padding=1), stem.bn)
        for name, part in network.parts.items():
            if name.startswith("cell"):
                x = run_cell(x, part, genotype.operations)
            else:
                first, second = part.convs
                pooled = functional.avg_pool2d(x, 2, 2, 0, True, False)
                hidden = convolve(x, first.conv, first.bn, stride=2)
                x = functional.conv2d(pooled, part.shortcut.weight)
                x = x + convolve(hidden, second.conv, second.bn)
        x = normalise(x, network.last[0]).relu().mean((2, 3))
        torch.testing.assert_close(network(images), network.linear(x))


def test_parts_come_in_the_order_of_the_benchmark():
    def name_layers(**changes):
        skeleton = Skeleton(**vars(SMALL) | {"cells_per_stage": 2} | changes)
        return " ".join(build_network(draw_genotypes(1)[0], skeleton, seeded()).layers())

    first = "stem cell_0 cell_1 reduction_0 cell_2"
    assert name_layers() == f"{first} cell_3 reduction_1 cell_4 cell_5"
    assert name_layers(downsampling="within") == f"{first} reduction_1 cell_3"


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("size", [3, 13, 16])
def test_layers_put_out_feature_maps_at_odd_sizes_too(stem, size, record_shapes):
    skeleton = Skeleton(8, 1, 3, 5, size, channels=1, stem=stem)
    for genotype in draw_genotypes(3):
        network = build_network(genotype, skeleton, seeded()).eval()
        scores, shapes = record_shapes(network, draw_images(size, channels=1))
        assert scores.shape == (4, 5)
        sides = [size if stem == "cifar" else -(-size // 4)]
        sides += [-(-sides[0] // 2), -(-sides[0] // 4)]
        assert shapes == {
            "stem": (4, 8, sides[0], sides[0]),
            "cell_0": (4, 8, sides[0], sides[0]),
            "reduction_0": (4, 16, sides[1], sides[1]),
            "cell_1": (4, 16, sides[1], sides[1]),
            "reduction_1": (4, 32, sides[2], sides[2]),
            "cell_2": (4, 32, sides[2], sides[2]),
        }


def find_leading(operations):
    """The edges from which node 3 is reached."""
    reached, leading = {3}, set()
    for (start, end), operation in reversed(list(zip(EDGES, operations, strict=True))):
        if end in reached and operation != "none":
            leading.add((start, end))
            reached.add(start)
    return leading


def test_every_parameter_whose_edge_leads_on_is_trained():
    n_without = 0
    for genotype in draw_genotypes(25):
        network = build_network(genotype, SMALL, seeded())
        network(draw_images(9)).square().sum().backward()
        leading = find_leading(genotype.operations)
        cell = network.parts["cell_2"]
        for edge, module in zip(cell.edges, cell.operations, strict=True):
            for parameter in module.parameters():
                assert (parameter.grad is not None) == (edge in leading)
                n_without += parameter.grad is None
        if (0, 3) in leading:
            for name, parameter in network.named_parameters():
                if ".operations." not in name:
                    assert parameter.grad is not None, name
                    assert torch.isfinite(parameter.grad).all(), name
    assert n_without > 0


def test_a_cell_that_nothing_passes_leaves_a_constant():
    genotype = NASBench201Genotype("nasbench201", ("nor_conv_3x3",) * 3 + ("none",) * 3)
    scores = build_network(genotype, SMALL, seeded())(draw_images(9))
    torch.testing.assert_close(scores, scores[:1].expand_as(scores))


def test_training_lowers_the_loss():
    genotype = NASBench201Genotype.from_string(PUBLISHED[-1][0])
    network = build_network(genotype, SMALL, seeded())
    images, labels = draw_images(9, n=8), torch.arange(8) % 4
    optimiser = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_channels_last_gives_the_same_scores_and_gradients():
    for genotype in draw_genotypes(6):
        plain = build_network(genotype, SMALL, seeded()).double()
        last = build_network(genotype, SMALL, seeded()).double()
        last = last.to(memory_format=torch.channels_last)
        images = draw_images(9).double()
        expected, found = plain(images), last(images.to(memory_format=torch.channels_last))
        torch.testing.assert_close(found, expected)
        expected.square().sum().backward()
        found.square().sum().backward()
        for one, other in zip(plain.parameters(), last.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
