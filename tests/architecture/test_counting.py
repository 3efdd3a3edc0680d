"""Parameters and multiply-adds of every space against what is counted on the built network."""

import numpy as np
import pytest
import torch
from torch import nn

from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.chain.space import ChainSpace
from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.architecture.skeleton import Complexity, Skeleton
from tgas_neuro.architecture.spaces import SPACES, calc_complexity

# Space, and how many genotypes are counted.
EXAMPLES = {
    "cell": (CellSpace(2), 50),
    "cell with reduction": (CellSpace(2, reduction=True), 50),
    "chain": (ChainSpace(10), 100),
    "nasbench201": (NASBench201Space(), 100),
}


def count(genotype, skeleton: Skeleton) -> Complexity:
    """Parameters, and multiply-adds from the shapes of outputs; nothing is calculated."""
    macs = []

    def record(module, inputs, output):
        positions = output.shape[2:].numel() if isinstance(module, nn.Conv2d) else 1
        macs.append(module.weight.numel() * positions)

    with torch.device("meta"):
        network = SPACES[genotype.space].build_module(genotype.canonical(), skeleton)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.register_forward_hook(record)
        size = skeleton.image_size
        scores = network(torch.zeros(2, skeleton.channels, size, size))
    assert scores.shape == (2, skeleton.n_classes)
    return Complexity(sum(p.numel() for p in network.parameters()), sum(macs))


def draw_skeleton(rng) -> Skeleton:
    return Skeleton(
        filters=int(rng.integers(8, 14)),
        cells_per_stage=int(rng.integers(1, 3)),
        stages=int(rng.integers(1, 3)),
        n_classes=int(rng.integers(1, 20)),
        image_size=int(rng.integers(3, 40)),
        channels=int(rng.integers(1, 5)),
        stem=str(rng.choice(["cifar", "imagenet"])),
        downsampling=str(rng.choice(["between", "within"])),
    )


@pytest.mark.parametrize(("space", "n"), EXAMPLES.values(), ids=EXAMPLES)
def test_what_is_calculated_is_what_is_counted(space, n):
    rng = np.random.default_rng(0)
    for _ in range(n):
        genotype, skeleton = space.sample(rng), draw_skeleton(rng)
        assert calc_complexity(genotype, skeleton) == count(genotype, skeleton)


@pytest.mark.parametrize(("space", "n"), EXAMPLES.values(), ids=EXAMPLES)
def test_also_of_genotypes_that_are_still_to_grow(space, n):
    rng = np.random.default_rng(1)
    genotype = None
    for _ in range(space.stages):
        grown = list(space.grow(genotype))
        genotype = grown[rng.integers(len(grown))]
        for _ in range(5):
            skeleton = draw_skeleton(rng)
            assert calc_complexity(genotype, skeleton) == count(genotype, skeleton)


def test_a_stem_may_be_as_wide_between_its_convolutions_as_one_likes():
    rng = np.random.default_rng(2)
    for space in (ChainSpace(3), NASBench201Space()):
        skeleton = Skeleton(8, 1, 2, 5, 21, stem="imagenet", stem_filters=7)
        genotype = space.sample(rng)
        assert calc_complexity(genotype, skeleton) == count(genotype, skeleton)
