"""Kendall's tau-a against all pairs of values, and against rsatoolbox."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.rdm.comparisons import calc_tau_a

values = st.integers(-4, 4) | st.floats(-1e6, 1e6, width=32)
pairs_of_values = st.lists(st.tuples(values, values), min_size=2, max_size=40)


def calc_by_pairs(first, second):
    """The definition: the sign of every pair of values in both."""
    total, n = 0, len(first)
    for i in range(n):
        for j in range(i):
            total += np.sign(first[i] - first[j]) * np.sign(second[i] - second[j])
    return total / (n * (n - 1) / 2)


@given(pairs_of_values)
def test_equals_all_pairs(pairs):
    first, second = np.array(pairs, dtype=np.float64).T
    assert calc_tau_a(first, second) == calc_by_pairs(first, second)


@pytest.mark.parametrize("digits", [0, 1, 7])
def test_equals_all_pairs_of_many_values(digits):
    generator = np.random.default_rng(digits)
    first = generator.random(1500).round(digits).astype(np.float32)
    second = (first + generator.random(1500)).round(digits).astype(np.float32)
    signs = (np.sign(x[:, None] - x) for x in (first, second))
    expected = np.multiply(*signs).sum(dtype=np.float64) / (1500 * 1499)
    assert calc_tau_a(first, second) == pytest.approx(expected, abs=1e-15)


def test_equals_rsatoolbox():
    """Made with rsatoolbox 0.3.2, first and second as below.

    compare(RDMs(first[None]), RDMs(second[None]), "tau-a").item()
    compare(RDMs(first[None]), RDMs(np.sign(second)[None]), "tau-a").item()
    """
    first = np.cos(np.arange(45.0) ** 2).round(1)
    second = np.sin(np.arange(45.0)).round(1) + first
    assert calc_tau_a(first, second) == pytest.approx(0.4888888888888889, abs=1e-15)
    assert calc_tau_a(first, np.sign(second)) == pytest.approx(0.3303030303030303, abs=1e-15)


def test_pairs_are_counted_beyond_32_bits():
    """300,000 values are 4.5e10 pairs; one exchange turns 2 n - 3 of them round."""
    first = np.arange(300_000.0)
    second = first.copy()
    second[[0, -1]] = second[[-1, 0]]
    n = len(first)
    assert calc_tau_a(first, first) == 1
    assert calc_tau_a(first, -first) == -1
    assert calc_tau_a(first, second) == 1 - 2 * (2 * n - 3) / (n * (n - 1) / 2)


def test_a_model_does_not_gain_by_ties():
    """Why tau-a: of two models that agree with what they order, the finer one wins."""
    measured = np.array([1.0, 2.0, 3.0, 4.0])
    assert calc_tau_a(measured, measured) == 1
    assert calc_tau_a(measured, np.array([1.0, 1.0, 2.0, 2.0])) == pytest.approx(4 / 6)


def test_constant_orders_nothing_and_nan_is_undefined():
    measured = np.array([1.0, 2.0, 3.0])
    assert calc_tau_a(measured, np.ones(3)) == 0
    assert np.isnan(calc_tau_a(measured, np.array([1.0, np.nan, 2.0])))
    assert np.isnan(calc_tau_a(np.ones(1), np.ones(1)))
