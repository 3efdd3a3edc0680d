"""The rows of an RDM that a page shows."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist, squareform

from tgas_neuro.teacher.shown_rows import choose_shown, take_pairs


def build(categories):
    return xr.Dataset({"category_name": ("row_name", np.array(categories))})


def test_all_rows_sorted_by_category_in_their_order():
    assert choose_shown(build(["b", "a", "b", "a"])).tolist() == [1, 3, 0, 2]
    assert choose_shown(build(["", "", ""])).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n", "most", "shown"), [(10, 10, 10), (11, 10, 6), (25, 10, 9)])
def test_every_so_many_rows_of_more(n, most, shown):
    rows = choose_shown(build(["a"] * n), most)
    assert len(rows) == shown <= most
    assert len(set(np.diff(rows))) == 1


def test_pairs_are_those_of_the_square():
    rng = np.random.default_rng(0)
    rdm = pdist(rng.normal(size=(9, 4)))
    rows = np.array([7, 2, 0, 5])
    expected = squareform(squareform(rdm)[np.ix_(rows, rows)], checks=False)
    np.testing.assert_array_equal(take_pairs(rdm, 9, rows), expected)
