"""Features that are passed as arrays: rows by their names, axes by theirs, numbers of any type."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from support.scored import make_folder, refer_rdms

from tgas_neuro.api.scores import score
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.arrays import read_arrays

UNITS = 30


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("arrays"))


@pytest.fixture(scope="module")
def teacher(made):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        return load_teacher(data={"IT": "small"}, splits=4, report=len)


@pytest.fixture(scope="module")
def stimuli(teacher):
    return teacher.list_stimuli("IT")


@pytest.fixture(scope="module")
def values(stimuli):
    return np.random.default_rng(0).gamma(2.0, size=(len(stimuli), UNITS))


@pytest.fixture(scope="module")
def rdm(made):
    return refer_rdms(made)["IT"]


def score_one(array, teacher):
    (row,) = score({"one": array}, teacher, exact=True, report=len).list_rows()
    return row["similarity"]


def refer(values, rdm):
    return pytest.approx(spearmanr(pdist(values, "correlation"), rdm)[0], abs=1e-5)


@pytest.mark.parametrize("column", ["stimulus_id", "filename"])
def test_rows_of_labelled_arrays_are_matched_by_their_names(teacher, stimuli, values, rdm, column):
    order = np.random.default_rng(1).permutation(len(values))
    moved, names = values[order], stimuli[column].to_numpy(dtype=str)[order]
    several = pd.MultiIndex.from_arrays([np.arange(len(order)), names], names=["n", "stimulus_id"])
    of_trials = xr.DataArray(moved, {"stimulus_id": ("trial", names)}, ("trial", "unit"))
    labelled = {
        "frame": pd.DataFrame(moved, names),
        "levels": pd.DataFrame(moved, several),
        "dim": xr.DataArray(moved, {"stimulus": names}, ("stimulus", "unit")),
        "last dim": xr.DataArray(moved.T, {"stimulus_id": names}, ("unit", "stimulus_id")),
        "coordinate": of_trials,
        "brainscore": xr.DataArray(moved, {"presentation": several}, ("presentation", "neuroid")),
        "three dims": xr.DataArray(
            moved.reshape(len(order), 5, 6).transpose(1, 2, 0),
            {"stimulus": names},
            ("y", "x", "stimulus"),
        ),
    }
    for name, array in labelled.items():
        assert score_one(array, teacher) == refer(values, rdm), name
    assert score_one(moved, teacher) != refer(values, rdm)  # without names they are in order
    turned = xr.DataArray(values.T, dims=("unit", "stimulus"))
    assert score_one(turned, teacher) == refer(values, rdm)
    together = score(
        {**labelled, "again": pd.DataFrame(values[::-1], stimuli[column][::-1])}, teacher
    )
    assert together.to_frame()["similarity"].tolist() == [refer(values, rdm)] * 8


def test_names_that_do_not_fit_are_refused(teacher, stimuli, values):
    ids, n = stimuli["stimulus_id"].to_numpy(dtype=str), len(stimuli)
    index = pd.RangeIndex(n)
    wrong = {
        f"and 0 of them are among its names, not '{ids[0]}'": pd.DataFrame(values, index[::-1]),
        "several rows have the name of one stim": pd.DataFrame(
            np.r_[values, values[:1]], [*ids, ids[0]]
        ),
        "'one' has stimuli as columns; transpose it": pd.DataFrame(values[:, :n].T, columns=ids),
        "'one' has the column 'stimulus_id', which is": pd.DataFrame(
            {"stimulus_id": index, "a": 1}
        ),
        "'one' has the column 'Unnamed: 0', which is": pd.DataFrame({"Unnamed: 0": index, "a": 1}),
        "'one' has an index of the levels ['a', 'b']; call that of the stimuli 'stimulus_id'": (
            pd.DataFrame(values, pd.MultiIndex.from_product([[0], index], names=["a", "b"]))
        ),
        "'one' has the dims ('image', 'unit'); call that of the stimuli 'stimulus', or": (
            xr.DataArray(values, dims=("image", "unit"))
        ),
        "'one' has the dims ('stimulus', 'presentation'); call": (
            xr.DataArray(values, dims=("stimulus", "presentation"))
        ),
    }
    for said, array in wrong.items():
        with pytest.raises(UserError) as raised:
            score_one(array, teacher)
        assert said in str(raised.value)
    frame = pd.DataFrame(values, ids)
    with pytest.raises(
        UserError, match=r"^features: layer 'b' has no names of rows, but layer 'a'"
    ):
        score({"a": frame, "b": values}, teacher, report=len)
    with pytest.raises(
        UserError, match=r"^features: layer 'b' has rows of other names than layer "
    ):
        score({"a": frame, "b": frame.iloc[1:]}, teacher, report=len)
    with pytest.raises(UserError, match=r"^model: two layers are called '1'; give each another "):
        score({1: values, "1": values}, teacher, report=len)
    with pytest.raises(UserError, match=r"^model: holds no layer; expected layers with arrays"):
        score({}, teacher, report=len)


def test_an_index_of_numbers_where_stimuli_are_called_so():
    stimuli, table = ["2", "0", "1"], pd.DataFrame(np.eye(3))
    with pytest.raises(
        UserError, match=r"has an index 0, 1, 2, ..., and stimuli are called so, in"
    ):
        read_arrays({"a": table}, stimuli)
    table.index.name = "stimulus_id"
    assert read_arrays({"a": table}, stimuli).names == ("0", "1", "2")
    assert read_arrays({"a": pd.DataFrame(np.eye(3))}, ["0", "1", "2"]).names is None
    assert read_arrays({"a": pd.DataFrame(np.eye(3))}, ["a", "b", "c"]).names is None
    unlabelled = xr.DataArray(np.eye(3), dims=("stimulus", "unit"))
    assert read_arrays({"a": unlabelled}, stimuli).names is None


def test_numbers_of_every_type(teacher, values, rdm):
    coarse = np.round(values * 10)
    wanted = refer(coarse, rdm)
    weights = torch.from_numpy(coarse)
    for array in (
        coarse.astype(np.uint8),
        coarse.astype(np.int64),
        coarse.astype(np.float16),
        coarse.astype(">f8"),
        coarse.tolist(),
        np.ma.masked_array(coarse, mask=False),
        weights.clone().requires_grad_(),
        weights.bfloat16(),
        weights.to_sparse(),
        weights.to_sparse_csr(),
        torch.quantize_per_tensor(weights.float(), 1.0, 0, torch.quint8),
        torch.complex(weights, -weights).conj().imag,
        weights.T.contiguous().T,
    ):
        assert score_one(array, teacher) == wanted
    positive = coarse > 20
    assert score_one(positive, teacher) == refer(positive.astype(float), rdm)


def test_what_is_no_feature_is_one_line(teacher, values):
    n = len(values)
    missing = np.where(values == values[3, 2], np.nan, values)
    half = (values * 1e5).astype(np.float16)
    square = np.random.default_rng(2).random((n, n))
    for array, said in {
        "nan": (missing, f"1 of {n * UNITS:,} values are not finite, the first in row 3; leave"),
        "masked": (np.ma.masked_equal(values, values[3, 2]), "1 of "),
        "overflow": (half, "values are not finite"),
        "complex": (values + 1j, f"has shape ({n}, {UNITS}) and type complex128; expected real"),
        "texts": (values.astype(str), "and type <U32; expected real numbers"),
        "objects": (values.astype(object), "and type object; expected real numbers"),
        "one dim": (values[:, 0], f"has shape ({n},) and type float64; expected real numbers"),
        "no units": (values[:, :0], f"has shape ({n}, 0) and type float64; expected real numbers"),
        "uneven": ([[1, 2], [3]], "cannot be read as an array (ValueError: setting an array"),
        "nearly": (squareform(pdist(values)) + 1e-9 * square, "is a symmetric matrix of"),
        "an RDM": (square + square.T, f"is a symmetric matrix of {n} x {n}, as RDMs and simil"),
        "parameters": (torch.nn.UninitializedParameter(), "cannot be read as an array ("),
    }.values():
        with pytest.raises(UserError) as raised:
            score_one(array, teacher)
        assert said in str(raised.value) and "features: layer 'one'" in str(raised.value)
    for model in (values, pd.DataFrame(values), [values], make_folder, None, xr.DataArray(values)):
        with pytest.raises(UserError, match=rf"^model: a {type(model).__name__}; expected a netw"):
            score(model, teacher, report=len)


def test_layers_whose_dissimilarities_are_not_defined(teacher, values):
    zero = values.copy()
    zero[4] = 0
    constant = np.full(values.shape, 0.1, np.float32)
    for array in (values[:, :1], zero, constant, np.full(values.shape, 0.1)):
        assert score_one(array, teacher) is None


@pytest.mark.parametrize("factor", [1e-30, 1e-20, 1e20, 1e30])
def test_a_similarity_does_not_depend_on_the_unit_of_the_features(teacher, values, rdm, factor):
    for kind in (np.float32, np.float64):
        assert score_one((values * factor).astype(kind), teacher) == refer(values, rdm)
