"""Bounds across animals against scipy by hand and against rsatoolbox's numbers."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from scipy.stats import pearsonr, rankdata, spearmanr

from tgas_neuro.rdm.reliability import calc_animal_bounds
from tgas_neuro.runtime.errors import UserError

# rsatoolbox 0.3.2, Python 3.11:
#   from rsatoolbox.inference import boot_noise_ceiling
#   from rsatoolbox.rdm import RDMs
#   boot_noise_ceiling(RDMs(draw_rdms()), method=...) with "spearman", "corr", "tau-a"
RSATOOLBOX = {
    "spearman": (0.5949370366665807, 0.772307955459492),
    "pearson": (0.6198950835678615, 0.7940580887952526),
    "kendall": (0.42373737373737375, 0.5808080808080809),
}


def draw_rdms():
    """RDMs of ten stimuli in four animals that share a part."""
    shared = np.random.default_rng(0).uniform(size=45)
    return shared + np.random.default_rng(1).uniform(size=(4, 45))


@pytest.mark.parametrize("method", RSATOOLBOX)
def test_against_rsatoolbox(method):
    assert calc_animal_bounds(draw_rdms(), method) == pytest.approx(RSATOOLBOX[method], abs=1e-9)


def test_by_hand():
    """Three animals, with ties; Spearman by scipy."""
    rdms = np.random.default_rng(2).integers(0, 6, size=(3, 21)).astype(float)
    ranks = rankdata(rdms, axis=1)
    upper = np.mean([spearmanr(rdm, ranks.mean(axis=0))[0] for rdm in rdms])
    lower = np.mean(
        [spearmanr(rdms[k], np.delete(ranks, k, axis=0).mean(axis=0))[0] for k in range(3)]
    )
    assert calc_animal_bounds(rdms) == pytest.approx((lower, upper), abs=1e-9)


def test_two_animals():
    """The lower bound is the correlation between the two, whatever the method."""
    first, second = draw_rdms()[:2]
    lower, upper = calc_animal_bounds(np.stack([first, second]), "pearson")
    r = pearsonr(first, second)[0]
    assert lower == pytest.approx(r)
    assert upper == pytest.approx(np.sqrt((1 + r) / 2))  # of two unit vectors with their mean


@hypothesis.given(seed=st.integers(0, 1000), animals=st.integers(2, 5))
def test_no_model_is_better_than_the_upper_bound(seed, animals):
    generator = np.random.default_rng(seed)
    rdms = generator.uniform(size=28) + generator.uniform(size=(animals, 28))
    lower, upper = calc_animal_bounds(rdms)
    assert lower <= upper + 1e-12
    model = rdms.mean(axis=0) + 0.1 * generator.normal(size=28)
    assert np.mean([spearmanr(rdm, model)[0] for rdm in rdms]) <= upper + 1e-12


def test_equal_animals():
    assert calc_animal_bounds(np.tile(draw_rdms()[0], (3, 1))) == pytest.approx((1, 1))


def test_undefined_dissimilarities():
    rdms = draw_rdms()
    rdms[1, 3] = np.nan
    assert np.isnan(calc_animal_bounds(rdms)).all()


@pytest.mark.parametrize("rdms", [draw_rdms()[:1], draw_rdms()[0]])
def test_one_animal_is_refused(rdms):
    with pytest.raises(UserError, match=r"rdms: shape \(.*at least two animals"):
        calc_animal_bounds(rdms)


def test_unknown_method():
    with pytest.raises(UserError, match="method: 'cka' is not one of: spearman, pearson, kendall"):
        calc_animal_bounds(draw_rdms(), "cka")
