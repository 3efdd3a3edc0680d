"""Pairs of a published RDM in either triangle's order, and diagonals of NaN."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from tgas_neuro.runtime.errors import UserError

N = 6
SQUARE = squareform(pdist(np.random.default_rng(5).normal(size=(N, 4)), "correlation"))
UPPER = SQUARE[np.triu_indices(N, 1)].astype(np.float32)
LOWER = np.array([SQUARE[row, column] for row in range(N) for column in range(row)])


@pytest.fixture
def read_rdm(read, tmp_path, write_images):
    write_images(tmp_path / "six.zip", [f"{number}.png" for number in range(N)])

    def read_values(values, **rdm):
        options = {"images": {"file": "six.zip"}, "regions": ["IT"], "responses": None}
        return read(values, rdm=rdm, **options).rdms.values[0]

    return read_values


@pytest.mark.parametrize("values, order", [(UPPER, None), (UPPER, "upper"), (LOWER, "lower")])
def test_the_order_of_pairs_is_an_option(read_rdm, values, order):
    given = {} if order is None else {"order": order}
    np.testing.assert_array_equal(read_rdm(values, axes=["pair"], **given), UPPER)


def test_a_diagonal_of_nan_is_no_value(read_rdm):
    values = SQUARE.copy()
    np.fill_diagonal(values, np.nan)
    np.testing.assert_array_equal(read_rdm(values, axes=["row", "column"]), UPPER)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda values: np.fill_diagonal(values[:1], np.nan), "diagonal is not zero (nan)"),
        (lambda values: np.fill_diagonal(values, 1), "diagonal is not zero (1)"),
        (lambda values: values.__setitem__((0, 1), np.nan), "the RDM is not symmetric"),
    ],
)
def test_other_marks_are_refused(read_rdm, change, message):
    values = SQUARE.copy()
    change(values)
    with pytest.raises(UserError) as error:
        read_rdm(values, axes=["row", "column"])
    assert message in str(error.value)


def test_a_square_rdm_has_no_order(read_rdm):
    with pytest.raises(UserError, match=r"options\.rdm\.order: 'lower' is of pairs, but .* square"):
        read_rdm(SQUARE, axes=["row", "column"], order="lower")
