"""An xarray that cannot read netCDF is named; the file is not called truncated."""

import numpy as np
import pytest
import xarray as xr
from xarray.backends import plugins

from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.formats.netcdf_engine import check_netcdf_engine
from tgas_neuro.recordings.netcdf_groups import load_netcdf_groups
from tgas_neuro.recordings.readers.netcdf import open_netcdf_source
from tgas_neuro.runtime.errors import MachineError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.nc"
    xr.Dataset({"rdm": ("pair", np.arange(3.0))}).to_netcdf(path, engine="netcdf4")
    return path


@pytest.fixture(params=["fails", "finds none"])
def without_engine(request, monkeypatch):
    """As xarray 2022.3 on Python 3.12, and as an xarray that finds other engines only."""

    def list_engines():
        if request.param == "fails":
            raise AttributeError("'EntryPoints' object has no attribute 'get'")
        return {"store": None}

    monkeypatch.setattr(plugins, "list_engines", list_engines)
    check_netcdf_engine.cache_clear()
    yield
    check_netcdf_engine.cache_clear()


def open_source(path):
    with open_netcdf_source(path):
        pass


@pytest.mark.parametrize(
    "read", [load_netcdf, lambda path: load_netcdf_groups(path, ["V4"]), open_source]
)
def test_xarray_is_to_blame(path, without_engine, read):
    found = r"^xarray \S+ cannot read netCDF files on Python 3\.\S+: .* install xarray 2022.6"
    with pytest.raises(MachineError, match=found):
        read(path)


def test_where_it_is_found_the_file_is_read(path):
    check_netcdf_engine()
    assert load_netcdf(path)["rdm"].values.tolist() == [0, 1, 2]
