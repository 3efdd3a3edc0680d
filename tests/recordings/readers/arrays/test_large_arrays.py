"""Arrays that stay in their file are reduced to a window block by block, whatever their storage."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from tgas_neuro.recordings.formats import array_files, hdf5_files
from tgas_neuro.recordings.formats.array_files import StoredArray, open_variable
from tgas_neuro.recordings.readers import time_bins
from tgas_neuro.runtime.errors import UserError

TRIALS = np.random.default_rng(0).integers(0, 9, (40, 6, 30)).astype(np.float32)
AXES = ("presentation", "neuroid", "time_bin")
WINDOW = TRIALS[..., 7:19]  # of bins of 10 ms from -50 ms: 20 to 140 ms
LAYOUTS = {
    "npy": None,
    "npy in columns": None,
    "h5": None,
    "h5 in chunks": (7, 4, 8),
    "mat": None,
    "mat in chunks": (16, 3, 11),
    "mat, a chunk for each bin": (1, 6, 40),
    "h5 of h5write": (5, 6, 9),
}


@pytest.fixture
def small_blocks(monkeypatch):
    """Every array is large, and a block holds a few values."""
    monkeypatch.setattr(array_files, "LARGE", 0)
    for module in (time_bins, hdf5_files):
        monkeypatch.setattr(module, "BLOCK_BYTES", 2000)
    monkeypatch.setattr(
        time_bins, "list_blocks", lambda *sizes: hdf5_files.list_blocks(*sizes, limit=2000)
    )


def write(folder, layout, values, axes):
    """Write values whose axes are AXES so that a reader shows them as `axes`."""
    shown = values.transpose([AXES.index(axis) for axis in axes])
    if layout.startswith("npy"):
        np.save(folder / "big.npy", np.asfortranarray(shown) if "columns" in layout else shown)
        return {"file": "big.npy", "axes": axes}
    ending = layout[:3].strip()
    with h5py.File(folder / f"big.{ending}", "w") as file:
        kept = shown if layout in ("h5", "h5 in chunks") else shown.T
        group = file.create_group("data")
        chunks = LAYOUTS[layout] and tuple(map(min, LAYOUTS[layout], kept.shape))
        data = group.create_dataset("trials", data=kept, chunks=chunks)
        data.attrs["MATLAB_class"] = np.bytes_("single")
    name = "data.trials" if ending == "mat" else "data/trials"
    further = {"axes_as": "matlab"} if layout == "h5 of h5write" else {}
    return {"file": f"big.{ending}", "variable": name, "axes": axes} | further


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axes", [AXES, AXES[::-1], (AXES[1], AXES[0], AXES[2])])
def test_blocks_give_the_window_of_the_whole_array(
    read, tmp_path, small_blocks, layout, axes, counts
):
    source = write(tmp_path, layout, TRIALS, list(axes))
    assert isinstance(
        open_variable(tmp_path / source["file"], source.get("variable"), source.get("axes_as")),
        StoredArray,
    )
    recordings = read(
        None,
        responses=source,
        counts=counts,
        presentations={"stimulus_id": {"variable": "shown", "file": "s.npz"}},
        stimuli={"stimulus_id": {"pattern": "%d"}},
        time_bins_ms={"start": -50, "width": 10},
        window_ms=[20, 140],
        saved={"s.npz": save_shown(tmp_path)},
    )
    expected = WINDOW.sum(axis=2) if counts else WINDOW.mean(axis=2)
    np.testing.assert_allclose(recordings.assembly.values, expected, rtol=1e-6)
    assert recordings.assembly.attrs["time_window_ms"] == [20, 140]


def save_shown(folder):
    np.savez(folder / "shown.npz", shown=np.arange(40) % 3)
    return (folder / "shown.npz").read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_blocks_without_time_bins(read, tmp_path, small_blocks, layout):
    values = np.random.default_rng(1).normal(size=(3, 5, 4))
    axes = ["stimulus", "neuroid", "repetition"]
    names = dict(zip(axes, AXES, strict=True))
    source = write(tmp_path, layout, values, [names[axis] for axis in axes[::-1]])
    source["axes"] = axes[::-1]
    assembly = read(None, responses=source).assembly
    expected = values.transpose(0, 2, 1).reshape(-1, 5).astype(np.float32)
    np.testing.assert_array_equal(assembly.values, expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bad_count_is_found_at_its_place(read, tmp_path, small_blocks, layout):
    values = TRIALS.copy()
    values[33, 4, 9] = -2
    source = write(tmp_path, layout, values, list(AXES))
    bins = {"time_bins_ms": {"start": -50, "width": 10}, "window_ms": [20, 140]}
    with pytest.raises(UserError, match=r"value -2.0 at \(33, 4, 9\)"):
        read(None, responses=source, counts=True, **bins)


@pytest.mark.parametrize("layout", ["npy", "mat in chunks"])
def test_marks_of_missing_responses_are_read_in_blocks(read, tmp_path, small_blocks, layout):
    values = TRIALS.copy()
    values[33, 4, 9] = -999
    source = write(tmp_path, layout, values, list(AXES))
    options = {
        "time_bins_ms": {"start": -50, "width": 10},
        "window_ms": [20, 140],
        "presentations": {"stimulus_id": {"variable": "shown", "file": "s.npz"}},
        "stimuli": {"stimulus_id": {"pattern": "%d"}},
        "saved": {"s.npz": save_shown(tmp_path)},
    }
    with pytest.raises(UserError, match=r"a response is -999 .1 such values"):
        read(None, responses=source, **options)
    recordings = read(None, responses=source | {"missing": -999}, **options)
    found = recordings.assembly.values
    assert "1 of 2,880 responses are -999 and are read as missing" in recordings.notes[0]
    expected = np.where(values == -999, np.nan, values)[..., 7:19].mean(axis=2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.isnan(found).sum() == 1
    with pytest.raises(UserError, match="missing: -7, but no response is -7; leave it out"):
        read(None, responses=source | {"missing": -7}, **options)


CHILD = """
import sys
from pathlib import Path
import h5py, numpy as np
from tgas_neuro.recordings.readers.arrays import read_arrays
from tgas_neuro.recordings.readers.options import ArraysOptions
path = Path(sys.argv[1])
options = ArraysOptions.model_validate({
    "responses": {
        "file": "r", "variable": "ALLMUA", "axes": ["neuroid", "presentation", "time_bin"]
    },
    "unit": "z", "degrees": 8, "images": {"file": "i"},
    "neuroids": {"region": "V4", "animal": "m"},
    "stimuli": {"stimulus_id": {"pattern": "%d"}},
    "presentations": {"stimulus_id": {"file": "s"}},
    "time_bins_ms": {"start": -100, "width": 1}, "window_ms": [50, 150],
})
files = {"r": path / "r.mat", "i": path / "i.zip", "s": path / "s.npy"}
assembly = read_arrays("big", options, files).assembly
np.save(path / "found.npy", assembly.values)
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "chunks",
    [
        (1, 64, 1024),
        pytest.param(None, marks=pytest.mark.slow),
        pytest.param((16, 32, 128), marks=pytest.mark.slow),
    ],
)
def test_two_gigabytes_are_read_with_half_of_one(tmp_path, write_images, chunks):
    """1,024 sites, 1,750 trials, 300 ms as ALLMUA of TVSD has them: 2.15 GB."""
    write_images(tmp_path / "i.zip")
    np.save(tmp_path / "s.npy", np.arange(1750) % 3)
    rng = np.random.default_rng(0)
    site = rng.integers(0, 99, (1750, 1024)).astype(np.float32)
    with h5py.File(tmp_path / "r.mat", "w", userblock_size=512) as file:
        data = file.create_dataset("ALLMUA", (300, 1750, 1024), "f4", chunks=chunks)
        data.attrs["MATLAB_class"] = np.bytes_("single")
        for start in range(0, 300, 20):  # each bin is the site's value and its own number
            data[start : start + 20] = site + np.arange(start, start + 20)[:, None, None]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "found.npy"), site + np.arange(150, 250).mean(), rtol=1e-6
    )
    assert int(done.stdout) < 500  # MB
    (tmp_path / "r.mat").unlink()


