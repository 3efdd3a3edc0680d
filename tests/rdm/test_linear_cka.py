"""Debiased linear CKA against the paper's formula with whole kernels, and its known ends."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.rdm import calc_linear_cka
from tgas_neuro.rdm.linear_cka import ROWS_PER_BLOCK, UNITS_PER_CHUNK
from tgas_neuro.runtime.errors import UserError


def calc_hsic_by_definition(first, second):
    """Song et al. (2012), equation 5, of two kernels."""
    n = len(first)
    k, ell = first - np.diag(np.diag(first)), second - np.diag(np.diag(second))
    ones = np.ones(n)
    both = (ones @ k @ ones) * (ones @ ell @ ones) / ((n - 1) * (n - 2))
    return (np.trace(k @ ell) + both - 2 / (n - 2) * (ones @ k @ ell @ ones)) / (n * (n - 3))


def calc_by_definition(x, y):
    k, ell = x @ x.T, y @ y.T
    own = calc_hsic_by_definition(k, k) * calc_hsic_by_definition(ell, ell)
    return calc_hsic_by_definition(k, ell) / np.sqrt(own)


def calc_biased(x, y):
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    own = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return np.linalg.norm(x.T @ y) ** 2 / own


def draw_related(generator, stimuli, units1, units2):
    x, y = generator.normal(size=(stimuli, units1)), generator.normal(size=(stimuli, units2))
    shared = min(units1, units2)
    y[:, :shared] += x[:, :shared]
    return x, y


@pytest.mark.parametrize(
    ("stimuli", "units1", "units2"),
    [
        (4, 3, 5),
        (4, 1, 1),
        (50, 10, 20),  # both narrower than stimuli
        (50, 10, 200),  # one of them
        (50, 300, 20),
        (50, 100, 200),  # none
        (8, 5000, 3000),
        (ROWS_PER_BLOCK + 5, ROWS_PER_BLOCK + 5, 40),
        (ROWS_PER_BLOCK + 5, UNITS_PER_CHUNK + 1, ROWS_PER_BLOCK + 9),
    ],
)
def test_equals_definition(stimuli, units1, units2):
    generator = np.random.default_rng(stimuli + units1)
    x, y = draw_related(generator, stimuli, units1, units2)
    expected = calc_by_definition(x, y)
    assert calc_linear_cka(x, y) == pytest.approx(expected, abs=1e-6)
    assert calc_linear_cka(x, y, precise=True) == pytest.approx(expected, abs=1e-10)
    single = calc_linear_cka(torch.from_numpy(x).to(torch.float32), torch.from_numpy(y))
    assert single == pytest.approx(expected, abs=1e-6)


def test_negative_values_are_kept():
    """Four points on a line in another order: a kernel of the opposite sign."""
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    y = np.array([[0.0], [2.0], [3.0], [1.0]])
    expected = calc_by_definition(x, y)
    assert expected == pytest.approx(-0.5)
    assert calc_linear_cka(x, y) == pytest.approx(expected, abs=1e-6)


def test_unrelated_sets_have_none_where_the_biased_one_is_near_one():
    generator = np.random.default_rng(0)
    values, biased = [], []
    for _ in range(200):
        x, y = generator.normal(size=(10, 2000)), generator.normal(size=(10, 1500))
        values.append(calc_linear_cka(x, y))
        biased.append(calc_biased(x, y))
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)
    assert np.std(values) < 0.3
    assert np.min(biased) > 0.98


def test_width_does_not_matter():
    """More units that code the same with noise of their own: the same similarity."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(200, 5))
    narrow, wide = (
        np.mean(
            [
                calc_linear_cka(
                    x, x @ generator.normal(size=(5, n)) + generator.normal(size=(200, n))
                )
                for _ in range(10)
            ]
        )
        for n in (2000, 8000)
    )
    assert narrow == pytest.approx(wide, abs=0.01)
    assert narrow > 0.97


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_invariances(seed):
    """Rotation, scale and common shift of either set, order of stimuli, and which comes first."""
    generator = np.random.default_rng(seed)
    x, y = draw_related(generator, *generator.integers([4, 1, 1], [20, 30, 30]))
    expected = calc_linear_cka(x, y)
    rotation = np.linalg.qr(generator.normal(size=(x.shape[1],) * 2))[0]
    scale = 10 ** generator.uniform(-3, 3)
    moved = scale * (x @ rotation + generator.normal(size=x.shape[1]))
    assert calc_linear_cka(moved, y) == pytest.approx(expected, abs=1e-5)
    assert calc_linear_cka(moved, x) == pytest.approx(1, abs=1e-5)
    order = generator.permutation(len(x))
    assert calc_linear_cka(x[order], y[order]) == pytest.approx(expected, abs=1e-5)
    assert calc_linear_cka(y, x) == pytest.approx(expected, abs=1e-5)
    assert -1 <= expected <= 1


def test_large_offsets_and_sizes():
    x, y = draw_related(np.random.default_rng(2), 30, 40, 10)
    expected = calc_by_definition(x, y)
    assert calc_linear_cka(x + 1e5, y) == pytest.approx(expected, abs=1e-6)
    assert calc_linear_cka((1e30 * x).astype(np.float32), y) == pytest.approx(expected, abs=1e-6)
    assert calc_linear_cka(1e-200 * x, 1e150 * y) == pytest.approx(expected, abs=1e-6)
    whole = np.round(10 * x).astype(np.int16)
    found = calc_linear_cka(whole, y)
    assert found == pytest.approx(calc_by_definition(whole.astype(float), y), abs=1e-6)


def test_constant_units_count_for_nothing():
    x, y = draw_related(np.random.default_rng(3), 12, 6, 4)
    widened = np.concatenate([np.full((12, 3), 1e6 + 0.1), x], axis=1)
    assert calc_linear_cka(widened, y) == pytest.approx(calc_linear_cka(x, y), abs=1e-6)


@pytest.mark.parametrize("precise", [False, True])
def test_undefined_is_nan(precise):
    generator = np.random.default_rng(4)
    y = generator.normal(size=(6, 9))
    constant = np.full((6, 3), 0.1)
    assert np.isnan(calc_linear_cka(constant, y, precise))
    assert np.isnan(calc_linear_cka(y, constant, precise))
    assert np.isnan(calc_linear_cka(np.eye(6), y, precise))  # all equally far apart
    for value in (np.nan, np.inf):
        broken = y.copy()
        broken[2, 3] = value
        assert np.isnan(calc_linear_cka(broken, y, precise))


def test_user_errors():
    with pytest.raises(UserError, match="3 stimuli; debiased linear CKA needs at least four"):
        calc_linear_cka(np.eye(3), np.eye(3))
    with pytest.raises(UserError, match="differ in stimuli: 5 and 6"):
        calc_linear_cka(np.eye(5), np.eye(6))
    with pytest.raises(UserError, match=r"shape \(5,\); expected \(stimulus, unit\)"):
        calc_linear_cka(np.zeros(5), np.eye(5))
