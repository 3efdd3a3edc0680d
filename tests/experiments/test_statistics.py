"""Rank correlations, partial ones, regrets and z-scores, in the cells and in every resample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr, zscore

from tgas_neuro.experiments.statistics import TOP, Resamples, compare, estimate, rate

N, NUMBER = 25, 40


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=N)
    size = truth + rng.normal(size=N)
    return truth, size, Resamples(truth, size, NUMBER, seed=0)


def correlate_residuals(x, y, z):
    """Oracle: correlation of what is left of the ranks after a regression on those of z."""
    design = np.column_stack([np.ones(len(z)), rankdata(z)])
    left = [
        ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        for ranks in (rankdata(x), rankdata(y))
    ]
    return np.corrcoef(left)[0, 1]


def test_rows_are_the_cells_and_then_resamples(drawn):
    _, _, resamples = drawn
    assert resamples.cells.shape == (NUMBER + 1, N)
    np.testing.assert_array_equal(resamples.cells[0], np.arange(N))
    assert (resamples.cells[1:] >= 0).all() and (resamples.cells[1:] < N).all()
    assert len(np.unique(resamples.cells[1])) < N  # with replacement


def test_correlations_are_scipys_in_every_row(drawn):
    truth, size, resamples = drawn
    score = np.round(np.random.default_rng(1).normal(size=N), 1)  # with ties
    ranks = resamples.rank(score)
    for row, cells in enumerate(resamples.cells):
        expected = spearmanr(score[cells], truth[cells]).statistic
        assert resamples.correlate(ranks)[row] == pytest.approx(expected, abs=1e-12)
        expected = correlate_residuals(score[cells], truth[cells], size[cells])
        assert resamples.correlate_partially(ranks)[row] == pytest.approx(expected, abs=1e-9)


def test_sums_are_of_z_scores_within_each_row(drawn):
    truth, _, resamples = drawn
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=N), 100 * rng.normal(size=N)
    raw = resamples.correlate(resamples.rank_sum(one, other, False))
    standardised = resamples.correlate(resamples.rank_sum(one, other, True))
    for row, cells in enumerate(resamples.cells):
        expected = spearmanr(one[cells] + other[cells], truth[cells]).statistic
        assert raw[row] == pytest.approx(expected, abs=1e-12)
        summed = zscore(one[cells]) + zscore(other[cells])
        expected = spearmanr(np.round(summed, 9), truth[cells]).statistic
        assert standardised[row] == pytest.approx(expected, abs=0.02)  # ties that rounding makes


def test_regret_is_that_of_the_cells_ranked_first(drawn):
    truth, _, resamples = drawn
    score = np.random.default_rng(3).permutation(N).astype(float)
    regrets = resamples.calc_regret(resamples.rank(score))
    best = np.argsort(-score)[:TOP]
    assert regrets[0] == pytest.approx(truth.max() - truth[best].mean())
    cells = resamples.cells[5]
    best = cells[np.argsort(-score[cells], kind="stable")[:TOP]]
    assert regrets[5] == pytest.approx(truth[cells].max() - truth[best].mean())
    assert resamples.calc_regret(resamples.rank(truth))[0] == pytest.approx(
        truth.max() - np.sort(truth)[-TOP:].mean()
    )


def test_a_score_without_differences_knows_nothing(drawn):
    _, _, resamples = drawn
    measured = resamples.measure(resamples.rank(np.ones(N)))
    assert not measured.r.any() and not measured.partial.any()
    constant = resamples.rank_sum(np.ones(N), np.zeros(N), True)
    assert not constant.any()


def test_size_itself_knows_nothing_beyond_size(drawn):
    _, size, resamples = drawn
    np.testing.assert_allclose(resamples.correlate_partially(resamples.rank(size**3)), 0, atol=1e-9)


def test_estimates_and_differences(drawn):
    truth, size, resamples = drawn
    one, other = (resamples.measure(resamples.rank(score)) for score in (truth, size))
    gain = compare(one, other)
    assert gain["r"]["value"] == pytest.approx(1 - spearmanr(truth, size).statistic)
    low, high = gain["r"]["interval"]
    np.testing.assert_allclose(
        [low, high], np.percentile(one.r[1:] - other.r[1:], [2.5, 97.5]), atol=1e-12
    )
    assert rate(one)["r"]["value"] == pytest.approx(1)
    assert estimate(np.arange(5.0)) == {
        "value": 0.0,
        "interval": pytest.approx([1.075, 3.925]),
    }


def test_intervals_cover_the_truth():
    """Of 200 samples of cells, about 95 % of the intervals hold the correlation of all cells."""
    rng = np.random.default_rng(4)
    covered = 0
    for seed in range(200):
        truth = rng.normal(size=60)
        score = truth + rng.normal(size=60)
        resamples = Resamples(truth, np.zeros(60), 200, seed)
        low, high = estimate(resamples.correlate(resamples.rank(score)))["interval"]
        covered += low <= 0.6901 <= high  # 6 / pi * arcsin(sqrt(0.5) / 2): Spearman's of normals
    assert 0.88 <= covered / 200 <= 0.99


@given(st.integers(10, 30), st.integers(0, 5))
def test_same_seed_same_resamples(n, seed):
    truth = np.arange(float(n))
    one, other = (Resamples(truth, truth, 20, seed) for _ in range(2))
    np.testing.assert_array_equal(one.cells, other.cells)
    more = Resamples(truth, truth, 30, seed)
    np.testing.assert_array_equal(more.cells[:21], one.cells)
