"""A sample of pairs: balance by construction, no bias, and its standard error, beside scipy."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, rankdata, spearmanr

from tgas_neuro.rdm.streaming import sampled
from tgas_neuro.rdm.streaming.ranked import Sample, load_ranked, rank_rdms
from tgas_neuro.rdm.streaming.sampled import calc_weights
from tgas_neuro.rdm.streaming.streaming import compare_features
from tgas_neuro.rdm.streaming.tiles import (
    ACROSS,
    FEWEST_ROWS,
    HALF_0,
    build_sample_tiles,
    cut_blocks,
)
from tgas_neuro.runtime.errors import UserError

N = 120
SUBSETS = ("all", "half_0", "half_1")


def draw(generator, n=N):
    """Features of a layer and the RDM of a region that share categories and a few factors."""
    signal = generator.normal(size=(n, 4)) @ generator.normal(size=(4, 40))
    signal += np.repeat(generator.normal(size=(6, 40)), n // 6, axis=0)
    layer = np.maximum(signal + 2 * generator.normal(size=(n, 40)), 0).astype(np.float32)
    rdm = pdist(signal + 3 * generator.normal(size=(n, 40)), "correlation").astype(np.float32)
    return layer, rdm


def correlate_all(layer, rdm, half, correlate, distance="correlation"):
    """By scipy, of all pairs."""
    model, brain = squareform(pdist(layer.astype(np.float64), distance)), squareform(rdm)
    found = []
    for keep in (half >= 0, half == 0, half == 1):
        pairs = np.ix_(keep, keep)
        found.append(
            correlate(*(squareform(one[pairs], checks=False) for one in (model, brain)))[0]
        )
    return found


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 40_000))
def test_weights_are_balanced(n_half_0, n_half_1, pairs):
    n = n_half_0 + n_half_1
    assume(min(n_half_0, n_half_1) >= FEWEST_ROWS and pairs <= n * (n - 1) // 2)
    try:
        blocks = cut_blocks(n_half_0, n_half_1, pairs)
    except UserError as error:
        assert "need at least" in str(error)
        return
    sizes = np.array(blocks)
    assert sizes.sum(axis=0).tolist() == [n_half_0, n_half_1]
    assert np.ptp(sizes, axis=0).max() <= 1
    weights = calc_weights(torch.tensor(blocks, dtype=torch.float64))
    weight = np.zeros((n, n))
    place, seen = 0, np.zeros(n, dtype=int)
    block_of = np.repeat(np.arange(len(blocks)), sizes.sum(axis=1))
    half = np.concatenate([np.repeat([0, 1], block) for block in blocks])
    for tile in build_sample_tiles(blocks):
        assert tile.start == place
        first, second = tile.list_places().numpy()
        assert (block_of[first] == block_of[second]).all()
        assert ((half[first] != half[second]) == (tile.part == ACROSS)).all()
        assert (weight[first, second] == 0).all()
        weight[first, second] = weights[block_of[first[0]], tile.part]
        seen += np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
        place += tile.n_pairs
    assert (seen == sizes.sum(axis=1)[block_of] - 1).all()  # every pair inside of blocks, once
    weight += weight.T
    for part, n_half in ((0, n_half_0), (1, n_half_1)):
        inside = weight[np.ix_(half == part, half == part)]
        assert inside.sum(axis=1) == pytest.approx(np.full(n_half, n_half - 1))
    across = weight[np.ix_(half == 0, half == 1)]
    assert across.sum() == pytest.approx(n_half_0 * n_half_1)
    # blocks differ by one row of a half
    slack = 1 / sizes.min() if np.ptp(sizes, axis=0).any() else 1e-9
    assert across.sum(axis=1) == pytest.approx(np.full(n_half_0, n_half_1), rel=slack)
    assert across.sum(axis=0) == pytest.approx(np.full(n_half_1, n_half_0), rel=slack)


@pytest.mark.parametrize("n", [640, 22_248])
@pytest.mark.parametrize("share", [0.03, 0.05, 0.09])
def test_about_so_many_pairs(n, share):
    pairs = int(share * n * (n - 1) / 2)
    found = sum(tile.n_pairs for tile in build_sample_tiles(cut_blocks(n // 2, n // 2, pairs)))
    assert found == pytest.approx(pairs, rel=0.06)


def test_too_many_and_too_few_pairs():
    with pytest.raises(UserError, match="pairs: 4951, but 100 stimuli have 4950 pairs; lower it"):
        cut_blocks(50, 50, 4951)
    with pytest.raises(UserError, match="pairs: 100, but 100 stimuli need at least 784, so that"):
        cut_blocks(50, 50, 100)
    assert len(cut_blocks(50, 50, 784)) == 6
    assert cut_blocks(50, 50, 4950) == [(50, 50)]


@pytest.mark.parametrize("comparison", ["spearman", "pearson"])
def test_all_pairs_as_a_sample_are_exact(comparison):
    """One block: scipy's coefficients, and nothing varies over samples."""
    generator = np.random.default_rng(0)
    layer, rdm = draw(generator)
    half = generator.permutation(N) % 3 == 0
    sample = Sample(N * (N - 1) // 2, 0)
    ranked = rank_rdms({"IT": rdm}, half.astype(int), comparison, sample)
    found = compare_features(torch.from_numpy(layer), ranked)["IT"]
    correlate = {"spearman": spearmanr, "pearson": pearsonr}[comparison]
    expected = correlate_all(layer, rdm, half.astype(int), correlate)
    assert [found[subset] for subset in SUBSETS] == pytest.approx(expected, abs=5e-5)
    assert [found[f"{subset}_standard_error"] for subset in SUBSETS] == [0, 0, 0]


@pytest.mark.parametrize(
    ("comparison", "distance", "share"),
    [
        ("spearman", "correlation", 0.5),
        ("spearman", "euclidean", 0.3),
        ("pearson", "euclidean", 0.5),
    ],
)
def test_no_bias_and_the_standard_error_over_seeds(comparison, distance, share):
    """120 samples: their mean is that of all pairs, and their spread the standard error."""
    generator = np.random.default_rng(1)
    layer, rdm = draw(generator)
    half = (generator.random(N) < share).astype(int)
    correlate = {"spearman": spearmanr, "pearson": pearsonr}[comparison]
    expected = correlate_all(layer, rdm, half, correlate, distance)
    features = torch.from_numpy(layer)
    found = [
        compare_features(
            features, rank_rdms({"IT": rdm}, half, comparison, Sample(1800, seed)), distance
        )["IT"]
        for seed in range(120)
    ]
    for subset, truth in zip(SUBSETS, expected, strict=True):
        values = np.array([one[subset] for one in found])
        errors = np.array([one[f"{subset}_standard_error"] for one in found])
        spread = values.std(ddof=1)
        # a coefficient of few pairs lies a little lower: order 1 / pairs
        assert abs(values.mean() - truth) < 3.5 * spread / 120**0.5 + 0.1 * spread
        assert np.sqrt((errors**2).mean()) == pytest.approx(spread, rel=0.25)
        assert (abs(values - truth) < 2 * errors).mean() > 0.9


def test_ties_are_in_the_standard_error():
    """Two levels of dissimilarity, whose shares differ between samples."""
    generator = np.random.default_rng(2)
    layer = np.repeat(np.eye(3), [70, 30, 20], axis=0) @ generator.normal(size=(3, 8))
    rdm = pdist(layer + generator.normal(size=layer.shape)).astype(np.float32)
    features, half = torch.from_numpy(layer), np.arange(N) % 2
    found = [
        compare_features(features, rank_rdms({"IT": rdm}, half, sample=Sample(1200, seed)))["IT"]
        for seed in range(120)
    ]
    values = np.array([one["all"] for one in found])
    errors = np.array([one["all_standard_error"] for one in found])
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(ddof=1), rel=0.25)
    (expected, *_) = correlate_all(np.round(layer, 9), rdm, half, spearmanr)
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / 120**0.5)


