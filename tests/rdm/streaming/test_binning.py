"""Ranks by bins against sorting."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from tgas_neuro.rdm.streaming import binning
from tgas_neuro.rdm.streaming.binning import (
    calc_binned_ranks,
    calc_mid_ranks,
    calc_unresolved,
    fit_bins,
    rank_with_ties,
)

GENERATOR = np.random.default_rng(0)
VALUES = {
    "gaussian": GENERATOR.normal(size=400_000),
    "heavy tails": GENERATOR.standard_cauchy(400_000),
    "log-normal": np.exp(4 * GENERATOR.normal(size=400_000)),
    "narrow beside wide": np.where(GENERATOR.random(400_000) < 0.5, 1e-6, 1.0)
    * GENERATOR.normal(size=400_000),
    "tied": GENERATOR.integers(0, 7, 400_000).astype(float),
    "half tied": np.maximum(GENERATOR.normal(size=400_000), 0),
    "many ties": GENERATOR.integers(0, 20_000, 400_000).astype(float),
}


@pytest.mark.parametrize("name", VALUES)
def test_binned_ranks_stand_for_ranks(name):
    values = VALUES[name].astype(np.float32)
    ranks = calc_binned_ranks(torch.from_numpy(values)).numpy()
    expected = rankdata(values)
    assert np.corrcoef(ranks, expected)[0, 1] > 1 - 1e-7
    other = expected + 1e5 * GENERATOR.normal(size=len(values))
    difference = np.corrcoef(ranks, other)[0, 1] - np.corrcoef(expected, other)[0, 1]
    assert abs(difference) < 1e-6


def test_few_values_have_their_exact_ranks():
    values = torch.tensor([3.0, 1.0, 3.0, -2.0, 3.0])
    assert calc_binned_ranks(values).tolist() == [4.0, 2.0, 4.0, 1.0, 4.0]
    assert calc_binned_ranks(values).dtype == torch.float64


def test_values_are_not_changed():
    values = torch.from_numpy(VALUES["gaussian"])
    before = values.clone()
    calc_binned_ranks(values)
    assert torch.equal(values, before)


def test_mid_ranks_by_hand():
    assert calc_mid_ranks(torch.tensor([2, 0, 1, 3])).tolist()[::1] == [1.5, 2.5, 3.0, 5.0]


def test_unresolved_is_that_of_equal_bins():
    """1 / B^2 of the variance is inside B equal bins."""
    assert calc_unresolved(torch.full((100,), 1_000_000)) == pytest.approx(1e-4, rel=1e-3)
    assert calc_unresolved(torch.ones(1000, dtype=torch.int64)) == 0


def test_a_tie_has_one_bin_in_spite_of_rounding():
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 5, (20_000,), generator=generator).double() / 7
    bins = fit_bins(levels[:5000], tie=1e-14, jitter=1e-6)
    noisy = levels + 1e-6 * (2 * torch.rand(20_000, generator=generator).double() - 1)
    expected = torch.unique(levels, return_inverse=True)[1]
    found = torch.unique(bins.assign(noisy), return_inverse=True)[1]
    assert torch.equal(found, expected)


def test_values_beyond_the_sample_fall_into_the_outer_bins():
    bins = fit_bins(torch.linspace(0, 1, 100_000, dtype=torch.float64))
    assert bins.edges is None
    found = bins.assign(torch.tensor([-9.0, 0.5, 9.0]))
    assert found[0] == 0
    assert found[2] == bins.n_bins - 1 == binning.N_BINS - 1


def test_rank_with_ties_joins_close_values():
    values = torch.tensor([1.0, 1.0 + 1e-13, 0.5, 2.0], dtype=torch.float64)
    assert rank_with_ties(values, 0.0).tolist() == [2.0, 3.0, 1.0, 4.0]
    assert rank_with_ties(values, 1e-12).tolist() == [2.5, 2.5, 1.0, 4.0]
