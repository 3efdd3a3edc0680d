"""Small networks of every space, with weights and statistics that are not those of a fresh one."""

import numpy as np
import pytest
import torch

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.network import build_network
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


def build_small(genotype, **changes):
    size = {"filters": 4, "cells_per_stage": 1, "stages": 2, "n_classes": 5, "image_size": 33}
    skeleton = Skeleton(**size | changes)
    network = build_network(genotype, skeleton, torch.Generator().manual_seed(1))
    with torch.no_grad():  # statistics of a trained network are not 0 and 1
        for number, buffer in enumerate(network.buffers()):
            if buffer.is_floating_point():
                buffer.add_(0.01 * (number % 7))
    return network.eval(), list_modules(genotype, skeleton)


def list_networks():
    rng = np.random.default_rng(3)
    yield pytest.param(EVERY, {}, id="every operation")
    yield pytest.param(EVERY, {"stem": "imagenet", "filters": 8, "image_size": 47}, id="imagenet")
    for name in ("chain", "nasbench201"):
        yield pytest.param(SPACES[name]().sample(rng), {"stages": 3}, id=name)
    passing = "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|"
    yield pytest.param(
        NASBench201Genotype.from_string(passing), {}, id="cells that pass on what they read"
    )
