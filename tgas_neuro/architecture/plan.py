"""The plan of a genotype's network, of whatever space, without torch."""

from typing import Protocol

from tgas_neuro.architecture.cell.plan import build_plan as build_cell_plan
from tgas_neuro.architecture.chain.plan import build_plan as build_chain_plan
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.nasbench201.plan import build_plan as build_nasbench201_plan
from tgas_neuro.architecture.skeleton import Skeleton


class NetworkPlan(Protocol):
    """What the plans of all spaces have in common.

    Attributes
    ----------
    path_depths
        How deep every operation lies that drop path may drop, in (0, 1].
    layer_stages
        Names of the layers after the stem, of one stage after the other.
    last_before_reduction
        Name, channels and size [px] of the output that the last reduction reads, or None.
    """

    path_depths: tuple[float, ...]
    layer_stages: tuple[tuple[str, ...], ...]
    last_before_reduction: tuple[str, int, int] | None


def build_plan(genotype: Genotype, skeleton: Skeleton) -> NetworkPlan:
    """The plan of a genotype's network at the size of a skeleton."""
    return PLANS[genotype.space](genotype, skeleton)


PLANS = {"cell": build_cell_plan, "chain": build_chain_plan, "nasbench201": build_nasbench201_plan}
