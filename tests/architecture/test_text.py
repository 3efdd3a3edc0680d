"""Genotypes in words: all that they say, by hand, and nothing lost."""

import numpy as np
import pytest

from tgas_neuro.architecture.cell.published import NASNET_A
from tgas_neuro.architecture.spaces import SPACES, describe_genotype, read_genotype


def test_cells():
    lines = describe_genotype(NASNET_A)
    assert len(lines) == 12
    assert lines[2] == (
        "normal cell: block 2 = avg_pool_3x3(previous cell) + identity(cell before the previous)"
    )
    assert lines[-2:] == [
        "reduction cell: block 4 = sep_conv_3x3(block 0) + max_pool_3x3(previous cell)",
        "reduction cell: output = concatenation of block 1, block 2, block 3, block 4",
    ]


def test_a_chain():
    layers = [
        {"width": 2, "kernel": 5, "stride": 2, "skip": None},
        {"width": 1, "kernel": 3, "stride": 1, "skip": 0},
        {"width": 8, "kernel": 1, "stride": 1, "skip": 1},
    ]
    assert describe_genotype(read_genotype({"space": "chain", "layers": layers})) == [
        "layer 0 = convolution 5x5, 2 F filters, stride 2, of stem",
        "layer 1 = convolution 3x3, 1 F filters, stride 1, of layer 0, stem",
        "layer 2 = convolution 1x1, 8 F filters, stride 1, of layer 1, layer 0",
    ]


def test_a_topology():
    text = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    assert describe_genotype(read_genotype({"space": "nasbench201", "architecture": text})) == [
        "node 1 = nor_conv_3x3(node 0)",
        "node 2 = none(node 0) + avg_pool_3x3(node 1)",
        "node 3 = skip_connect(node 0) + nor_conv_1x1(node 1) + nor_conv_3x3(node 2)",
    ]


@pytest.mark.parametrize(
    "space",
    [SPACES["cell"](5, reduction=True), SPACES["chain"](6), SPACES["nasbench201"]()],
    ids=["cell", "chain", "nasbench201"],
)
def test_other_networks_are_other_words(space):
    rng = np.random.default_rng(0)
    genotypes = [space.sample(rng) for _ in range(50)]
    genotypes += [space.mutate(genotype, rng) for genotype in genotypes]
    hashes = {genotype.hash for genotype in genotypes}
    words = {tuple(describe_genotype(genotype.canonical())) for genotype in genotypes}
    assert len(words) == len(hashes)
