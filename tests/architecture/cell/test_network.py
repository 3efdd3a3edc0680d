"""The built network: weights from its generator only, layers as planned, wiring by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES

SMALL = Skeleton(filters=8, cells_per_stage=1, stages=2, n_classes=10, image_size=16)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw_images(size: int = 16, n: int = 4, channels: int = 3) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=seeded(1))


def draw_genotypes(n: int) -> list[CellGenotype]:
    rng = np.random.default_rng(0)
    return [SPACES["cell"]().sample(rng) for _ in range(n)]


def are_equal(one: nn.Module, other: nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return list(first) == list(second) and all(torch.equal(first[k], second[k]) for k in first)


def test_weights_depend_on_the_state_of_the_generator_only():
    torch.manual_seed(1)
    network = build_network(PNASNET5, SMALL, seeded())
    torch.manual_seed(2)
    assert are_equal(network, build_network(PNASNET5, SMALL, seeded()))
    assert not are_equal(network, build_network(PNASNET5, SMALL, seeded(1)))
    generator = seeded()
    build_network(PNASNET5, SMALL, generator)
    assert not are_equal(network, build_network(PNASNET5, SMALL, generator))


def test_torchs_global_generator_is_left_alone():
    before = torch.get_rng_state()
    network = build_network(PNASNET5, SMALL, seeded())
    network(draw_images()).sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


def test_genotypes_of_the_same_hash_are_the_same_network():
    cell = PNASNET5.normal
    # Block 2 is the only one that is read (as 4, by block 3): move it to the front.
    order = (2, 0, 1, 4, 3)
    place = {0: 0, 1: 1} | {2 + old: 2 + new for new, old in enumerate(order)}
    blocks = tuple(
        Block(
            tuple(place[state] for state in reversed(cell.blocks[old].inputs)),
            cell.blocks[old].operations[::-1],
        )
        for old in order
    )
    other = CellGenotype("cell", Cell(blocks, (6, 5, 4, 3, 2)))
    assert other != PNASNET5
    assert other.hash == PNASNET5.hash
    one, two = (build_network(genotype, SMALL, seeded()) for genotype in (PNASNET5, other))
    assert are_equal(one, two)
    assert torch.equal(one(draw_images()), two(draw_images()))


def test_initial_weights_have_the_variance_of_he():
    skeleton = Skeleton(filters=64, cells_per_stage=1, stages=1, n_classes=500, image_size=8)
    network = build_network(PNASNET5, skeleton, seeded())
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight.numel() // module.in_channels
            if module.groups > 1:
                fan_out = math.prod(module.kernel_size)
            expected = math.sqrt(2 / fan_out)
            error = 6 / math.sqrt(2 * module.weight.numel())  # six standard errors
            assert module.weight.std().item() == pytest.approx(expected, rel=error)
            assert abs(module.weight.mean().item()) < expected * error
        if isinstance(module, nn.BatchNorm2d):
            assert torch.all(module.weight == 1)
            assert torch.all(module.bias == 0)
            assert torch.all(module.running_mean == 0)
            assert torch.all(module.running_var == 1)
            assert module.num_batches_tracked == 0
    assert network.linear.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert torch.all(network.linear.bias == 0)


def test_wiring_of_two_cells_by_hand():
    blocks = (
        Block((0, 1), ("sep_conv_3x3", "identity")),
        Block((1, 2), ("avg_pool_3x3", "max_pool_3x3")),
    )
    genotype = CellGenotype("cell", Cell(blocks, (0, 3)))
    skeleton = Skeleton(filters=4, cells_per_stage=2, stages=1, n_classes=5, image_size=6)
    network = build_network(genotype, skeleton, seeded()).eval()
    before = previous = network.stem(draw_images(6))
    for cell in network.cells.values():
        # The canonical order is the one above: block 0 is the less deep, inputs ascend.
        h0, h1 = cell.adjust[0](before.relu()), cell.adjust[1](previous.relu())
        (left, right), (average, maximum) = cell.operations
        b0 = left(h0.relu()) + right(h1)
        b1 = average(h1) + maximum(b0)
        before, previous = previous, torch.cat((h0, b1), dim=1)
    logits = network.linear(previous.relu().mean((2, 3)))
    torch.testing.assert_close(network(draw_images(6)), logits)


@pytest.mark.parametrize("size", [16, 13])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_layers_put_out_what_the_plan_says(stem, size, record_shapes):
    skeleton = Skeleton(8, 1, 2, 10, size, channels=1, stem=stem)
    for genotype in [NASNET_A, *draw_genotypes(3)]:
        network = build_network(genotype, skeleton, seeded()).eval()
        logits, shapes = record_shapes(network, draw_images(size, channels=1))
        layout = network.layout
        expected = {"stem": (4, layout.stem.channels_out, *[layout.stem.size_out] * 2)}
        for cell in layout.cells:
            expected[cell.name] = (4, cell.channels_out, cell.size_out, cell.size_out)
        assert shapes == expected
        assert list(network.layers()) == list(expected)
        assert logits.shape == (4, 10)


def test_every_parameter_is_trained_and_training_lowers_the_loss():
    network = build_network(NASNET_A, SMALL, seeded())
    images, labels = draw_images(n=8), torch.arange(8)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        losses.append(loss.item())
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_channels_last_gives_the_same_scores():
    for genotype in draw_genotypes(4):
        network = build_network(genotype, SMALL, seeded()).double()
        images = draw_images().double()
        expected = network(images)
        network = network.to(memory_format=torch.channels_last)
        found = network(images.to(memory_format=torch.channels_last))
        torch.testing.assert_close(found, expected)


def test_gradients_equal_finite_differences():
    skeleton = Skeleton(filters=2, cells_per_stage=1, stages=2, n_classes=2, image_size=5)
    network = build_network(draw_genotypes(1)[0], skeleton, seeded()).double()
    images = draw_images(5, n=3).double().requires_grad_()
    assert torch.autograd.gradcheck(network, (images,), eps=1e-7, atol=1e-4, rtol=1e-3)
