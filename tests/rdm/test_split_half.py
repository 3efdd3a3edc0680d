"""Similarity of the halves' RDMs, ranked in bins, against scipy."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from tgas_neuro.rdm.distances import normalise_patterns
from tgas_neuro.rdm.reliability import bin_pairs, correlate_pairs


def draw_halves(generator, rows, sites, noise=1.0):
    signal = generator.normal(size=(rows, 3)) @ generator.normal(size=(3, sites))
    return [signal + noise * generator.normal(size=(rows, sites)) for _ in range(2)]


def compare(first, second, n_half_0):
    halves = (normalise_patterns(torch.from_numpy(half)) for half in (first, second))
    return correlate_pairs(*(bin_pairs(half, n_half_0) for half in halves))


def compare_with_scipy(first, second, n_half_0):
    squares = [squareform(pdist(half, "correlation")) for half in (first, second)]
    subsets = (slice(None), slice(n_half_0), slice(n_half_0, None))
    return [
        spearmanr(*(squareform(square[subset, subset], checks=False) for square in squares))[0]
        for subset in subsets
    ]


@pytest.mark.parametrize(
    ("rows", "n_half_0"), [(7, 3), (60, 25), (400, 190), (600, 280), (1100, 530)]
)
def test_against_scipy(rows, n_half_0):
    """Below and above the number of pairs that are ranked exactly, in one tile and in several."""
    halves = draw_halves(np.random.default_rng(rows), rows, 20)
    found = compare(*halves, n_half_0)
    np.testing.assert_allclose(found, compare_with_scipy(*halves, n_half_0), atol=1e-6)


def test_all_rows_in_one_half():
    halves = draw_halves(np.random.default_rng(1), 30, 10)
    found = compare(*halves, 0)
    assert found[0] == pytest.approx(compare_with_scipy(*halves, 0)[0], abs=1e-6)
    assert found[2] == pytest.approx(found[0])
    assert np.isnan(found[1])


@pytest.mark.parametrize("kind", ["ties", "clumps", "outliers"])
def test_values_that_bins_of_one_width_do_not_tell_apart(kind):
    generator = np.random.default_rng(2)
    if kind == "ties":  # few sites with few values: the same dissimilarity many times
        first = generator.integers(0, 2, size=(560, 5)) + 0.01 * np.arange(5)
        halves = [first, np.where(generator.random((560, 5)) < 0.2, 1 - first, first)]
    else:
        halves = draw_halves(generator, 560, 30)
    if kind == "clumps":  # all patterns nearly the same, but for two groups
        group = generator.normal(size=(2, 30))[np.arange(560) % 2]
        halves = [half + 300 * group for half in halves]
    if kind == "outliers":  # all alike but for three rows
        shared = 300 * generator.normal(size=30)
        halves = [half + shared * (np.arange(560) > 2)[:, None] for half in halves]
    found = compare(*halves, 270)
    np.testing.assert_allclose(found, compare_with_scipy(*halves, 270), atol=1e-3)


def test_undefined():
    halves = draw_halves(np.random.default_rng(3), 20, 10)
    halves[1][4] = 2.5  # does not vary over sites
    assert np.isnan(compare(*halves, 10)).all()


def test_one_site_has_no_rdm():
    assert np.isnan(compare(*draw_halves(np.random.default_rng(4), 20, 1), 10)).all()


@hypothesis.given(
    rows=st.integers(3, 40), sites=st.integers(3, 12), seed=st.integers(0, 1000), data=st.data()
)
def test_the_order_of_rows_and_halves_does_not_matter(rows, sites, seed, data):
    generator = np.random.default_rng(seed)
    first, second = draw_halves(generator, rows, sites)
    n_half_0 = data.draw(st.integers(0, rows))
    found = compare(first, second, n_half_0)
    np.testing.assert_allclose(compare(second, first, n_half_0), found, atol=1e-9)
    np.testing.assert_allclose(compare(first, first, n_half_0)[0], 1, rtol=1e-6)
    order = generator.permutation(rows)
    whole = compare(first[order], second[order], n_half_0)[0]
    # float32 may exchange pairs that are nearly tied: 6e-6 was the most in 4,000 draws
    assert whole == pytest.approx(found[0], abs=3e-5)
