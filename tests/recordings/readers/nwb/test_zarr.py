"""NWB in Zarr: a folder that hdmf-zarr writes is read as the file in HDF5 is."""

import sys

import numpy as np
import pytest
from support.recordings import read_recordings

from tgas_neuro.runtime.errors import UserError

pytest.importorskip("pynwb")


def test_a_folder_is_read_as_the_file(session, tmp_path):
    hdmf_zarr = pytest.importorskip("hdmf_zarr")
    nwb = session.build()
    session.add_images(nwb, ordered=False)
    expected = session.read(session.build())
    folder = tmp_path / "session.nwb.zarr"
    with hdmf_zarr.NWBZarrIO(str(folder), "w") as file:
        file.write(nwb)
    options = {"stimulus_column": "file", "window_ms": session.window, "degrees": 8}
    found = read_recordings("nwb", options | {"images": "stimuli"}, {"s": folder}, "session")
    np.testing.assert_array_equal(found.assembly.values, expected.assembly.values)
    assert list(found.assembly["region"].values) == session.regions
    assert len(dict(found.images)) == 4
    files = {"s.nwb.zarr": folder, "i.zip": tmp_path / "i.zip"}
    beside = read_recordings("nwb", options, files, "session")
    assert list(beside.stimuli["filename"]) == [f"im{number}.png" for number in range(4)]


def test_a_folder_that_is_no_nwb(session, tmp_path):
    pytest.importorskip("hdmf_zarr")
    (tmp_path / "s.zarr").mkdir()
    options = {"window_ms": session.window, "degrees": 8}
    with pytest.raises(UserError, match=r"s\.zarr: not a readable NWB folder \(") as error:
        read_recordings("nwb", options, {"s": tmp_path / "s.zarr"}, "session")
    assert "\n" not in str(error.value)


def test_without_the_package_the_way_out_is_said(session, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hdmf_zarr", None)
    (tmp_path / "s.zarr").mkdir()
    options = {"window_ms": session.window, "degrees": 8}
    with pytest.raises(UserError, match=r"need hdmf-zarr, .* pip install 'tgas-neuro\[zarr\]'"):
        read_recordings("nwb", options, {"s": tmp_path / "s.zarr"}, "session")
