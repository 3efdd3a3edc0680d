"""Patterns: half their squared distances are the dissimilarities of scipy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from tgas_neuro.rdm.distances import calc_patterns
from tgas_neuro.runtime.errors import UserError


def calc_half_squares(patterns):
    return pdist(patterns.double().numpy(), "sqeuclidean") / 2


@pytest.mark.parametrize("method", ["correlation", "cosine"])
@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_half_squared_distances_are_dissimilarities(method, spread, dtype):
    """To 1e-5 of their own size, however small they are."""
    generator = np.random.default_rng(0)
    features = 5 + generator.normal(size=(1, 200)) + spread * generator.normal(size=(60, 200))
    features = features.astype(np.float32)
    expected = pdist(features.astype(np.float64), method)
    patterns = calc_patterns(torch.from_numpy(features), method, dtype)
    assert patterns.dtype == dtype
    np.testing.assert_allclose(calc_half_squares(patterns), expected, rtol=3e-5, atol=0)


def test_euclidean_patterns_keep_their_distances():
    generator = np.random.default_rng(1)
    features = 1e4 + generator.normal(size=(300, 20))
    features[7] = 1e8  # a row far away moves no other
    expected = pdist(features, "sqeuclidean") / 2
    patterns = calc_patterns(torch.from_numpy(features), "euclidean")
    np.testing.assert_allclose(calc_half_squares(patterns), expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.int32, torch.float64])
def test_other_types(dtype):
    features = (100 * torch.randn(30, 50, generator=torch.Generator().manual_seed(2))).to(dtype)
    expected = pdist(features.double().numpy(), "correlation")
    np.testing.assert_allclose(calc_half_squares(calc_patterns(features)), expected, rtol=1e-5)


def test_rows_in_another_order():
    features = torch.randn(400, 10, generator=torch.Generator().manual_seed(3))
    order = torch.randperm(400, generator=torch.Generator().manual_seed(4))
    for method in ("correlation", "euclidean"):
        found = calc_patterns(features, method, torch.float64, order)
        expected = calc_patterns(features, method, torch.float64)[order]
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-12)


def test_rows_without_variance_are_nan_and_move_no_other():
    features = torch.randn(40, 30, generator=torch.Generator().manual_seed(5)) + 100
    features[4] = 100.1
    features[9] = 0.0
    patterns = calc_patterns(features)
    undefined = torch.isnan(patterns).all(dim=1)
    assert undefined.nonzero().flatten().tolist() == [4, 9]
    keep = ~undefined
    expected = pdist(features[keep].double().numpy(), "correlation")
    np.testing.assert_allclose(calc_half_squares(patterns[keep]), expected, rtol=1e-4)
    assert torch.isnan(calc_patterns(features, "cosine")).all(dim=1).nonzero().flatten() == 9


def test_features_are_not_changed():
    features = torch.randn(10, 10)
    before = features.clone()
    calc_patterns(features)
    assert torch.equal(features, before)


def test_unknown_distance():
    with pytest.raises(UserError, match="distance"):
        calc_patterns(torch.randn(3, 3), "manhattan")
