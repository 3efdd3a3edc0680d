"""Layers of the small network and their places in the large one."""

import numpy as np
import pytest
import torch

from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.network import NETWORKS
from tgas_neuro.architecture.plan import build_plan
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import SPACES
from tgas_neuro.final.commitment import commit_layers, list_modules, match_layer, name_module

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


def match(layer, large, genotype=PNASNET5, small=SMALL):
    return match_layer(layer, genotype, small, large)


def test_the_end_of_a_stage_is_the_end_of_that_stage():
    """By hand: N = 3 with cells of stride 2 between, and N = 4 with them within stages."""
    between, within = SKELETONS[1], SKELETONS[2]
    assert [match(f"cell_{k}", between) for k in (0, 2, 4)] == ["cell_2", "cell_6", "cell_10"]
    assert [match(f"cell_{k}", within) for k in (0, 2, 4)] == ["cell_3", "cell_7", "cell_11"]


def test_the_middle_of_a_stage_is_its_middle():
    """The cell of stride 2 is the first of two; of four, the second."""
    assert [match(f"cell_{k}", SKELETONS[1]) for k in (1, 3)] == ["cell_4", "cell_8"]
    assert [match(f"cell_{k}", SKELETONS[2]) for k in (1, 3)] == ["cell_5", "cell_9"]


def test_stems():
    large = SKELETONS[1]
    assert match("stem", large) == "stem"
    assert match("stem_cell_1", SMALL, small=large) == "stem"
    assert match("stem_cell_1", SKELETONS[2], small=large) == "stem_cell_1"


def test_another_number_of_stages():
    """The end of three stages is the end of two; the second begins in the first."""
    two = Skeleton(8, 1, 2, 8, 24)  # cell 0; cell 1 (stride 2), 2
    assert [match(f"cell_{k}", two) for k in (0, 1, 4)] == ["cell_0", "cell_0", "cell_2"]


@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_a_network_of_the_same_size_keeps_its_layers(genotype, skeleton):
    for stage in build_plan(genotype, skeleton).layer_stages:
        for layer in stage:
            assert match_layer(layer, genotype, skeleton, skeleton) == layer


@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_names_of_modules_are_those_of_the_network(genotype, skeleton):
    """Each is the module that `layers` gives under the layer's name, in the same order."""
    with torch.device("meta"):
        network = NETWORKS[genotype.space](genotype, skeleton)
    modules = dict(network.named_modules())
    layers = network.layers()
    assert [modules[name] for name in list_modules(genotype, skeleton)] == list(layers.values())
    for layer, module in layers.items():
        assert modules[name_module(genotype, layer)] is module


@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
@pytest.mark.parametrize("small", SKELETONS)
@pytest.mark.parametrize("large", SKELETONS)
def test_order_is_kept(genotype, small, large):
    with torch.device("meta"):
        layers = list(NETWORKS[genotype.space](genotype, small).layers())
        there = list(NETWORKS[genotype.space](genotype, large).layers())
    found = [there.index(match_layer(layer, genotype, small, large)) for layer in layers]
    assert found == sorted(found)
    assert found[-1] == len(there) - 1


def test_regions_are_committed_by_the_layer_that_is_best_on_all_stimuli():
    regions = {
        "V4": {"plain": {"layer": "cell_0"}, "crossed": {"layers": ["cell_0", "cell_2"]}},
        "IT": {"plain": {"layer": "cell_4"}},
    }
    found = commit_layers(regions, PNASNET5, SMALL, SKELETONS[1])
    assert found == {"V4": "cell_2", "IT": "cell_10"}
