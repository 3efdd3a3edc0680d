"""Names of layers and of their modules."""

import numpy as np
import pytest
import torch

from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES, list_modules, name_module

SMALL = Skeleton(8, 1, 3, 8, 24)  # cells 0; 1 (stride 2), 2; 3 (stride 2), 4
RNG = np.random.default_rng(0)
GENOTYPES = {
    "cell": PNASNET5,
    "with reduction": NASNET_A,
    "chain": SPACES["chain"](5).sample(RNG),
    "nasbench201": SPACES["nasbench201"]().sample(RNG),
}
SKELETONS = [
    SMALL,
    Skeleton(16, 3, 3, 8, 64, stem="imagenet"),
    Skeleton(16, 4, 3, 8, 64, stem="imagenet", downsampling="within"),
    Skeleton(8, 2, 2, 8, 24, downsampling="within"),
]


@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_names_of_modules_are_those_of_the_network(genotype, skeleton):
    """Each is the module that `layers` gives under the layer's name, in the same order."""
    with torch.device("meta"):
        network = SPACES[genotype.space].build_module(genotype, skeleton)
    modules = dict(network.named_modules())
    layers = network.layers()
    assert [modules[name] for name in list_modules(genotype, skeleton)] == list(layers.values())
    for layer, module in layers.items():
        assert modules[name_module(genotype, layer)] is module
