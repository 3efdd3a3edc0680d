"""Parameters and multiply-adds of a NAS-Bench-201 network, without building it."""

from tgas_neuro.architecture.costs import Complexity
from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.nasbench201.plan import build_plan
from tgas_neuro.architecture.skeleton import Skeleton


def calc_nasbench201_complexity(genotype: NASBench201Genotype, skeleton: Skeleton) -> Complexity:
    """Parameters as the benchmark counts them; its FLOPs are these multiply-adds and the biases."""
    return build_plan(genotype, skeleton).calc_cost()