def test_a_few_blocks_tell_the_standard_error(monkeypatch):
    generator = np.random.default_rng(8)
    layer, rdm = draw(generator, 960)
    ranked = rank_rdms({"IT": rdm}, np.arange(960) % 2, sample=Sample(14_000, 0))
    every = compare_features(torch.from_numpy(layer), ranked)["IT"]
    monkeypatch.setattr(sampled, "PAIRS_OF_ERROR", 5000)
    few = compare_features(torch.from_numpy(layer), ranked)["IT"]
    for subset in SUBSETS:
        assert few[subset] == every[subset]
        error, expected = (one[f"{subset}_standard_error"] for one in (few, every))
        assert error != expected
        assert error == pytest.approx(expected, rel=0.1)


def test_a_seed_is_a_sample_and_files_say_which(tmp_path):
    generator = np.random.default_rng(4)
    layer, rdm = draw(generator)
    half = generator.permutation(N) % 2
    features = torch.from_numpy(layer)
    rdms = {"V4": rdm, "IT": rdm[::-1].copy()}
    ranked = rank_rdms(rdms, half, sample=Sample(1000, 5))
    found = compare_features(features, ranked)
    assert found == compare_features(features, rank_rdms(rdms, half, sample=Sample(1000, 5)))
    assert found != compare_features(features, rank_rdms(rdms, half, sample=Sample(1000, 6)))
    ranked.save(tmp_path)
    loaded = load_ranked(tmp_path)
    assert loaded.sample == Sample(1000, 5)
    assert compare_features(features, loaded) == found
    n_pairs = sum(tile.n_pairs for tile in ranked.tiles)
    within = sum(tile.n_pairs for tile in ranked.tiles if tile.part != ACROSS)
    assert (len(loaded.regions["IT"].all), len(loaded.regions["IT"].within)) == (n_pairs, within)


