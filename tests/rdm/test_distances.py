"""RDMs against scipy's pdist in float64, and what must not change them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tgas_neuro.rdm import calc_rdm
from tgas_neuro.rdm.distances import METHODS, ROWS_PER_BLOCK, normalise_patterns, take_rows
from tgas_neuro.runtime.errors import UserError

seeds = st.integers(0, 2**32 - 1)


def assert_as_exact_as_float32(found, expected):
    """Within 2e-6 of the spread of the dissimilarities."""
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.ptp(expected))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("stimuli", "units", "offset", "scale"),
    [(3, 1000, 0, 1), (50, 7, 0, 1), (200, 3000, 100, 1), (120, 300, 1e4, 1), (40, 50, -3, 1e-2)],
)
def test_equals_pdist(method, stimuli, units, offset, scale):
    features = np.random.default_rng(stimuli).normal(size=(stimuli, units)) * scale + offset
    expected = pdist(features, method)
    if (method, offset) == ("cosine", 1e4):  # 1e-8, to scipy 1 minus nearly 1: rounded to 1e-15
        np.testing.assert_allclose(calc_rdm(features, method), expected, atol=1e-14)
        return
    assert_as_exact_as_float32(calc_rdm(features, method), expected)
    precise = calc_rdm(features, method, precise=True)
    assert precise.dtype == np.float64
    np.testing.assert_allclose(precise, expected, rtol=1e-10, atol=1e-9 * np.ptp(expected))


def test_large_common_offset_of_float32_features():
    features = np.random.default_rng(0).normal(size=(200, 3000)).astype(np.float32) + 100
    expected = pdist(features.astype(np.float64), "correlation")
    assert_as_exact_as_float32(calc_rdm(features), expected)


@pytest.mark.parametrize("method", METHODS)
def test_tiny_variance_keeps_its_order(method):
    """All stimuli look alike, within 1e-4: what remains is still exact, relative to itself."""
    generator = np.random.default_rng(1)
    features = generator.normal(size=3000) + 0.007 * generator.normal(size=(200, 3000))
    features = features.astype(np.float32)
    expected = pdist(features.astype(np.float64), method)
    if method != "euclidean":
        assert 0 < expected.max() < 1e-4
    assert_as_exact_as_float32(calc_rdm(features, method), expected)


def test_euclidean_keeps_small_distances_beside_large_ones():
    """Pairs that lie close together far from the rest: a root of float32 products would not."""
    generator = np.random.default_rng(2)
    features = 1e3 * np.repeat(generator.normal(size=(50, 300)), 2, axis=0)
    features += 1e-1 * generator.normal(size=features.shape)
    expected = pdist(features, "euclidean")
    found = calc_rdm(features, "euclidean")
    assert_as_exact_as_float32(found, expected)
    close = expected < 10
    assert close.sum() == 50
    np.testing.assert_allclose(found[close], expected[close], rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_dynamic_range_of_stimuli_and_units(method):
    generator = np.random.default_rng(3)
    features = generator.lognormal(0, 1, size=(60, 400)) * 10 ** generator.uniform(-4, 4, (60, 1))
    assert_as_exact_as_float32(calc_rdm(features, method), pdist(features, method))
    features = generator.lognormal(0, 1, size=(60, 400)) * 10 ** generator.uniform(-4, 4, 400)
    assert_as_exact_as_float32(calc_rdm(features, method), pdist(features, method))
    extreme = (features * 1e30).astype(np.float32)  # its squares are beyond float32
    expected = pdist(extreme.astype(np.float64), method)
    assert_as_exact_as_float32(calc_rdm(extreme, method), expected)


@pytest.mark.parametrize("method", METHODS)
def test_more_than_a_block(method):
    generator = np.random.default_rng(4)
    shape = (2 * ROWS_PER_BLOCK + 1, 300)
    features = generator.normal(size=shape).astype(np.float32)
    features[0, 0] = features[-1, -1] = 50
    expected = pdist(features.astype(np.float64), method)
    assert_as_exact_as_float32(calc_rdm(features, method), expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.uint8])
def test_types_of_features(method, dtype):
    features = np.random.default_rng(5).integers(0, 100, size=(9, 6)).astype(dtype)
    expected = pdist(features.astype(np.float64), method)
    found = calc_rdm(features, method)
    assert isinstance(found, np.ndarray)
    assert_as_exact_as_float32(found, expected)
    tensor = calc_rdm(torch.from_numpy(features), method)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor, found)
    mirrored = pdist(features[::-1].astype(np.float64), method)  # negative strides
    assert_as_exact_as_float32(calc_rdm(features[::-1, ::-1], method), mirrored)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_a_callers_lower_precision_changes_nothing(precision):
    """TF32 on a GPU; on some CPUs another kernel, with which this test fails without the guard."""
    features = np.random.default_rng(5).normal(size=(300, 400)).astype(np.float32)
    expected = calc_rdm(features)
    torch.set_float32_matmul_precision(precision)
    try:
        np.testing.assert_array_equal(calc_rdm(features), expected)
    finally:
        torch.set_float32_matmul_precision("highest")


def test_gradients_are_not_followed():
    features = torch.rand(4, 3, requires_grad=True)
    assert not calc_rdm(features).requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_two_stimuli(method):
    features = np.array([[1.0, 2.0, 4.0], [2.0, -1.0, 0.5]])
    np.testing.assert_allclose(calc_rdm(features, method), pdist(features, method), rtol=1e-6)


def test_single_unit():
    features = np.array([[1.0], [-2.0], [4.0]])
    assert np.isnan(calc_rdm(features)).all()
    np.testing.assert_allclose(calc_rdm(features, "cosine"), [2, 0, 2], atol=1e-7)
    np.testing.assert_allclose(calc_rdm(features, "euclidean"), [3, 3, 6])


def test_ends_of_the_range():
    pattern = np.array([1.0, 2.0, 4.0])
    rdm = calc_rdm(np.stack([pattern, 3 * pattern + 5, -pattern]))
    np.testing.assert_allclose(rdm, [0, 2, 2], atol=1e-6)
    rdm = calc_rdm(np.stack([pattern, 3 * pattern, -pattern]), "cosine")
    np.testing.assert_allclose(rdm, [0, 2, 2], atol=1e-6)


@pytest.mark.parametrize("precise", [False, True])
def test_constant_pattern_is_undefined_as_in_scipy(precise):
    features = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0], [3.0, 1.0, 2.0]])
    rdm = calc_rdm(features, precise=precise)
    np.testing.assert_array_equal(np.isnan(rdm), [True, False, True])
    np.testing.assert_allclose(rdm[1], pdist(features, "correlation")[1], rtol=1e-6)


def test_zero_pattern_has_no_cosine_as_in_scipy():
    features = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [3.0, 1.0, 2.0]])
    rdm = calc_rdm(features, "cosine")
    np.testing.assert_array_equal(np.isnan(rdm), np.isnan(pdist(features, "cosine")))
    np.testing.assert_array_equal(np.isnan(rdm), [True, False, True])


def test_constant_but_for_rounding_is_undefined():
    features = np.full((3, 100), 0.1, dtype=np.float32)
    features[1:] = np.random.default_rng(0).normal(size=(2, 100))
    features[0, ::2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert np.isnan(calc_rdm(features)[:2]).all()
    features = features.astype(np.float64)
    features[0] = 0.1
    features[0, ::2] = np.nextafter(0.1, 1)
    assert np.isnan(calc_rdm(features)[:2]).all()


def test_float64_features_on_a_very_large_offset_are_defined():
    """Not constant: they vary by 1e-9 of their size, which float64 holds."""
    features = np.random.default_rng(6).integers(0, 9, size=(6, 50)) + 1e10
    expected = pdist(features - 1e10, "correlation")
    np.testing.assert_allclose(calc_rdm(features), expected, atol=1e-5)
    np.testing.assert_allclose(calc_rdm(features.astype(np.int64)), expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pattern_that_is_not_finite_leaves_the_others(method, value):
    features = np.random.default_rng(7).normal(size=(4, 5))
    features[1, 2] = value
    rdm = calc_rdm(features, method)
    np.testing.assert_array_equal(np.isnan(rdm), [True, False, False, True, True, False])
    expected = pdist(features[[0, 2, 3]], method)
    np.testing.assert_allclose(rdm[[1, 2, 5]], expected, rtol=1e-5)


@given(seeds)
@settings(max_examples=30)
def test_correlation_invariances(seed):
    """Scale and shift per stimulus, order of units, order of stimuli."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(generator.integers(2, 20), generator.integers(3, 40)))
    stimuli, units = features.shape
    rdm = calc_rdm(features)
    scale, shift = generator.uniform(0.1, 10, (stimuli, 1)), generator.normal(size=(stimuli, 1))
    np.testing.assert_allclose(calc_rdm(features * scale + shift), rdm, atol=1e-6)
    np.testing.assert_allclose(calc_rdm(features[:, generator.permutation(units)]), rdm, atol=1e-6)
    order = generator.permutation(stimuli)
    expected = pdist(features[order], "correlation")
    np.testing.assert_allclose(calc_rdm(features[order]), expected, atol=1e-6)


