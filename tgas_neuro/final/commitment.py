"""Which layers of the final network stand for the teacher's regions: those of the search, scaled.

The layer map was made of the small network of the search. In the final one, with other numbers of
cells, the layer at the same share of the same stage takes the place of each.
"""

from collections.abc import Mapping
from typing import Any

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.plan import build_plan
from tgas_neuro.architecture.skeleton import Skeleton

STEM = "stem"
STEM_CELLS = ("stem_cell_0", "stem_cell_1")
# Where the networks of a space hold their layers, for names of modules; the stem stands outside.
HOLDERS = {"cell": "cells", "chain": "chain", "nasbench201": "parts"}


def commit_layers(
    regions: Mapping[str, Any], genotype: Genotype, searched: Skeleton, final: Skeleton
) -> dict[str, str]:
    """Region to the layer of the final network that stands for it.

    Parameters
    ----------
    regions
        ``teacher.regions`` of the candidate's record; of each is read which layer matches it best
        on all stimuli (``plain``): one layer, where the crossed choice may have two.
    genotype
        The winner.
    searched, final
        The size it had in the search, and the one it was scaled up to.
    """
    return {
        name: match_layer(region["plain"]["layer"], genotype, searched, final)
        for name, region in regions.items()
    }


def match_layer(layer: str, genotype: Genotype, small: Skeleton, large: Skeleton) -> str:
    """The layer of the large network in the place of one of the small network.

    A layer's place is its stage and the share of the stage's layers up to and with it; the nearest
    place in the large network is taken, of two equally near ones the deeper. The stem, and its
    cells where the large network has them, keep their names.
    """
    if layer.startswith(STEM):
        return layer if _has_stem_cells(genotype, large) else STEM
    place = _list_places(genotype, small)[layer]
    places = _list_places(genotype, large)
    return min(reversed(places), key=lambda name: abs(places[name] - place))


def list_modules(genotype: Genotype, skeleton: Skeleton) -> list[str]:
    """The layers of a network from input to output, by the names of their modules."""
    names = [name for stage in build_plan(genotype, skeleton).layer_stages for name in stage]
    if _has_stem_cells(genotype, skeleton):
        names = [*STEM_CELLS, *names]
    return [STEM, *(name_module(genotype, name) for name in names)]


def name_module(genotype: Genotype, layer: str) -> str:
    """The name of a layer's module within the network (as in ``named_modules``)."""
    return layer if layer == STEM else f"{HOLDERS[genotype.space]}.{layer}"


def _has_stem_cells(genotype: Genotype, skeleton: Skeleton) -> bool:
    return genotype.space == "cell" and skeleton.stem == "imagenet"


def _list_places(genotype: Genotype, skeleton: Skeleton) -> dict[str, float]:
    """Layer to its place, in (0, 1]: all stages count alike."""
    stages = build_plan(genotype, skeleton).layer_stages
    return {
        name: (number + (k + 1) / len(stage)) / len(stages)
        for number, stage in enumerate(stages)
        for k, name in enumerate(stage)
    }
