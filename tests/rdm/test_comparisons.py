"""Comparisons of RDMs against scipy, with ties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform
from scipy.stats import pearsonr, rankdata, spearmanr

from tgas_neuro.rdm import compare_rdms
from tgas_neuro.rdm.comparisons import METHODS, calc_ranks, calc_tau_a
from tgas_neuro.runtime.errors import UserError

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


def test_kendall_is_tau_a():
    first = np.array([0.1, 0.5, 0.5, 1.5], dtype=np.float32)
    second = np.array([0.3, 0.2, 0.4, 0.9], dtype=np.float32)
    # by hand: of 6 pairs 4 are concordant, 1 is discordant, 1 is tied
    assert compare_rdms(first, second, "kendall") == pytest.approx(3 / 6)
    assert compare_rdms(torch.from_numpy(first), second, "kendall") == calc_tau_a(first, second)


def test_ends_of_the_range():
    rdm = np.array([0.1, 0.5, 0.9, 1.5], dtype=np.float32)
    assert compare_rdms(rdm, rdm**3) == pytest.approx(1)
    for method in METHODS:
        assert compare_rdms(rdm, rdm, method) == pytest.approx(1)
        assert compare_rdms(rdm, -rdm, method) == pytest.approx(-1)


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_order_of_stimuli_does_not_matter(method, seed):
    """The same order of stimuli in both RDMs, whatever it is; and which RDM comes first."""
    generator = np.random.default_rng(seed)
    stimuli = generator.integers(3, 15)
    first = generator.random(stimuli * (stimuli - 1) // 2).round(1)
    second = first + generator.random(len(first)).round(1)
    order = generator.permutation(stimuli)
    shuffled = [squareform(squareform(rdm)[order][:, order]) for rdm in (first, second)]
    expected = compare_rdms(first, second, method)
    assert compare_rdms(*shuffled, method) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    swapped = compare_rdms(second, first, method)
    assert swapped == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_monotone_transform_leaves_ranks(method, seed):
    generator = np.random.default_rng(seed)
    first, second = generator.random((2, 45)).round(2)
    expected = compare_rdms(first, second, method)
    assert compare_rdms(np.exp(3 * first), second, method) == pytest.approx(expected, abs=1e-12)
    assert compare_rdms(first, second**3 - 2, method) == pytest.approx(expected, abs=1e-12)
    assert compare_rdms(first, -second, method) == pytest.approx(-expected, abs=1e-12)


def test_undefined_is_nan():
    rdm = np.array([0.1, 0.5, 0.9], dtype=np.float32)
    for method in METHODS:
        with_nan = np.array([0.1, np.nan, 0.3], dtype=np.float32)
        assert np.isnan(compare_rdms(rdm, with_nan, method))
    for method in ("spearman", "pearson"):
        assert np.isnan(compare_rdms(rdm, np.ones(3, dtype=np.float32), method))
    assert compare_rdms(rdm, np.ones(3, dtype=np.float32), "kendall") == 0


def test_ranks_above_2_to_the_23_keep_their_halves():
    ranks = calc_ranks(torch.cat([torch.arange(2**24 - 1), torch.tensor([2**24 - 2])]))
    assert ranks[-1].item() == 2**24 - 0.5


def test_user_errors():
    with pytest.raises(UserError, match=r"\(3,\) and \(6,\)"):
        compare_rdms(np.zeros(3), np.zeros(6))
    with pytest.raises(UserError, match="spearman, pearson, kendall"):
        compare_rdms(np.zeros(3), np.zeros(3), "rho")
