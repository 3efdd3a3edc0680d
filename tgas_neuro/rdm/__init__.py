"""RDMs, their comparison and noise ceilings: the numerical heart, which knows no workflow."""

from tgas_neuro.rdm.comparisons import compare_rdms
from tgas_neuro.rdm.crossnobis import calc_crossnobis
from tgas_neuro.rdm.distances import calc_rdm
from tgas_neuro.rdm.linear_cka import calc_linear_cka
from tgas_neuro.rdm.noise_ceiling import NoiseCeiling, calc_noise_ceiling
from tgas_neuro.rdm.reliability import calc_site_reliability

__all__ = [
    "NoiseCeiling",
    "calc_crossnobis",
    "calc_linear_cka",
    "calc_noise_ceiling",
    "calc_rdm",
    "calc_site_reliability",
    "compare_rdms",
]
