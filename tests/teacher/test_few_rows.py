"""Regions of few rows are noted, with the standard error of similarities that mean nothing."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tgas_neuro.teacher.sized import SizedTeacher, prepare
from tgas_neuro.teacher.teacher import Teacher


@pytest.mark.parametrize("n_rows, error", [(28, "0.05"), (10, "0.15"), (29, None)])
def test_few_rows_are_noted_once_with_their_standard_error(n_rows, error):
    few = xr.Dataset(coords={"row_name": range(n_rows)}, attrs={"comparison": "spearman"})
    notes = []
    small = SizedTeacher(
        prepare(lambda size: Teacher({"V4": few}, {}), None, notes.append), None, 8
    )
    small.at(8), small.at(9)
    said = (
        "Note: few rows: unrelated networks have a similarity of 0 with a standard error of about "
        f"{error} (V4, {n_rows} rows); it is 0.05 with 29 rows"
    )
    assert notes == ([said] if error else [])


@pytest.mark.parametrize("n_rows", [6, 15, 29])
def test_unrelated_rdms_of_few_rows_differ_from_0_by_that_much(n_rows):
    rng = np.random.default_rng(n_rows)
    drawn = rng.normal(size=(300, 2, n_rows, 20))
    found = [spearmanr(*(pdist(one, "correlation") for one in both))[0] for both in drawn]
    assert np.std(found) == pytest.approx((n_rows * (n_rows - 1) / 2 - 1) ** -0.5, rel=0.12)
