"""Published RDMs: written, loaded, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.spatial.distance import pdist

from tgas_neuro.recordings.assembly import REQUIRED_ATTRS
from tgas_neuro.recordings.published_rdms import (
    build_rdm_dataset,
    load_rdms,
    validate_rdms,
    write_rdms,
)
from tgas_neuro.runtime.errors import UserError

IDS = ["a", "b", "c", "d"]
FEATURES = np.random.default_rng(0).normal(size=(2, 4, 6))
RDMS = np.stack([pdist(features, "correlation") for features in FEATURES])


@pytest.fixture
def dataset():
    rdms = xr.DataArray(RDMS, dims=("region", "pair"), coords={"region": ["V4", "IT"]})
    rdms.attrs = {"unit": "1 - r", "n_sites": 5}
    attrs = {attr: "x" for attr in REQUIRED_ATTRS if attr != "unit"}
    return build_rdm_dataset(rdms, IDS, attrs)


def test_what_is_written_is_loaded(dataset, tmp_path):
    write_rdms(tmp_path / "rdm.nc", dataset)
    loaded = load_rdms(tmp_path / "rdm.nc")
    np.testing.assert_array_equal(loaded["rdm"].values, RDMS.astype(np.float32))
    assert loaded["rdm"].dtype == np.float32
    assert list(loaded["region"].values) == ["V4", "IT"]
    assert list(loaded["stimulus_id"].values) == IDS
    assert loaded.attrs["unit"] == "1 - r"
    assert loaded.attrs["n_sites"] == 5
    assert [path.name for path in tmp_path.iterdir()] == ["rdm.nc"]


def set_pairs(values):
    def change(dataset):
        rdm = dataset["rdm"].values.copy()
        rdm[1] = values
        return dataset.assign(rdm=(("region", "pair"), rdm))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.rename(rdm="rdms"), "variable 'rdm' is missing; there are: rdms"),
        (lambda d: d.astype(np.float64), r"rdm is float64 with dims \('region', 'pair'\)"),
        (
            lambda d: d.transpose("pair", "region", "stimulus"),
            r"rdm is float32 with dims \('pair', 'region'\)",
        ),
        (lambda d: d.isel(pair=slice(5)), "the RDM has 5 pairs, 4 stimuli make 6"),
        (lambda d: d.drop_vars("region"), "coordinate 'region' on 'region' is missing"),
        (lambda d: d.drop_vars("stimulus_id"), "coordinate 'stimulus_id' on 'stimulus' is missi"),
        (lambda d: d.assign_coords(region=["IT", "IT"]), "region 'IT' appears more than once"),
        (lambda d: d.assign_coords(region=["IT", ""]), "region is empty; every region needs"),
        (
            lambda d: d.assign_coords(stimulus_id=("stimulus", ["a", "b", "a", "d"])),
            "stimulus_id 'a' appears more than once",
        ),
        (set_pairs([1, np.nan, 1, 2, np.inf, 1]), r"region 'IT': pair 1 is nan \(2 such values\)"),
        (set_pairs(0.5), "region 'IT': all pairs have the same dissimilarity"),
        (
            lambda d: xr.Dataset(
                d.variables, attrs={k: v for k, v in d.attrs.items() if k != "source"}
            ),
            "attribute 'source' is missing; required are dataset",
        ),
    ],
)
def test_a_mistake_is_named(dataset, change, message):
    with pytest.raises(UserError, match=rf"^here: .*{message}"):
        validate_rdms(change(dataset), "here")


def test_rows_must_be_the_stimuli_in_their_order(dataset):
    assert validate_rdms(dataset, "here", pd.DataFrame({"stimulus_id": IDS})) is dataset
    swapped = pd.DataFrame({"stimulus_id": ["a", "c", "b", "d"]})
    with pytest.raises(UserError, match=r"row 1 of the RDM is stimulus 'b', .* table 'c'"):
        validate_rdms(dataset, "here", swapped)
    with pytest.raises(UserError, match=r"row 3 .* table missing; .* they have 4 and 3"):
        validate_rdms(dataset, "here", pd.DataFrame({"stimulus_id": IDS[:3]}))


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_truncated_file_is_named(dataset, tmp_path, keep):
    path = tmp_path / "rdm.nc"
    write_rdms(path, dataset)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(UserError, match=r"rdm.nc: not a readable netCDF file"):
        load_rdms(path)


@pytest.mark.parametrize("mark", [-1.0, -999.0, 9999.0])
def test_numbers_that_mark_missing_pairs_are_refused(mark):
    values = pdist(np.random.default_rng(1).normal(size=(8, 6)), "correlation")[np.newaxis]
    values[0, [3, 11]] = mark
    rdms = xr.DataArray(values, dims=("region", "pair"), coords={"region": ["IT"]})
    attrs = dict.fromkeys(REQUIRED_ATTRS, "x")
    found = build_rdm_dataset(rdms, list("abcdefgh"), attrs)
    with pytest.raises(
        UserError, match=rf"f: RDM of region 'IT': 2 pairs are {mark:g}, all others"
    ):
        validate_rdms(found, "f")