@given(seeds)
@settings(max_examples=30)
def test_cosine_invariances(seed):
    """Scale per stimulus, rotation and order of units; but not a shift."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(generator.integers(2, 20), generator.integers(2, 40)))
    stimuli, units = features.shape
    rdm = calc_rdm(features, "cosine")
    scaled = features * generator.uniform(0.1, 10, (stimuli, 1))
    np.testing.assert_allclose(calc_rdm(scaled, "cosine"), rdm, atol=1e-6)
    rotated = features @ draw_rotation(units, generator)
    np.testing.assert_allclose(calc_rdm(rotated, "cosine"), rdm, atol=1e-6)
    assert not np.allclose(calc_rdm(features + 5, "cosine"), rdm, atol=1e-3)


@given(seeds)
@settings(max_examples=30)
def test_euclidean_invariances(seed):
    """A common pattern, rotation; and proportional to a common scale."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(generator.integers(2, 20), generator.integers(1, 40)))
    units = features.shape[1]
    rdm = calc_rdm(features, "euclidean")
    moved = features + 1e3 * generator.normal(size=units)
    np.testing.assert_allclose(calc_rdm(moved, "euclidean"), rdm, rtol=1e-6)
    rotated = features @ draw_rotation(units, generator)
    np.testing.assert_allclose(calc_rdm(rotated, "euclidean"), rdm, rtol=1e-6)
    np.testing.assert_allclose(calc_rdm(1e-3 * features, "euclidean"), 1e-3 * rdm, rtol=1e-6)


