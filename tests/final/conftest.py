"""A toy image folder, a stand-in network and a small configuration for the final stage."""

import pytest
import torch
from torch import nn

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.images.source import Images


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
    return {
        "data": {"kind": "simulated", "images_per_class": 160, "seed": 0},
        "network": {
            "filters": 4,
            "cells_per_stage": 1,
            "stages": 2,
            "stem": "cifar",
            "stem_filters": None,
            "downsampling": "between",
        },
        "image_size": 8,
        "epochs": 3,
        "batch_size": 6,
        "learning_rate": 0.05,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "label_smoothing": 0.1,
        "warmup": 0.05,
        "gradient_clip": 5.0,
        "augmentation": "pad_crop",
        "micro_batch": None,
        "processes": "auto",
        "optimizer": "sgd",
        "schedule": "cosine",
        "decay": 0.97,
        "decay_epochs": 2.4,
        "ema": None,
        "evaluate_every": 1,
        "checkpoint_minutes": 10,
        "compile": False,
        "target": None,
        "drop_path": 0.0,
        "auxiliary": 0.0,
        "threads": 1,
        "memory_mb": 2048,
        "workers": 0,
        "device": "cpu",
    }


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
