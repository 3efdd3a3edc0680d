"""What nobody wrote to the laboratory's file: trials are missing, all else is refused."""

import h5py
import numpy as np
import pytest
from support.recordings import read_recordings

from tgas_neuro.runtime.errors import UserError


def rewrite(path, name, absent=(), **options):
    """Write a data set again in chunks without those that begin at `absent`; its old values."""
    with h5py.File(path, "r+") as file:
        values = file[name][()]
        del file[name]
        data = file.create_dataset(name, values.shape, values.dtype, **options)
        for place in data.iter_chunks():
            if tuple(part.start for part in place) not in absent:
                data[place] = values[place]
    return values


@pytest.mark.parametrize("level", ["V3", "V6"])
def test_trials_that_were_never_written_are_absent(read, path, change, level):
    """As if the file had NaN there."""
    name, absent = f"time_averaged/variation_level_{level[1]}", [(1, 0, 0), (2, 0, 4)]
    values = rewrite(path, name, absent, chunks=(1, 3, 4))
    found = read(path, levels=[level])
    values[1, :3, :4] = values[2, :3, 4:] = np.nan
    change(path, name, lambda _: values)
    expected = read(path, levels=[level])
    np.testing.assert_array_equal(found.assembly.values, expected.assembly.values)
    np.testing.assert_array_equal(found.assembly["repetition"], expected.assembly["repetition"])
    counted = f"{12 + 9} of {values.size} values were never written to the file and are read as"
    assert found.notes == (f"{path}: trials: {counted} missing",)
    assert expected.notes == ()


def test_a_level_without_trials_says_why(read, path):
    with h5py.File(path, "r+") as file:
        shape = file["time_averaged/variation_level_3"].shape
        del file["time_averaged/variation_level_3"]
        file.create_dataset("time_averaged/variation_level_3", shape, "f4")
    with pytest.raises(UserError, match="140 of 140 values were never written to the file: site 0"):
        read(path, levels=["V3"])


PARTS = {
    "image_meta/category": "/image_meta/category: 15 of 15",
    "image_meta/variation_level": "/image_meta/variation_level: 15 of 15",
    "neural_meta/ANIMAL_INFO": "/neural_meta/ANIMAL_INFO: 7 of 7",
    "neural_meta/IT_NEURONS": "/neural_meta/IT_NEURONS: 4 of 4",
    "images": "/images: 960 of 960",
}


@pytest.mark.parametrize("name", PARTS)
def test_labels_sites_and_images_are_refused(read, path, name):
    with h5py.File(path, "r+") as file:
        shape, dtype = file[name].shape, file[name].dtype
        del file[name]
        file.create_dataset(name, shape, dtype)
    with pytest.raises(UserError, match=f"{PARTS[name]} values were never written to the file"):
        list(read(path, levels=["V3"]).images)


@pytest.mark.parametrize("name", [*PARTS, "time_averaged/variation_level_3"])
def test_what_lies_in_another_file_is_refused(read, path, tmp_path, name):
    other = tmp_path / "other.h5"
    with h5py.File(path, "r+") as file, h5py.File(other, "w") as beside:
        file.copy(name, beside, "x")
        del file[name]
        file[name] = h5py.ExternalLink("other.h5", "x")
    with pytest.raises(UserError, match=f"/{name} is an external link that points to 'other.h5'"):
        list(read(path, levels=["V3"]).images)


def test_virtual_trials_of_listed_files_are_read(read, path, tmp_path):
    other, name = tmp_path / "other.hdf", "time_averaged/variation_level_3"
    expected = read(path, levels=["V3"])
    with h5py.File(path, "r+") as file, h5py.File(other, "w") as beside:
        file.copy(name, beside, "x")
        layout = h5py.VirtualLayout(file[name].shape, "f4")
        layout[:] = h5py.VirtualSource("other.hdf", "x", file[name].shape)
        del file[name]
        file.create_virtual_dataset(name, layout)
    with pytest.raises(UserError, match=r"virtual source that points to 'other\.hdf'"):
        read(path, levels=["V3"])
    files = {path.name: path, "other": other}
    found = read_recordings("lab_hdf5", {"levels": ["V3"]}, files, "lab")
    np.testing.assert_array_equal(found.assembly.values, expected.assembly.values)
    assert list(found.images) == list(expected.images)
