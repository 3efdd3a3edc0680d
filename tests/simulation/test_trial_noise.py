import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.simulation.ventral_stream import (
    calc_attainable_reliability,
    calc_rate_scales,
    draw_counts,
)


def draw_modulation(rng, n_stimuli, depths):
    modulation = np.exp(rng.normal(size=(n_stimuli, len(depths))) * depths)
    return modulation / modulation.mean(axis=0)


def calc_reliabilities(rates, repetitions, gain_variance):
    """Reliability of the average over all repetitions: S / (S + N), see `calc_rate_scales`."""
    noise = (rates + gain_variance * rates**2) / repetitions[:, None]
    signal = rates.var(axis=0)
    return signal / (signal + noise.mean(axis=0))


def measure_reliability(means_one, means_other):
    r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(means_one.T, means_other.T, strict=True)])
    return 2 * r / (1 + r)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 1000),
    st.floats(0.1, 1.0),
    st.floats(0.05, 0.97),
    st.floats(0.0, 0.3),
    st.integers(1, 20),
)
def test_rate_scale_gives_the_target_back(seed, depth, share, gain_variance, most):
    rng = np.random.default_rng(seed)
    modulation = draw_modulation(rng, 50, np.full(3, depth))
    shown = rng.integers(1, most + 1, 50)
    target = share * calc_attainable_reliability(modulation, shown, gain_variance)
    scales = calc_rate_scales(modulation, shown, target, gain_variance)
    assert (scales > 0).all()
    np.testing.assert_allclose(
        calc_reliabilities(modulation * scales, shown, gain_variance), target, rtol=1e-9
    )


def test_attainable_reliability_is_the_limit_of_high_rates():
    rng = np.random.default_rng(0)
    modulation, shown = draw_modulation(rng, 100, np.array([0.3, 0.6])), rng.integers(4, 9, 100)
    np.testing.assert_allclose(
        calc_reliabilities(1e9 * modulation, shown, 0.05),
        calc_attainable_reliability(modulation, shown, 0.05),
        rtol=1e-6,
    )


def test_split_halves_of_drawn_counts_have_the_target_reliability():
    rng = np.random.default_rng(0)
    target = np.array([0.2, 0.4, 0.6, 0.8, 0.95])
    modulation = draw_modulation(rng, 4000, np.full(5, 0.6))
    shown = rng.integers(2, 5, 4000) * 2
    rates = modulation * calc_rate_scales(modulation, shown, target, 0.04)
    halves = []
    for _ in range(2):
        presented = np.repeat(np.arange(4000), shown // 2)
        counts = draw_counts(rates[presented], 0.04, rng)
        total = np.zeros_like(rates)
        np.add.at(total, presented, counts)
        halves.append(total / (shown // 2)[:, None])
    np.testing.assert_allclose(measure_reliability(*halves), target, atol=0.035)


def test_counts_follow_poisson_without_gain():
    rates = np.tile([0.5, 3.0, 40.0], (40_000, 1))
    counts = draw_counts(rates, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(counts.mean(axis=0), rates[0], rtol=0.02)
    np.testing.assert_allclose(counts.var(axis=0), rates[0], rtol=0.04)
    correlations = np.corrcoef(counts.T)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 0.02


def test_shared_gain_adds_variance_and_correlates_sites():
    rates, gain_variance = np.tile([2.0, 10.0, 40.0], (60_000, 1)), 0.05
    counts = draw_counts(rates, gain_variance, np.random.default_rng(0))
    expected = np.diag(rates[0]) + gain_variance * np.outer(rates[0], rates[0])
    np.testing.assert_allclose(np.cov(counts.T), expected, rtol=0.06)
    assert counts.mean(axis=0) == pytest.approx(rates[0], rel=0.01)
