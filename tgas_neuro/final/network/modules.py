"""The layers of a network by the names of their modules, as others than this package find them."""

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.plan import build_plan
from tgas_neuro.architecture.skeleton import Skeleton

STEM = "stem"
STEM_CELLS = ("stem_cell_0", "stem_cell_1")
# Where the networks of a space hold their layers, for names of modules; the stem stands outside.
HOLDERS = {"cell": "cells", "chain": "chain", "nasbench201": "parts"}


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