def test_trials_of_tvsd_with_their_log(read, tmp_path, small_blocks, write_images):
    """ALLMUA and ALLMAT: trials of train images, once each, and of test images, which repeat."""
    rng = np.random.default_rng(3)
    train = [1, 2, 3, 4, 0, 0, 0, 0]
    test = [0, 0, 0, 0, 1, 2, 2, 1]
    order = rng.permutation(8)
    log = np.array([np.arange(1, 9), np.array(train)[order], np.array(test)[order]], float).T
    trials = rng.normal(size=(5, 8, 30))  # site, trial, bins of 1 ms from -10 ms
    with h5py.File(tmp_path / "t.mat", "w", userblock_size=512) as file:
        for name, values in {"ALLMUA": trials, "ALLMAT": log}.items():
            file.create_dataset(name, data=values.T).attrs["MATLAB_class"] = np.bytes_("double")
    names = ["a.png", "b.png", "c.png", "d.png", "x.png", "y.png"]
    write_images(tmp_path / "i.zip", names)
    np.save(tmp_path / "train.npy", np.array(names[:4]))
    np.save(tmp_path / "test.npy", np.array(names[4:]))
    responses = {
        "file": "t.mat",
        "variable": "ALLMUA",
        "axes": ["neuroid", "presentation", "time_bin"],
    }

    def column(number, kind):
        return {
            "file": "t.mat",
            "variable": "ALLMAT",
            "matrix_column": number,
            "pattern": f"{kind}_%d",
        }

    recordings = read(
        None,
        responses=responses,
        time_bins_ms={"start": -10, "width": 1},
        window_ms=[0, 10],
        stimuli={
            "stimulus_id": {"pattern": "train_%d", "first": 1},
            "filename": {"file": "train.npy"},
        },
        presentations={"stimulus_id": column(2, "train"), "shown": column(2, "train")},
        ceiling_from={
            "responses": responses,
            "stimuli": {
                "stimulus_id": {"pattern": "test_%d", "first": 1},
                "filename": {"file": "test.npy"},
            },
            "presentations": {"stimulus_id": column(3, "test"), "shown": column(3, "test")},
        },
        leave_out={"shown": ["train_0", "test_0"]},
    )
    found, rates = recordings.assembly, trials[..., 10:20].mean(axis=2).T
    expected = {f"train_{k}": rates[log[:, 1] == k] for k in range(1, 5)}
    expected |= {f"test_{k}": rates[log[:, 2] == k] for k in (1, 2)}
    assert len(found) == 8
    for name, values in expected.items():
        rows = found.values[found["stimulus_id"].values == name]
        np.testing.assert_allclose(rows, values, rtol=1e-5)
    table = recordings.stimuli.set_index("stimulus_id")
    assert table["filename"].to_dict() == dict(
        zip([*(f"train_{k}" for k in range(1, 5)), "test_1", "test_2"], names, strict=True)
    )