def draw_rotation(size, generator):
    return np.linalg.qr(generator.normal(size=(size, size)))[0]


def test_normalise_patterns_equals_float64():
    generator = np.random.default_rng(8)
    features = (generator.normal(size=(5, 2057)) + 300).astype(np.float32)
    features[2] = 7
    patterns = normalise_patterns(torch.from_numpy(features))
    assert patterns.dtype == torch.float32
    centred = features.astype(float) - features.astype(float).mean(axis=1, keepdims=True)
    keep = [0, 1, 3, 4]
    expected = centred[keep] / np.linalg.norm(centred[keep], axis=1, keepdims=True)
    np.testing.assert_allclose(patterns[keep], expected, rtol=1e-6, atol=1e-9)
    assert torch.isnan(patterns[2]).all()


def test_take_rows():
    features = np.random.default_rng(1).normal(size=(9, 5))
    keep = torch.tensor([True, False, True, True, False, False, True, True, False])
    rdm = torch.from_numpy(calc_rdm(features))
    np.testing.assert_allclose(take_rows(rdm, keep), calc_rdm(features[keep]), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 5), (5,), (3, 0), (2, 3, 4)])
def test_wrong_shape(shape):
    with pytest.raises(UserError, match=r"expected \(stimulus, unit\)"):
        calc_rdm(np.zeros(shape))


def test_unknown_method_names_the_choices():
    with pytest.raises(UserError, match="is not one of: correlation, cosine, euclidean"):
        calc_rdm(np.eye(3), method="corelation")
