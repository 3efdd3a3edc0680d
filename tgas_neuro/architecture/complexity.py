"""Parameters and multiply-adds of a genotype's network in closed form, without building it."""

from tgas_neuro.architecture.cell.complexity import calc_cell_complexity
from tgas_neuro.architecture.chain.complexity import calc_chain_complexity
from tgas_neuro.architecture.costs import Complexity
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.nasbench201.complexity import calc_nasbench201_complexity
from tgas_neuro.architecture.skeleton import Skeleton


def calc_complexity(genotype: Genotype, skeleton: Skeleton) -> Complexity:
    """Parameters and multiply-adds of a genotype's network at the size of a skeleton."""
    return COMPLEXITIES[genotype.space](genotype, skeleton)


COMPLEXITIES = {
    "cell": calc_cell_complexity,
    "chain": calc_chain_complexity,
    "nasbench201": calc_nasbench201_complexity,
}
