"""A toy image folder, a stand-in network and a small configuration for the final stage."""

import copy

import pytest
import torch
from support.final_settings import FINAL
from torch import nn

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.images.decoded import Images


@pytest.fixture(scope="session")
def build_small():
    return build_convolution


@pytest.fixture(scope="session")
def whole():
    return Whole


@pytest.fixture
def images(folders):
    """Both splits as `train_final` takes them."""
    folder = folders[0].parent
    return Images("image_folder-toy", "image_folder", {"path": str(folder)}, None, 8)


@pytest.fixture
def genotype():
    block = Block(inputs=(0, 1), operations=("max_pool_3x3", "identity"))
    return CellGenotype(space="cell", normal=Cell(blocks=(block,), concat=(2,)))


@pytest.fixture
def config():
    return copy.deepcopy(FINAL)


class Whole(nn.Module):
    """A network as a `FinalNetwork` without auxiliary head and drop path."""

    n_paths = 0

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images, kept=None):
        return self.network(images), None


def build_convolution(genotype, skeleton, settings, generator: torch.Generator) -> nn.Module:
    """A small network with batch norm, in place of the genotype's."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, skeleton.n_classes),
    )
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.3, generator=generator)
        network[-1].bias.zero_()
    return Whole(network)
