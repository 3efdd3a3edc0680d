"""The streaming scorer against scipy: Spearman and Pearson, on tame and on awkward layers."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from tgas_neuro.rdm.streaming import products, streaming
from tgas_neuro.rdm.streaming.ranked import load_ranked, rank_rdms
from tgas_neuro.rdm.streaming.streaming import compare_features
from tgas_neuro.runtime.errors import UserError

N = 700  # more than what is sorted; several tiles in each half


def draw_related(features, generator, noise=2.0):
    return features + noise * features.std() * generator.normal(size=features.shape)


def draw_gaussian(generator):
    return generator.normal(size=(N, 80))


def draw_rectified(generator):
    signal = generator.normal(size=(N, 10)) @ generator.normal(size=(10, 120))
    return np.maximum(signal + generator.normal(size=(N, 120)), 0)


def draw_nearly_equal(generator, spread=7e-3):
    return generator.normal(size=(1, 100)) + spread * generator.normal(size=(N, 100))


def draw_clumps(generator):
    """Dissimilarities of two sizes: 1e-8 inside a clump, 1 between them."""
    clumps = np.repeat(generator.normal(size=(4, 100)), N // 4, axis=0)
    return clumps + 1e-4 * generator.normal(size=clumps.shape)


def draw_duplicates(generator):
    return np.repeat(generator.normal(size=(N // 5, 60)), 5, axis=0)


def draw_binary(generator):
    return (generator.random((N, 24)) < 0.5).astype(float)


LAYERS = {
    "gaussian": (draw_gaussian, "correlation"),
    "rectified": (draw_rectified, "correlation"),
    "offset": (lambda generator: 1000 + draw_gaussian(generator), "correlation"),
    "correlations within 1e-4": (draw_nearly_equal, "correlation"),
    "correlations within 1e-6": (lambda g: draw_nearly_equal(g, 7e-4), "correlation"),
    "two clumps of sizes": (draw_clumps, "correlation"),
    "tied duplicates": (draw_duplicates, "correlation"),
    "tied binary": (draw_binary, "correlation"),
    "two units": (lambda generator: generator.normal(size=(N, 2)), "correlation"),
    "heavy tails": (lambda generator: generator.standard_cauchy((N, 60)), "euclidean"),
    "euclidean offset": (lambda generator: 1000 + draw_gaussian(generator), "euclidean"),
    "cosine": (draw_rectified, "cosine"),
    "one unit": (lambda generator: generator.normal(size=(N, 1)), "euclidean"),
}


def calc_expected(features, distance, rdm, half, correlate=spearmanr):
    """By scipy in float64; dissimilarities are rounded so that ties are ties there too."""
    model = squareform(np.round(pdist(features.astype(np.float64), distance), 13), checks=False)
    brain = squareform(rdm.astype(np.float64), checks=False)
    expected = {}
    for subset, keep in (("all", half >= 0), ("half_0", half == 0), ("half_1", half == 1)):
        pairs = np.ix_(keep, keep)
        expected[subset] = correlate(
            squareform(model[pairs], checks=False), squareform(brain[pairs], checks=False)
        )[0]
    return expected


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("exact", [False, True], ids=["binned", "exact"])
def test_spearman_equals_scipy(name, exact):
    generator = np.random.default_rng(3)
    draw, distance = LAYERS[name]
    features = draw(generator).astype(np.float32)
    rdms = {
        region: pdist(draw_related(features.astype(np.float64), generator), distance)
        for region in ("V4", "IT")
    }
    rdms = {region: rdm.astype(np.float32) for region, rdm in rdms.items()}
    half = generator.permutation(len(features)) % 2
    ranked = rank_rdms(rdms, half)
    found = compare_features(torch.from_numpy(features), ranked, distance, exact)
    for region, rdm in rdms.items():
        expected = calc_expected(features, distance, rdm, half)
        for subset, value in expected.items():
            assert found[region][subset] == pytest.approx(value, abs=3e-5), (region, subset)


@pytest.mark.parametrize("distance", ["correlation", "euclidean"])
@pytest.mark.parametrize("exact", [False, True])
def test_pearson_equals_scipy(distance, exact):
    generator = np.random.default_rng(4)
    features = draw_nearly_equal(generator).astype(np.float32)
    rdm = pdist(draw_related(features.astype(np.float64), generator), distance).astype(np.float32)
    half = generator.permutation(N) % 2
    ranked = rank_rdms({"IT": rdm}, half, "pearson")
    found = compare_features(torch.from_numpy(features), ranked, distance, exact)["IT"]
    expected = calc_expected(features, distance, rdm, half, pearsonr)
    assert found == {subset: pytest.approx(value, abs=1e-5) for subset, value in expected.items()}


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(513, 620),
    power=st.floats(0.05, 6.0),
    levels=st.sampled_from([None, 2, 3, 10, 200]),
)
@example(seed=0, n_rows=513, power=0.0625, levels=2)  # all rows are the same: nan, as scipy's
def test_any_shape_of_values(seed, n_rows, power, levels):
    """Dissimilarities of any distribution: one unit, spread by a power, in few or many levels."""
    generator = np.random.default_rng(seed)
    features = generator.random((n_rows, 2)) ** power
    if levels:
        features = np.floor(features * levels)
    features = features.astype(np.float32)
    rdm = pdist(draw_related(features.astype(np.float64), generator), "euclidean")
    half = generator.permutation(n_rows) % 2
    rdm = rdm.astype(np.float32)
    found = compare_features(torch.from_numpy(features), rank_rdms({"IT": rdm}, half), "euclidean")
    expected = calc_expected(features, "euclidean", rdm, half)
    for subset, value in expected.items():
        assert found["IT"][subset] == pytest.approx(value, abs=1e-4, nan_ok=True)


def test_few_rows_are_exact():
    generator = np.random.default_rng(5)
    features = generator.normal(size=(12, 30)).astype(np.float32)
    rdm = pdist(generator.normal(size=(12, 30)), "correlation").astype(np.float32)
    half = np.arange(12) % 2
    found = compare_features(torch.from_numpy(features), rank_rdms({"IT": rdm}, half))["IT"]
    expected = calc_expected(features, "correlation", rdm, half)
    assert found == {subset: pytest.approx(value, abs=1e-12) for subset, value in expected.items()}


def test_two_rows_have_no_correlation():
    rdm = np.array([0.3], dtype=np.float32)
    found = compare_features(torch.randn(2, 9), rank_rdms({"IT": rdm}, np.array([0, 1])))["IT"]
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("n_rows", [40, N])
def test_what_is_not_defined_is_nan(n_rows):
    generator = np.random.default_rng(6)
    features = torch.from_numpy(generator.normal(size=(n_rows, 20)))
    rdm = pdist(generator.normal(size=(n_rows, 5)))
    ranked = rank_rdms({"IT": rdm}, np.arange(n_rows) % 2)
    features[3] = 0.7  # a row that does not vary over units
    assert np.isnan(list(compare_features(features, ranked)["IT"].values())).all()
    orthogonal = torch.eye(n_rows)  # all dissimilarities are the same but for rounding
    assert np.isnan(list(compare_features(orthogonal, ranked)["IT"].values())).all()


@pytest.mark.parametrize("n_rows", [40, N])
def test_a_constant_teacher_is_nan(n_rows):
    rdm = np.full(n_rows * (n_rows - 1) // 2, 0.5, dtype=np.float32)
    ranked = rank_rdms({"IT": rdm}, np.arange(n_rows) % 2)
    found = compare_features(torch.randn(n_rows, 20), ranked)["IT"]
    assert np.isnan(list(found.values())).all()


def test_patterns_are_taken_as_they_are():
    generator = np.random.default_rng(7)
    features = generator.normal(size=(N, 40)).astype(np.float32)
    rdm = pdist(draw_related(features, generator), "sqeuclidean").astype(np.float32)
    ranked = rank_rdms({"IT": rdm}, np.arange(N) % 2)
    found = compare_features(torch.from_numpy(features), ranked, "patterns")["IT"]["all"]
    assert found == pytest.approx(spearmanr(pdist(features, "sqeuclidean"), rdm)[0], abs=1e-5)


def test_the_same_whatever_the_tiles(monkeypatch):
    generator = np.random.default_rng(8)
    features = torch.from_numpy(draw_rectified(generator))
    rdm = pdist(draw_related(features.numpy(), generator), "correlation")
    half = generator.permutation(N) % 2
    found = []
    for block, width in ((512, 4096), (64, 100)):
        monkeypatch.setattr("tgas_neuro.rdm.streaming.tiles.BLOCK", block)
        monkeypatch.setattr("tgas_neuro.rdm.streaming.tiles.WIDTH", width)
        found.append(compare_features(features, rank_rdms({"IT": rdm}, half))["IT"])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_saved_ranks_are_mapped_and_the_same(tmp_path):
    generator = np.random.default_rng(9)
    features = torch.from_numpy(draw_gaussian(generator))
    rdms = {name: pdist(generator.normal(size=(N, 6))) for name in ("V4", "IT")}
    ranked = rank_rdms(rdms, generator.permutation(N) % 2)
    ranked.save(tmp_path / "ranks")
    loaded = load_ranked(tmp_path / "ranks")
    assert isinstance(loaded.regions["V4"].all, np.memmap)
    assert compare_features(features, loaded) == compare_features(features, ranked)
    (tmp_path / "ranks" / "V4_all.npy").write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"V4_all\.npy: not readable"):
        load_ranked(tmp_path / "ranks")


def test_other_rows_are_refused():
    ranked = rank_rdms({"IT": np.arange(15.0)}, np.arange(6) % 2)
    with pytest.raises(UserError, match="5 rows, but the RDMs have 6"):
        compare_features(torch.randn(5, 3), ranked)
    with pytest.raises(UserError, match=r"region IT: RDM of shape \(14,\), but 6 rows have 15"):
        rank_rdms({"IT": np.arange(14.0)}, np.arange(6) % 2)


def test_large_rdms_are_ranked_by_bins(monkeypatch):
    generator = np.random.default_rng(10)
    features = torch.from_numpy(draw_gaussian(generator))
    rdm = pdist(draw_related(features.numpy(), generator), "correlation")
    half = np.arange(N) % 2
    exact = compare_features(features, rank_rdms({"IT": rdm}, half))["IT"]
    monkeypatch.setattr("tgas_neuro.rdm.streaming.ranked.MOST_SORTED", 10)
    assert compare_features(features, rank_rdms({"IT": rdm}, half))["IT"] == pytest.approx(
        exact, abs=1e-6
    )


def test_wide_features_are_sampled_in_bounded_memory(monkeypatch):
    """A smaller sample of dissimilarities beforehand gives the same coefficients."""
    generator = np.random.default_rng(11)
    features = torch.from_numpy(draw_rectified(generator))
    rdm = pdist(draw_related(features.numpy(), generator), "correlation")
    ranked = rank_rdms({"IT": rdm}, np.arange(N) % 2)
    whole = compare_features(features, ranked)["IT"]
    monkeypatch.setattr(products, "SAMPLE_SIZE", 100 * features.shape[1])
    assert compare_features(features, ranked)["IT"] == pytest.approx(whole, abs=1e-6)


def test_bins_come_from_the_first_tile_where_values_are_tame(monkeypatch):
    """No sample in float64 then, which takes as long as all the rest."""
    generator = np.random.default_rng(7)
    rdm, half = pdist(draw_gaussian(generator)), np.arange(N) % 2
    ranked, rectified = rank_rdms({"V4": rdm}, half), draw_rectified(generator)
    expected = calc_expected(rectified, "correlation", rdm, half)

    def refuse(*arguments):
        raise AssertionError("a sample was calculated")

    monkeypatch.setattr(streaming, "choose_bins", refuse)
    found = compare_features(torch.from_numpy(rectified.astype(np.float32)), ranked)
    assert found["V4"] == pytest.approx(expected, abs=2e-6)
    for draw in (draw_clumps, draw_duplicates, draw_binary):  # ties, and what rounding would hide
        with pytest.raises(AssertionError):
            compare_features(torch.from_numpy(draw(generator).astype(np.float32)), ranked)


def test_a_first_tile_that_is_unlike_the_others_does_no_harm():
    """The first half varies little, so that its bins put most of the other pairs into the last."""
    generator = np.random.default_rng(8)
    half = np.arange(N) % 2
    features = draw_gaussian(generator) * np.where(half == 0, 1e-2, 1.0)[:, None]
    features[half == 0] += 1.0
    rdm = pdist(draw_related(features, generator))
    found = compare_features(
        torch.from_numpy(features.astype(np.float32)), rank_rdms({"V4": rdm}, half), "euclidean"
    )
    expected = calc_expected(features, "euclidean", rdm, half)
    assert found["V4"] == pytest.approx(expected, abs=2e-6)


def test_a_callers_lower_precision_changes_nothing(monkeypatch):
    """TF32 on a GPU, and another kernel on some CPUs."""
    generator = np.random.default_rng(6)
    features = torch.from_numpy(draw_rectified(generator).astype(np.float32))
    ranked = rank_rdms({"V4": pdist(draw_gaussian(generator))}, np.arange(N) % 2)
    expected = compare_features(features, ranked)
    monkeypatch.setattr(streaming, "calc_tiles", check_precision(streaming.calc_tiles))
    torch.set_float32_matmul_precision("medium")
    try:
        assert compare_features(features, ranked) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def check_precision(function):
    """The function, which must be called in whole float32."""

    def checked(*arguments):
        assert torch.get_float32_matmul_precision() == "highest"
        return function(*arguments)

    return checked
