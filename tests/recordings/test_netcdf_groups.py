"""Groups that are read together are those that are read one by one."""

from types import SimpleNamespace

import netCDF4
import numpy as np
import pytest
import xarray as xr

from tgas_neuro.recordings import assembly, netcdf_groups
from tgas_neuro.runtime.errors import UserError

NAMES = ("brain:V4", "grid_5x1_0:IT")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.nc"
    rng = np.random.default_rng(0)
    for number, name in enumerate(NAMES):
        dataset = xr.Dataset(
            {
                "rdm": ("pair", rng.random(3 + number).astype(np.float32)),
                "images": (("y", "x"), rng.integers(0, 256, (4, 5), dtype=np.uint8)),
                "half": ("row_name", np.array([0, 1], dtype=np.int8)),
            },
            coords={"row_name": ["a", "b"]},
            attrs={"kind": name, "ceiling": 0.5 + number, "n_sites": 3},
        )
        dataset.to_netcdf(path, mode="a" if number else "w", group=name, engine="netcdf4")
    return path


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("drop", [(), ("rdm",)])
def test_they_are_what_is_read_one_by_one(path, monkeypatch, own, drop):
    expected = {name: assembly.load_netcdf(path, name, drop) for name in NAMES}
    assert ("rdm" in expected[NAMES[0]]) == (not drop)
    monkeypatch.setattr(netcdf_groups, "was_compared", lambda path: own)
    found = netcdf_groups.load_netcdf_groups(path, NAMES, drop)
    assert list(found) == list(NAMES)
    for name, dataset in found.items():
        xr.testing.assert_identical(dataset, expected[name])
        assert all(dataset[one].dtype == expected[name][one].dtype for one in dataset.variables)


def test_a_file_that_a_rule_has_written_is_opened_once(path, monkeypatch):
    opened = []

    def open_once(*given):
        opened.append(given)
        return netCDF4.Dataset(*given)

    monkeypatch.setattr(netcdf_groups, "was_compared", lambda path: True)
    monkeypatch.setattr(netcdf_groups, "netCDF4", SimpleNamespace(Dataset=open_once))
    assert list(netcdf_groups.load_netcdf_groups(path, NAMES)) == list(NAMES)
    assert len(opened) == 1


def test_what_is_not_there_is_said_in_one_line(path, monkeypatch):
    monkeypatch.setattr(netcdf_groups, "was_compared", lambda path: True)
    for where, names in ((path, ["absent"]), (path.with_name("b.nc"), NAMES)):
        with pytest.raises(UserError, match=r"not a readable netCDF file .*delete it") as caught:
            netcdf_groups.load_netcdf_groups(where, names)
        assert "\n" not in str(caught.value)
