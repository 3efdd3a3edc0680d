"""Parameters and multiply-adds of a chain in closed form, without building it."""

from tgas_neuro.architecture.chain.genotype import ChainGenotype
from tgas_neuro.architecture.chain.plan import build_plan
from tgas_neuro.architecture.costs import Complexity
from tgas_neuro.architecture.skeleton import Skeleton


def calc_chain_complexity(genotype: ChainGenotype, skeleton: Skeleton) -> Complexity:
    """Parameters and multiply-adds of a genotype's network: the sum over its plan."""
    return build_plan(genotype, skeleton).calc_cost()
