"""Values that are netCDF's default fill are responses unless the file declares them as missing."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from tgas_neuro.recordings.readers.convert_source import convert_assembly
from tgas_neuro.recordings.readers.netcdf import open_netcdf_source
from tgas_neuro.recordings.readers.options import NetcdfOptions
from tgas_neuro.runtime.errors import UserError

DTYPES = {"u1": 255, "i1": -127}


def make(dtype):
    values = np.random.default_rng(4).integers(0, 100, (6, 3)).astype(dtype)
    if dtype == "i1":
        values -= 60
    values[2, 1] = DTYPES[dtype]
    return xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", list("abcabc")),
            "repetition": ("presentation", [0, 0, 0, 1, 1, 1]),
            "neuroid_id": ("neuroid", list("xyz")),
            "region": ("neuroid", ["IT"] * 3),
            "animal": ("neuroid", ["m"] * 3),
        },
        attrs={"unit": "Hz", "time_window_ms": [70, 170]},
        name="response",
    )


def write_with_netcdf4(path, assembly, fill):
    assembly.drop_vars("stimulus_id").to_dataset().drop_vars("response").to_netcdf(path)
    with netCDF4.Dataset(path, "a") as file:
        dtype = assembly.dtype.str[1:]
        made = file.createVariable("response", dtype, assembly.dims, fill_value=fill)
        made.set_auto_mask(False)
        made[:] = assembly.values
        made.setncatts({"unit": "Hz", "time_window_ms": [70.0, 170.0]})
        names = file.createVariable("stimulus_id", str, ("presentation",))
        names[:] = assembly["stimulus_id"].values.astype(object)


def write_with_xarray(path, assembly, fill):
    encoding = {"response": {"_FillValue": fill}}
    assembly.to_dataset().to_netcdf(path, engine="netcdf4", encoding=encoding)


WRITERS = [write_with_netcdf4, write_with_xarray]


def read(path, **options):
    with open_netcdf_source(path, "response") as source:
        return convert_assembly(source, NetcdfOptions(**options))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_value_that_is_not_declared_is_a_response(tmp_path, write, dtype):
    assembly = make(dtype)
    write(tmp_path / "a.nc", assembly, None)
    np.testing.assert_array_equal(read(tmp_path / "a.nc").values, assembly.values)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_declared_value_is_missing(tmp_path, write, dtype):
    assembly = make(dtype)
    write(tmp_path / "a.nc", assembly, DTYPES[dtype])
    with pytest.raises(UserError, match=r"neuroid_id 'y' to stimulus_id 'c' is missing \(NaN\)"):
        read(tmp_path / "a.nc")
    kept = read(tmp_path / "a.nc", missing="drop_sites")
    np.testing.assert_array_equal(kept.values, assembly.values[:, [0, 2]])


@pytest.mark.parametrize("region", ["", None, "None", "n/a"])
def test_a_site_without_a_region_makes_no_region(tmp_path, region):
    assembly = make("u1")
    regions = np.array(["IT", region, "V4"], dtype=object)
    assembly = assembly.assign_coords(region=("neuroid", regions))
    assembly.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(UserError, match=r"region of neuroid 1 is .* it is missing; give every"):
        read(tmp_path / "a.nc")
