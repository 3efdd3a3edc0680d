"""What nobody wrote to a netCDF4 file is missing, and other files are not read."""

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from tgas_neuro.inspection.check import check_target
from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.readers.convert_source import convert_assembly
from tgas_neuro.recordings.readers.netcdf import open_netcdf_source
from tgas_neuro.recordings.readers.options import NetcdfOptions
from tgas_neuro.runtime.errors import UserError

FILLS = {"netCDF's own": None, "NaN": np.nan, "-999": -999.0, "0": 0.0}


def write(path, assembly, rows, fill=None, dtype="f4", skip=()):
    """Write the responses of these presentations; labels in `skip` are declared, not written."""
    with netCDF4.Dataset(path, "w") as file:
        for dim, size in assembly.sizes.items():
            file.createDimension(dim, size)
        for name, coord in assembly.coords.items():
            kind = str if coord.dtype.kind == "U" else "i4"
            made = file.createVariable(name, kind, coord.dims)
            if name not in skip:
                made[:] = coord.values.astype(object if kind is str else int)
        file.createVariable("crs", "i4", ())  # a scalar without value, as other programs write it
        made = file.createVariable(
            "response", dtype, assembly.dims, fill_value=fill, chunksizes=(1, 4)
        )
        made.set_auto_mask(False)
        for row in rows:
            made[row] = assembly.values[row]
        attrs = {"unit": "Hz", "time_window_ms": [70.0, 170.0]}
        made.setncatts(attrs | {"coordinates": " ".join(assembly.coords)})


def read(path, **options):
    with open_netcdf_source(path, "response") as source:
        return convert_assembly(source, NetcdfOptions(**options)), source


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
@pytest.mark.parametrize("fill", FILLS)
def test_presentations_that_were_never_written_are_absent(source, fill, dtype):
    if (fill, dtype) == ("NaN", "i2"):
        return
    path, rows = source.folder / "a.nc", [0, 1, 2, 4, 5, 7, 8, 9, 10, 11]
    write(path, source.assembly, rows, FILLS[fill], dtype)
    found, opened = read(path)
    np.testing.assert_array_equal(found.values, source.assembly.values[rows])
    np.testing.assert_array_equal(found["stimulus_id"], source.assembly["stimulus_id"][rows])
    counted = "8 of 48 values were never written to the file"
    assert opened.notes == (f"{path}: response: {counted} and are read as missing",)


@pytest.mark.parametrize("reader", ["netcdf", "brainio"])
def test_the_reader_notes_it(source, reader):
    write(source.folder / "a.nc", source.assembly, range(1, 12))
    assembly, _, _ = source.ingest(reader)
    np.testing.assert_array_equal(assembly.values, source.assembly.values[1:])
    assert "4 of 48 values were never written" in assembly.attrs["notes"]


def test_a_part_of_a_presentation_follows_the_option_missing(source):
    path = source.folder / "a.nc"
    write(path, source.assembly, range(12))
    with h5py.File(path, "r+") as file:
        values = file["response"][()]
        attrs = {key: file["response"].attrs[key] for key in ("unit", "time_window_ms")}
        scales = [file[name] for name in ("presentation", "neuroid")]
        del file["response"]
        made = file.create_dataset("response", values.shape, "f4", chunks=(6, 2))
        made[:, :2] = values[:, :2]
        made[6:] = values[6:]
        made.attrs.update(attrs)
        for axis, scale in enumerate(scales):
            made.dims[axis].attach_scale(scale)
    with pytest.raises(UserError, match="12 of 48 values were never written to the file: response"):
        read(path)
    found, _ = read(path, missing="drop_sites")
    np.testing.assert_array_equal(found.values, source.assembly.values[:, :2])


def test_an_unlimited_dimension_counts_as_far_as_it_was_written(source):
    path = source.folder / "a.nc"
    write(path, source.assembly, range(12))
    with netCDF4.Dataset(path, "a") as file:
        file.createDimension("more", None)
        for name, length in (("long", 4), ("short", 2)):
            file.createVariable(name, "f4", ("more",))[:length] = 1
    loaded = load_netcdf(path)
    np.testing.assert_array_equal(loaded["short"], [1, 1, np.nan, np.nan])
    assert loaded.attrs["notes"] == f"{path}: short: 2 of 4 values were never written to the file"


def test_labels_that_were_never_written(source):
    path = source.folder / "a.nc"
    write(path, source.assembly, range(12), skip=("repetition",))
    found, opened = read(path)
    np.testing.assert_array_equal(found.values, source.assembly.values)
    assert opened.notes == (f"{path}: repetition was never written and is left out",)
    write(path, source.assembly, range(12), skip=("region",))
    with pytest.raises(UserError, match="'region' on 'neuroid' is missing"):
        read(path)
    write(path, source.assembly, range(12), skip=("repetition",))
    with h5py.File(path, "r+") as file:
        scale = file["presentation"]
        del file["repetition"]
        made = file.create_dataset("repetition", (12,), "i4", chunks=(6,))
        made[:6] = 1
        made.dims[0].attach_scale(scale)
    with pytest.raises(UserError, match="repetition: 6 of 12 values were never written"):
        read(path)


def test_check_counts_what_an_assembly_lacks(source):
    path = source.folder / "a.nc"
    write(path, source.assembly, range(1, 12))
    lines = []
    assert check_target(str(path), 5, None, lines.append) == 1
    said = "\n".join(lines)
    assert "Note:  " in said and "response: 4 of 48 values were never written to the file" in said
    assert "is nan (4 such values)" in said


def test_a_response_in_another_file_is_refused(source):
    path, other = source.folder / "a.nc", source.folder / "other.h5"
    write(path, source.assembly, range(12))
    with h5py.File(path, "r+") as file, h5py.File(other, "w") as beside:
        file.copy("response", beside)
        del file["response"]
        file["response"] = h5py.ExternalLink("other.h5", "response")
    line = r"a\.nc: /response is an external link that points to 'other\.h5', which is not one of"
    with pytest.raises(UserError, match=line):
        source.ingest("netcdf")
    with pytest.raises(UserError, match=line):
        load_netcdf(path)


def test_whole_files_are_as_before(source):
    written = source.write()["a.nc"]
    with open_netcdf_source(written, "response") as opened:
        assert (opened.where, opened.notes) == (str(written), ())
    xr.testing.assert_identical(load_netcdf(written), xr.load_dataset(written, engine="netcdf4"))
