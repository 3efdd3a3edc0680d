"""Responses that nobody wrote to an HDF5 file are missing; the oracle is a .npy file with NaN."""

import h5py
import numpy as np
import pytest
from support.recordings import read_recordings

from tgas_neuro.inspection.check import check_target
from tgas_neuro.recordings.formats import array_files, hdf5_files
from tgas_neuro.runtime.errors import UserError

AXES = ["stimulus", "repetition", "neuroid"]
TRIALS = np.random.default_rng(1).poisson(5, (3, 4, 2))


def write(path, written, dtype="f4", fill=None):
    """Write the repetitions that were `written` of each stimulus; the file shows no others."""
    with h5py.File(path, "w") as file:
        is_mat = path.suffix == ".mat"
        shape, chunks = (TRIALS.shape, (1, 1, 2))
        if is_mat:
            shape, chunks = shape[::-1], chunks[::-1]
        data = file.create_dataset("data/x", shape, dtype, chunks=chunks, fillvalue=fill)
        data.attrs["MATLAB_class"] = np.bytes_("double")
        for stimulus, repetition in np.argwhere(written):
            place = (stimulus, repetition, slice(None))
            data[place[::-1] if is_mat else place] = TRIALS[stimulus, repetition]


@pytest.fixture(params=["whole", "in blocks"])
def amount(request, monkeypatch):
    """Whether the array is read as a whole or in blocks."""
    if request.param == "in blocks":
        monkeypatch.setattr(array_files, "LARGE", 0)
        monkeypatch.setattr(hdf5_files, "BLOCK_BYTES", 40)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
@pytest.mark.parametrize("ending", ["h5", "mat"])
@pytest.mark.parametrize("seed", range(3))
def test_repetitions_that_were_never_written_are_missing(
    read, tmp_path, amount, ending, dtype, seed
):
    written = np.random.default_rng(seed).random((3, 4)) < 0.7
    written[:, seed] = True
    write(tmp_path / f"x.{ending}", written, dtype)
    name = "data.x" if ending == "mat" else "data/x"
    source = {"file": f"x.{ending}", "variable": name, "axes": AXES}
    found = read(None, responses=source, counts=True)
    expected = read(np.where(written[..., None], TRIALS, np.nan).astype("f4"), counts=True)
    np.testing.assert_array_equal(found.assembly.values, expected.assembly.values)
    for label in ("stimulus_id", "repetition"):
        np.testing.assert_array_equal(found.assembly[label], expected.assembly[label])
    absent = 2 * int((~written).sum())
    counted = f"{absent} of 24 values were never written to the file and are read as missing"
    assert found.notes == ((f"{tmp_path}/x.{ending}: {name}: {counted}",) if absent else ())


def test_time_bins_that_were_never_written_make_a_response_missing(read, tmp_path):
    values = np.random.default_rng(2).random((3, 2, 6))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset("x", values.shape, "f8", chunks=(1, 2, 2))
        for stimulus, bins in ((0, slice(0, 6)), (1, slice(0, 6)), (2, slice(0, 4))):
            data[stimulus, :, bins] = values[stimulus, :, bins]
    source = {"file": "x.h5", "axes": ["stimulus", "neuroid", "time_bin"]}
    bins = {"time_bins_ms": {"start": 0, "width": 10}}
    early = read(None, responses=source, window_ms=[0, 40], **bins).assembly
    np.testing.assert_allclose(early, values[..., :4].mean(axis=2), rtol=1e-6)
    with pytest.raises(UserError, match="4 of 36 values were never written to the file: stimulus"):
        read(None, responses=source, window_ms=[0, 60], **bins)


def test_a_site_in_a_file_of_its_own_may_lack_a_repetition(read, tmp_path):
    for site in range(2):
        with h5py.File(tmp_path / f"unit_{site}.h5", "w") as file:
            data = file.create_dataset("x", (3, 4), "f4", chunks=(3, 1))
            for repetition in range(4 - site):
                data[:, repetition] = TRIALS[:, repetition, site]
    files = {f"units.{site}": tmp_path / f"unit_{site}.h5" for site in range(2)}
    options = {
        "responses": {"file": "units", "axes": AXES[:2]},
        "images": {"file": "i.zip"},
        "simultaneous": False,
        "unit": "Hz",
        "degrees": 5,
        "neuroids": {"region": "IT", "animal": "m"},
    }
    found = read_recordings("arrays", options, files | {"i.zip": tmp_path / "i.zip"})
    np.testing.assert_array_equal(found.assembly.values, TRIALS[:, :3].reshape(9, 2))
    assert "3 of 24 values were never written to the file and are" in found.notes[0]


