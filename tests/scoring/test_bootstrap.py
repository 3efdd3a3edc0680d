"""Resampled similarities beside plain loops with scipy, and a numerical derivative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.bootstrap import Compared, draw_rows

SCIPY = {"pearson": pearsonr, "spearman": spearmanr}


def simulate(n, seed, n_sites=20):
    """Two models of latent stimuli, responses of sites, and the RDM of these."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 8)) * np.linspace(1, 0.3, 8)
    models = [
        pdist(np.hstack([z, noise * rng.normal(size=(n, 8))]), "correlation") for noise in (0.5, 1)
    ]
    responses = z @ rng.normal(size=(8, n_sites)) + rng.normal(size=(n, n_sites))
    return models, pdist(responses, "correlation"), responses


def repeat(models, region, times, compare):
    """The rows as often as they were drawn; a stimulus is not compared with itself."""
    others, target = [squareform(model) for model in models], squareform(region)
    found = []
    for shown in times.astype(int):
        rows = np.repeat(np.arange(len(shown)), shown)
        i, j = (rows[one] for one in np.triu_indices(len(rows), 1))
        i, j = i[i != j], j[i != j]
        found.append([compare(other[i, j], target[i, j])[0] for other in others])
    return np.array(found)


@given(n=st.integers(6, 30), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_pearson_is_that_of_the_repeated_rows(n, seed):
    models, region, _ = simulate(n, seed)
    times = draw_rows(n, 5, np.random.default_rng(seed))
    found = Compared(models, region, "pearson").resample_rows(times)
    np.testing.assert_allclose(found, repeat(models, region, times, pearsonr), atol=1e-5)


def test_more_rows_than_a_block_has():
    models, region, _ = simulate(300, 4)
    times = draw_rows(300, 3, np.random.default_rng(0))
    found = Compared(models, region, "pearson").resample_rows(times)
    np.testing.assert_allclose(found, repeat(models, region, times, pearsonr), atol=1e-6)


def test_spearman_takes_ranks_again_to_first_order():
    models, region, _ = simulate(120, 1)
    times = draw_rows(120, 60, np.random.default_rng(2))
    compared = Compared(models, region)
    reference = repeat(models, region, times, spearmanr)
    found = compared.resample_rows(times)
    fixed = found - compared._calc_rank_changes(times)
    error, error_fixed = (np.std(one - reference, axis=0) for one in (found, fixed))
    assert (error < 0.05 * reference.std(axis=0)).all()
    assert (error < 0.8 * error_fixed).all()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("comparison", ["spearman", "pearson"])
def test_influences_are_the_derivative(comparison, ties):
    """A row counts a little more; ranks are weighted and taken again."""
    n, step = 30, 1e-4
    models, region, _ = simulate(n, 3)
    if ties:
        models = [np.round(4 * model) for model in models]
    compared = Compared(models, region, comparison)
    i, j = np.triu_indices(n, 1)

    def rank(values, weights):
        _, group = np.unique(values, return_inverse=True)
        total = np.bincount(group, weights)
        return (total.cumsum() - total / 2)[group]

    def correlate(first, second, shown):
        weights = shown[i] * shown[j] / (shown[i] @ shown[j])
        if comparison == "spearman":
            first, second = rank(first, weights), rank(second, weights)
        first, second = first - weights @ first, second - weights @ second
        scale = (weights @ first**2) * (weights @ second**2)
        return weights @ (first * second) / scale**0.5

    rows = squareform(compared.influences[0].numpy()).sum(axis=0) / (n - 1)
    for row in (0, 7, 29):
        more, less = np.ones(n), np.ones(n)
        more[row], less[row] = 1 + step, 1 - step
        slope = [correlate(models[0], region, shown) for shown in (more, less)]
        expected = (slope[0] - slope[1]) / (2 * step)
        # relative to the mean row, whose weight changes nothing
        assert 2 / n * (rows[row] - rows.mean()) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("comparison", ["spearman", "pearson"])
def test_sites_are_those_that_were_drawn(comparison):
    models, region, responses = simulate(40, 5)
    rng = np.random.default_rng(1)
    sites, times = rng.integers(20, size=(4, 20)), draw_rows(40, 4, rng)
    compared = Compared(models, region, comparison)
    over_sites, over_both = compared.resample_sites(responses, "correlation", sites, times)
    for number, drawn in enumerate(sites):
        rdm = pdist(responses[:, drawn], "correlation")
        expected = [SCIPY[comparison](model, rdm)[0] for model in models]
        np.testing.assert_allclose(over_sites[number], expected, atol=1e-4)
        both = repeat(models, rdm, times[number : number + 1], SCIPY[comparison])[0]
        atol = 1e-5 if comparison == "pearson" else 0.05
        np.testing.assert_allclose(over_both[number], both, atol=atol)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_distances_of_sites(distance):
    models, _, responses = simulate(30, 6)
    whole, all_rows = np.arange(20)[None], np.ones((1, 30), dtype=np.float32)
    compared = Compared(models, pdist(responses, distance), "pearson")
    for found in compared.resample_sites(responses, distance, whole, all_rows):
        np.testing.assert_allclose(found[0], compared.calc_similarities(), atol=1e-5)


def test_pairs_add_what_a_design_of_rows_and_pairs_has():
    """Of r = mean of g over pairs, g = row effects + rests of a known deviation."""
    rng = np.random.default_rng(0)
    n = 60
    models, region, _ = simulate(n, 7)
    compared = Compared(models, region, "pearson")
    i, j = np.triu_indices(n, 1)
    effects, rests = rng.normal(size=n), 0.5 * rng.normal(size=(2, len(i)))
    compared.influences = compared.influences.new_tensor(effects[i] + effects[j] + rests)
    found = compared.calc_pair_covariance()
    np.testing.assert_allclose(found, 2 / (n * (n - 1)) * 0.25 * np.eye(2), atol=0.1 * found[0, 0])


def test_each_resample_has_four_different_rows():
    times = draw_rows(4, 500, np.random.default_rng(0))
    assert (times == 1).all()
    times = draw_rows(6, 500, np.random.default_rng(0))
    assert (times.sum(axis=1) == 6).all()
    assert np.count_nonzero(times, axis=1).min() == 4


def test_other_comparisons_are_refused():
    with pytest.raises(UserError, match=r"'kendall'.*spearman, pearson"):
        Compared([np.arange(6.0)], np.arange(6.0), "kendall")
