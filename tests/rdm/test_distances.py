"""RDMs against scipy's pdist in float64, and what must not change them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tgas_neuro.errors import UserError
from tgas_neuro.rdm import calc_rdm
from tgas_neuro.rdm.distances import take_rows


@pytest.mark.parametrize(
    ("stimuli", "units", "offset", "scale"),
    [(2, 2, 0, 1), (3, 1000, 0, 1), (50, 7, 0, 1), (120, 300, 1e4, 1), (40, 50, -3, 1e-6)],
)
def test_equals_pdist(stimuli, units, offset, scale):
    features = np.random.default_rng(stimuli).normal(size=(stimuli, units)) * scale + offset
    expected = pdist(features, "correlation")
    found = calc_rdm(features)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_tensor_in_tensor_out():
    features = torch.rand(6, 4)
    found = calc_rdm(features)
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found, pdist(features.double(), "correlation"), atol=1e-5)


def test_ends_of_the_range():
    pattern = np.array([1.0, 2.0, 4.0])
    rdm = calc_rdm(np.stack([pattern, 3 * pattern + 5, -pattern]))
    np.testing.assert_allclose(rdm, [0, 2, 2], atol=1e-6)


def test_constant_pattern_is_undefined_as_in_scipy():
    features = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0], [3.0, 1.0, 2.0]])
    rdm = calc_rdm(features)
    np.testing.assert_array_equal(np.isnan(rdm), [True, False, True])


def test_constant_but_for_rounding_is_undefined():
    features = np.full((3, 100), 0.1, dtype=np.float32)
    features[1:] = np.random.default_rng(0).normal(size=(2, 100))
    features[0, ::2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert np.isnan(calc_rdm(features)[:2]).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_invariances(seed):
    """Scale and shift per stimulus, order of units, order of stimuli."""
    generator = np.random.default_rng(seed)
    stimuli, units = generator.integers(2, 20), generator.integers(2, 40)
    features = generator.normal(size=(stimuli, units))
    rdm = calc_rdm(features)
    scaled = features * generator.uniform(0.1, 10, (stimuli, 1)) + generator.normal(
        size=(stimuli, 1)
    )
    np.testing.assert_allclose(calc_rdm(scaled), rdm, atol=1e-5)
    np.testing.assert_allclose(calc_rdm(features[:, generator.permutation(units)]), rdm, atol=1e-5)
    order = generator.permutation(stimuli)
    expected = pdist(features[order], "correlation")
    np.testing.assert_allclose(calc_rdm(features[order]), expected, atol=1e-5)


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
    with pytest.raises(UserError, match="'corelation' is not one of: correlation"):
        calc_rdm(np.eye(3), method="corelation")