def test_nothing_written_and_labels_and_images_and_rdms_are_refused(read, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("trials", TRIALS.shape, "f4", chunks=(1, 4, 2))
        file.create_dataset("names", (3,), h5py.string_dtype())
        file.create_dataset("shown", (3,), "i4")
        file.create_dataset("pixels", (3, 4, 4), "u1", chunks=(1, 4, 4))[:2] = 9
        file.create_dataset("rdm", (3, 3), "f4")
    trials = {"file": "x.h5", "variable": "trials", "axes": AXES}
    with pytest.raises(UserError, match=r"x\.h5: trials: none of the 24 values was ever written"):
        read(None, responses=trials)
    for key, options in {
        "names": {"stimuli": {"stimulus_id": {"file": "x.h5", "variable": "names"}}},
        "shown": {"stimuli": {"stimulus_id": {"file": "x.h5", "variable": "shown"}}},
        "pixels": {"images": {"file": "x.h5", "variable": "pixels"}},
        "rdm": {
            "responses": None,
            "rdm": {"file": "x.h5", "variable": "rdm", "axes": ["row", "column"]},
            "regions": ["IT"],
        },
    }.items():
        with pytest.raises(UserError, match=rf"x\.h5: /{key}: \d+ of \d+ values were never wri"):
            read(TRIALS.astype("f4"), **options)


def test_the_number_that_marks_missing_responses_may_be_the_fill_value(read, tmp_path):
    written = np.ones((3, 4), dtype=bool)
    written[1, 3] = False
    write(tmp_path / "x.h5", written, fill=-999)
    source = {"file": "x.h5", "variable": "data/x", "axes": AXES, "missing": -999}
    found = read(None, responses=source)
    expected = read(np.where(written[..., None], TRIALS, np.nan).astype("f4"))
    np.testing.assert_array_equal(found.assembly.values, expected.assembly.values)
    assert [note.split(": ")[-1] for note in found.notes] == [
        "2 of 24 responses are -999 and are read as missing"
    ]


DESCRIPTION = """
name: mine
title: A title
source: https://example.org
license: MIT
citation: Somebody (2020)
provides: responses
reader: arrays
files:
  - {name: x.h5, path: x.h5}
  - {name: i.zip, path: i.zip}
  EXTRA
options:
  responses: {file: x.h5, variable: x, axes: [stimulus, repetition, neuroid]}
  unit: Hz
  time_window_ms: [70, 170]
  degrees: 5
  neuroids: {region: IT, animal: m}
"""


def check(folder, extra=""):
    (folder / "mine.yaml").write_text(DESCRIPTION.replace("EXTRA", extra))
    lines = []
    return check_target(str(folder / "mine.yaml"), 5, None, lines.append), "\n".join(lines)


def test_check_counts_and_refuses(tmp_path, monkeypatch, write_images):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "i.zip")
    layout = h5py.VirtualLayout(TRIALS.shape, "f4")
    for repetition in range(4):
        layout[:, repetition] = h5py.VirtualSource("days.hdf", "x", TRIALS.shape)[:, repetition]
    with h5py.File("x.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    code, said = check(tmp_path)
    assert code == 1
    assert "Wrong: x.h5" in said.replace(f"{tmp_path}/", "")
    assert "points to 'days.hdf', which does not exist; copy the values" in said
    with h5py.File("days.hdf", "w") as file:
        data = file.create_dataset("x", TRIALS.shape, "f4", chunks=(3, 1, 2))
        data[:, :3] = TRIALS[:, :3]
    code, said = check(tmp_path)
    assert code == 1
    assert "'days.hdf', which is not one of the data set's files" in said
    code, said = check(tmp_path, "- {name: days, path: days.hdf}")
    assert "1 wrong" in said and "3 stimuli; an RDM with crossed halves needs" in said
    counted = "x.h5: x: 6 of 24 values were never written to the file and are read as missing"
    assert f"Note:  mine: {counted}" in said
