"""Parameters and multiply-adds against the built network, fvcore and the papers."""

import logging

import numpy as np
import pytest
import torch
from fvcore.nn import FlopCountAnalysis

from tgas_neuro.architecture.cell.genotype import COSTS, OPERATION_NAMES, Block, Cell, CellGenotype
from tgas_neuro.architecture.cell.network import OPERATIONS, CellNetwork
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Complexity, Skeleton
from tgas_neuro.architecture.spaces import SPACES, calc_complexity

PNASNET5_LARGE = Skeleton(216, 4, 3, 1000, 331, stem="imagenet", downsampling="within")
NASNET_A_LARGE = Skeleton(168, 6, 3, 1000, 331, stem="imagenet")
CONCATENATED_INPUTS = CellGenotype(
    "cell", Cell((Block((0, 1), ("conv_1x7_7x1", "dil_conv_3x3")),), (0, 1, 2))
)


def count_params(genotype: CellGenotype, skeleton: Skeleton) -> int:
    with torch.device("meta"):
        network = CellNetwork(genotype, skeleton)
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(genotype: CellGenotype, skeleton: Skeleton) -> int:
    """Multiply-adds of convolutions and linear layers, as fvcore traces them."""
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    network = build_network(genotype, skeleton, torch.Generator()).eval()
    image = torch.zeros(1, skeleton.channels, skeleton.image_size, skeleton.image_size)
    flops = FlopCountAnalysis(network, image).unsupported_ops_warnings(False)
    with torch.no_grad():  # for gradients some convolutions are calculated in other ways
        by_operator = flops.uncalled_modules_warnings(False).by_operator()
    return int(by_operator["conv"] + by_operator["linear"])


@pytest.mark.parametrize(
    ("genotype", "skeleton", "params", "macs"),
    [
        # timm's pnasnet5large and nasnetalarge, without auxiliary heads; multiply-adds from
        # table 5 of Liu et al. 2018 (25.0 and 23.8 billion).
        (PNASNET5, PNASNET5_LARGE, 86_057_668, 25.0e9),
        (NASNET_A, NASNET_A_LARGE, 88_753_150, 23.8e9),
    ],
)
def test_published_networks_have_their_published_size(genotype, skeleton, params, macs):
    complexity = calc_complexity(genotype, skeleton)
    assert complexity.params == params == count_params(genotype, skeleton)
    assert complexity.macs == pytest.approx(macs, rel=0.004)


PNASNET5_MOBILE = Skeleton(
    54, 3, 3, 1000, 224, stem="imagenet", stem_filters=32, downsampling="within"
)
NASNET_A_MOBILE = Skeleton(44, 4, 3, 1000, 224, stem="imagenet", stem_filters=32)


@pytest.mark.parametrize(
    ("genotype", "skeleton", "size", "padded", "published"),
    [
        # Published: table 4 of Liu et al. 2018, in millions.
        (PNASNET5, PNASNET5_MOBILE, Complexity(5_064_487, 587_293_200), 587_578_640, (5.1, 588)),
        (NASNET_A, NASNET_A_MOBILE, Complexity(5_289_978, 563_638_816), 563_909_984, (5.3, 564)),
    ],
)
def test_mobile_networks_to_the_digit(genotype, skeleton, size, padded, published):
    """And with a stem of 112 pixels, as if it were padded, which rounds to all four numbers."""
    assert calc_complexity(genotype, skeleton) == size
    assert count_params(genotype, skeleton) == size.params
    assert count_macs(genotype, skeleton) == size.macs
    as_if = calc_complexity(genotype, Skeleton(**vars(skeleton) | {"image_size": 226}))
    assert as_if == Complexity(size.params, padded)
    assert (round(as_if.params / 1e6, 1), round(as_if.macs / 1e6)) == published


def test_a_network_counted_by_hand():
    # One cell of one block that adds both inputs; 3 channels, stem and filters 2, 5 pixels.
    genotype = CellGenotype("cell", Cell((Block((0, 1), ("identity", "max_pool_3x3")),), (2,)))
    complexity = calc_complexity(genotype, Skeleton(2, 1, 1, 7, 5, stem_filters=2))
    stem, adjustments, linear = 3 * 2 * 9, 2 * (2 * 2), 2 * 7
    assert complexity == Complexity(
        params=stem + 4 + adjustments + 2 * 4 + linear + 7,
        macs=stem * 25 + adjustments * 25 + linear,
    )


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("downsampling", ["between", "within"])
def test_params_equal_those_of_the_network(stem, downsampling):
    rng = np.random.default_rng(0)
    space = SPACES["cell"]()
    for genotype in [*(space.sample(rng) for _ in range(8)), CONCATENATED_INPUTS]:
        skeleton = Skeleton(
            filters=int(rng.integers(8, 14)),
            cells_per_stage=int(rng.integers(1, 3)),
            stages=int(rng.integers(1, 4)),
            n_classes=int(rng.integers(1, 20)),
            image_size=32,
            channels=int(rng.integers(1, 5)),
            stem=stem,
            downsampling=downsampling,
        )
        assert calc_complexity(genotype, skeleton).params == count_params(genotype, skeleton)


@pytest.mark.parametrize("size", [16, 23, 29])
def test_macs_equal_fvcores(size):
    rng = np.random.default_rng(size)
    space = SPACES["cell"]()
    genotypes = [*(space.sample(rng) for _ in range(3)), NASNET_A, CONCATENATED_INPUTS]
    for i, genotype in enumerate(genotypes):
        stem = ("cifar", "imagenet")[i % 2]
        skeleton = Skeleton(8, 1, 2, 10, size, stem=stem, stem_filters=12)
        assert calc_complexity(genotype, skeleton).macs == count_macs(genotype, skeleton)


def test_every_operation_has_a_cost_and_a_module():
    assert set(COSTS) == set(OPERATIONS) == {*OPERATION_NAMES, "conv_1x1", "factorized_reduction"}