def test_ranks_are_those_among_all_pairs():
    generator = np.random.default_rng(5)
    _, rdm = draw(generator)
    half = (generator.random(N) < 0.4).astype(int)
    ranked = rank_rdms({"IT": rdm}, half, sample=Sample(1500, 1))
    among_all = squareform(rankdata(rdm))
    inside = np.flatnonzero(half == 0)
    of_half = squareform(squareform(rdm)[np.ix_(inside, inside)], checks=False)
    among_half = np.zeros((N, N))
    among_half[np.ix_(inside, inside)] = squareform(rankdata(of_half))
    for tile in ranked.tiles:
        first, second = ranked.order[tile.list_places().numpy()]
        found = ranked.regions["IT"].all[tile.start : tile.start + tile.n_pairs]
        assert found.tolist() == among_all[first, second].tolist()
        if tile.part == HALF_0:
            found = ranked.regions["IT"].within[tile.start : tile.start + tile.n_pairs]
            assert found.tolist() == among_half[first, second].tolist()


def test_the_same_whatever_is_made_at_once(monkeypatch):
    generator = np.random.default_rng(6)
    layer, rdm = draw(generator)
    features, half = torch.from_numpy(layer), np.arange(N) % 2
    ranked = rank_rdms({"IT": rdm}, half, sample=Sample(1500, 1))
    whole = compare_features(features, ranked)["IT"]
    monkeypatch.setattr(sampled, "VALUES_OF_PATTERNS", 1)
    assert compare_features(features, ranked)["IT"] == pytest.approx(whole, abs=1e-6)


def test_what_is_not_defined_is_nan():
    generator = np.random.default_rng(7)
    layer, rdm = draw(generator)
    half = np.arange(N) % 2
    ranked = rank_rdms({"IT": rdm}, half, sample=Sample(1500, 1))
    layer[3] = 0.7
    assert np.isnan(list(compare_features(torch.from_numpy(layer), ranked)["IT"].values())).all()
    same = compare_features(torch.eye(N), ranked)["IT"]  # all alike but for rounding
    assert np.isnan(list(same.values())).all()
    constant = rank_rdms({"IT": np.full_like(rdm, 0.5)}, half, "pearson", Sample(1500, 1))
    found = compare_features(torch.from_numpy(draw(generator)[0]), constant)["IT"]
    assert np.isnan(list(found.values())).all()
