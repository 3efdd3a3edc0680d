"""Comparisons of RDMs against scipy, with ties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from tgas_neuro.errors import UserError
from tgas_neuro.rdm import compare_rdms
from tgas_neuro.rdm.comparisons import calc_ranks

values = st.lists(st.integers(-5, 5) | st.floats(-1e6, 1e6, width=32), min_size=2, max_size=60)


@given(values)
@settings(deadline=None)
def test_ranks_equal_scipy(numbers):
    numbers = np.array(numbers, dtype=np.float32)
    np.testing.assert_array_equal(calc_ranks(torch.from_numpy(numbers)), rankdata(numbers))


@pytest.mark.parametrize("size", [3, 45, 20000])
@pytest.mark.parametrize("digits", [1, 7])
def test_spearman_equals_scipy(size, digits):
    generator = np.random.default_rng(size)
    first = generator.random(size).round(digits).astype(np.float32)
    second = (first + generator.random(size)).round(digits).astype(np.float32)
    assert compare_rdms(first, second) == pytest.approx(spearmanr(first, second)[0], abs=1e-6)
    assert compare_rdms(first, second, "pearson") == pytest.approx(
        pearsonr(first.astype(float), second.astype(float))[0], abs=1e-6
    )


def test_ends_of_the_range():
    rdm = np.array([0.1, 0.5, 0.9, 1.5], dtype=np.float32)
    assert compare_rdms(rdm, rdm**3) == pytest.approx(1)
    assert compare_rdms(rdm, -rdm) == pytest.approx(-1)


def test_undefined_is_nan():
    rdm = np.array([0.1, 0.5, 0.9], dtype=np.float32)
    assert np.isnan(compare_rdms(rdm, np.ones(3, dtype=np.float32)))
    assert np.isnan(compare_rdms(rdm, np.array([0.1, np.nan, 0.3], dtype=np.float32)))


def test_ranks_above_2_to_the_23_keep_their_halves():
    ranks = calc_ranks(torch.cat([torch.arange(2**24 - 1), torch.tensor([2**24 - 2])]))
    assert ranks[-1].item() == 2**24 - 0.5


def test_user_errors():
    with pytest.raises(UserError, match=r"\(3,\) and \(6,\)"):
        compare_rdms(np.zeros(3), np.zeros(6))
    with pytest.raises(UserError, match="spearman, pearson"):
        compare_rdms(np.zeros(3), np.zeros(3), "rho")
