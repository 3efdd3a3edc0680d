"""The count sketch against its matrix, and its error against the formula."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.scoring.projection import LEAST_WIDTH, choose_width, draw_projection


def build_matrix(projection, n_units):
    """(sum, unit): what the projection does to each unit alone."""
    return projection.apply(torch.eye(n_units)).T.double().numpy()


def calc_shared(n_units, n_sums):
    """Probability that two units share a sum, by counting pairs."""
    sizes = [len(group) for group in np.array_split(np.arange(n_units), n_sums)]
    return sum(size * (size - 1) for size in sizes) / (n_units * (n_units - 1))


def draw_many(x, n_sums, count):
    """Projections of the rows of x, (draw, row, sum), float64."""
    generator = np.random.default_rng(1)
    return torch.stack(
        [draw_projection(x.shape[1], n_sums, generator).apply(x) for _ in range(count)]
    ).double()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_unit_is_in_one_sum_and_sums_are_of_equal_size(n_units, n_sums, rows, seed):
    generator = np.random.default_rng(seed)
    projection = draw_projection(n_units, n_sums, generator)
    matrix = build_matrix(projection, n_units)
    assert matrix.shape == (min(n_sums, n_units), n_units)
    np.testing.assert_array_equal(np.abs(matrix).sum(axis=0), 1)
    sizes = np.abs(matrix).sum(axis=1)
    assert sizes.min() >= 1
    assert sizes.max() - sizes.min() <= 1
    x = generator.normal(size=(rows, n_units)).astype(np.float32)
    np.testing.assert_allclose(projection.apply(torch.from_numpy(x)), x @ matrix.T, atol=1e-5)


def test_as_many_sums_as_units_keep_all_distances():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 50)).astype(np.float32))
    for n_sums in (50, 80):
        projected = draw_projection(50, n_sums, np.random.default_rng(1)).apply(x)
        np.testing.assert_allclose(projected @ projected.T, x @ x.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("n_units", "n_sums"), [(60, 12), (60, 40), (97, 10)])
def test_inner_products_are_unbiased_with_the_variance_of_the_formula(n_units, n_sums):
    generator = np.random.default_rng(0)
    x = generator.exponential(size=(2, n_units)) * [[1], [0.3]] + [[0], [0.5]]
    x, y = x.astype(np.float32).astype(float)
    draws = draw_many(torch.from_numpy(np.stack([x, y]).astype(np.float32)), n_sums, 6000)
    products = (draws[:, 0] * draws[:, 1]).sum(dim=1).numpy()
    expected = calc_shared(n_units, n_sums) * (
        x @ x * (y @ y) + (x @ y) ** 2 - 2 * np.sum(x**2 * y**2)
    )
    assert abs(products.mean() - x @ y) < 4 * np.sqrt(expected / 6000)
    assert products.var() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("n_units", "n_sums"), [(400, 20), (400, 200)])
def test_relative_error_of_squared_distances(n_units, n_sums):
    """At most sqrt(2 / k), half as large a variance when two units share a sum."""
    x = np.random.default_rng(2).normal(size=(2, n_units)).astype(np.float32)
    draws = draw_many(torch.from_numpy(x), n_sums, 4000)
    ratio = (draws[:, 0] - draws[:, 1]).square().sum(dim=1).numpy() / np.sum((x[0] - x[1]) ** 2.0)
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() <= np.sqrt(2 / n_sums)
    assert ratio.std() == pytest.approx(np.sqrt(2 * calc_shared(n_units, n_sums)), rel=0.1)


def test_the_docstring_s_probability_of_a_shared_sum():
    assert calc_shared(400, 20) == pytest.approx((400 / 20 - 1) / 399)
    for n_units in range(2, 40):
        for n_sums in range(2, n_units + 1):
            assert calc_shared(n_units, n_sums) < 1 / n_sums


def test_an_undefined_row_stays_undefined():
    x = torch.ones(3, 20)
    x[1] = torch.nan
    projected = draw_projection(20, 6, np.random.default_rng(0)).apply(x)
    np.testing.assert_array_equal(projected.isnan().all(dim=1), [False, True, False])
    assert not projected[[0, 2]].isnan().any()


def test_rows_do_not_depend_on_each_other():
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(70, 90)).astype(np.float32))
    projection = draw_projection(90, 7, np.random.default_rng(4))
    together = projection.apply(x)
    assert torch.equal(together[37:38], projection.apply(x[37:38]))


def test_width_is_large_for_few_rows_and_bounded_in_memory():
    assert choose_width(5760) == LEAST_WIDTH
    assert choose_width(100_000) == LEAST_WIDTH
    assert choose_width(92) > 401_408  # an early layer of 32 x 112 x 112 units is kept whole
    assert all(4 * rows * choose_width(rows) <= 190e6 for rows in (64, 640, 3200, 5760))
