"""The shipped descriptions of TVSD against the arrays that made the files."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from support.recordings import read_recordings
from support.tvsd_files import write_tvsd

from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.ingest import READERS
from tgas_neuro.runtime.errors import UserError

NEURAL_DATA = Path(__file__).parents[4] / "neural_data"
REGIONS = {
    "papale2025_f": {"V1": range(512), "IT": range(512, 832), "V4": range(832, 1024)},
    "papale2025_n": {"V1": range(512), "V4": range(512, 768), "IT": range(768, 1024)},
}


@pytest.fixture
def tvsd(tmp_path):
    def read(name, further=3, **options):
        made = write_tvsd(tmp_path / name, tmp_path / "images", n_further=further)
        files = {path.name: path for path in (tmp_path / name).iterdir()}
        description = load_description(name, [NEURAL_DATA]).change_options(**options)
        files["images"] = tmp_path / "images"
        return made, READERS["arrays"](name, description.read_options(), files)

    return read


@pytest.mark.parametrize("name", REGIONS)
def test_values_regions_and_pairing_are_those_of_the_arrays(tvsd, name, tmp_path):
    made, found = tvsd(name)
    assembly, table = found.assembly, found.stimuli.set_index("stimulus_id")
    for region, channels in REGIONS[name].items():
        sites = np.flatnonzero(assembly["region"].values == region)
        np.testing.assert_array_equal(sites, channels)
    shown = assembly["stimulus_id"].values
    for path, column in zip(made.train_names, made.train.T, strict=True):
        stem = path.split("\\")[1].removesuffix(".jpg")
        (row,) = np.flatnonzero(shown == stem)
        np.testing.assert_array_equal(assembly.values[row], column.astype(np.float32))
        assert table.loc[stem, "used_for"] == "rdm"
        assert table.loc[stem, "object_name"] == path.split("\\")[0]
    for path, columns in zip(made.test_names, made.test.transpose(1, 2, 0), strict=True):
        stem = path.split("\\")[1].removesuffix(".jpg")
        rows = np.flatnonzero(shown == stem)
        np.testing.assert_array_equal(assembly["repetition"].values[rows], range(4))
        np.testing.assert_array_equal(assembly.values[rows], columns.astype(np.float32))
        assert table.loc[stem, "used_for"] == "ceiling"
    images = dict(found.images)
    assert set(images) == set(table["filename"])
    for path in (*made.train_names, *made.test_names):
        inside = (tmp_path / "images" / path.replace("\\", "/")).read_bytes()
        assert images[path.split("\\")[1]] == inside
        Image.open(io.BytesIO(inside)).load()


def test_further_images_are_counted_or_refused(tvsd):
    _, found = tvsd("papale2025_f")
    assert len(found.notes) == 1
    assert "3 of 35 images belong to no stimulus and are left out" in found.notes[0]
    with pytest.raises(UserError, match=r"other000_01b.jpg belongs to no stimulus.*unused: leave"):
        tvsd("papale2025_f", images={"file": "images"})


def test_without_further_images_there_is_no_note(tvsd):
    assert tvsd("papale2025_n", further=0)[1].notes == ()


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"V1": [1, 512], "V4": [512, 1024]}, "number 512 is in V1 and in V4"),
        ({"V1": [1, 512], "V4": [514, 1024]}, r"number 513 is in no range \(1 of 1024 such\)"),
        ({"V1": [1, 512], "V4": [513, 1025]}, r"V4: \[513, 1025\] is no range .* 1 to 1024"),
        ({"V4": [1024, 1]}, r"V4: \[1024, 1\] is no range"),
    ],
)
def test_ranges_hold_every_number_once(tvsd, ranges, message):
    with pytest.raises(UserError, match=message):
        tvsd("papale2025_f", neuroids={"region": {"ranges": ranges}, "animal": "m"})


def test_each_region_has_a_window(tvsd):
    _, found = tvsd("papale2025_n")
    window = found.assembly.attrs["time_window_ms"]
    assert window == "V1 25 to 125, V4 50 to 150, IT 75 to 175"
    with pytest.raises(UserError, match="time_window_ms: has V1, the regions are V1, V4, IT"):
        tvsd("papale2025_n", time_window_ms={"V1": [25, 125]})


def test_repeated_stimuli_are_of_the_same_sites_and_others(read):
    """One array of (stimulus, repetition, neuroid) beside one of other sites, or the same names."""
    other = np.zeros((3, 2, 3), dtype=np.float32)
    ceiling = {
        "responses": {"file": "o.npy", "axes": ["stimulus", "repetition", "neuroid"]},
        "stimuli": {"filename": {"pattern": "picture_%d.png", "first": 1}},
    }
    with pytest.raises(UserError, match=r"ceiling_from.responses: 3 sites, .* has 2"):
        read(saved={"o.npy": other}, ceiling_from=ceiling)
    with pytest.raises(UserError, match=r"ceiling_from.stimuli: stimulus_id 'picture_1' is in opt"):
        read(saved={"o.npy": other[..., :2]}, ceiling_from=ceiling)


@pytest.mark.parametrize("path", ["a\\b\\picture_%d.png", "a/picture_%d.png", "picture_%d.png"])
def test_the_last_part_of_a_path_names_the_file(read, path):
    names = np.array([path % number for number in (3, 1, 2)])
    found = read(
        saved={"n.npy": names},
        stimuli={"filename": {"file": "n.npy", "last_part": True}},
    )
    assert list(found.stimuli["filename"]) == ["picture_3.png", "picture_1.png", "picture_2.png"]


def test_ranges_of_numbers_in_another_order(read):
    """As rois(mapping) of the source's own script: place i has the region of number mapping[i]."""
    mapping = np.array([[3.0, 1.0, 4.0, 2.0]])
    region = {"file": "m.npy", "ranges": {"V1": [1, 2], "IT": [3, 4]}}
    values = np.zeros((3, 2, 4), dtype=np.float32)
    found = read(values, saved={"m.npy": mapping}, neuroids={"region": region, "animal": "m"})
    assert list(found.assembly["region"].values) == ["IT", "V1", "IT", "V1"]
    for wrong in ([[1, 2, 3, 3]], [[0, 1, 2, 3]], [[1, 2, 3]]):
        with pytest.raises(UserError, match="must be 1 to 4, each once"):
            read(
                values,
                saved={"m.npy": np.array(wrong)},
                neuroids={"region": region, "animal": "m"},
            )


def test_trials_in_time_bins(tmp_path):
    """As ALLMUA and ALLMAT: recording order, train and test trials mixed, 0 where not shown."""
    rng = np.random.default_rng(0)
    n_channels, train, test = 4, rng.permutation(6) + 1, np.tile([1, 2, 3], 4)
    shown = np.array([(k, 0) for k in train] + [(0, k) for k in test])[rng.permutation(18)]
    bins = rng.normal(size=(n_channels, 18, 300))
    columns = np.column_stack([np.arange(18), shown, np.zeros((18, 3))])
    with h5py.File(tmp_path / "trials.mat", "w", userblock_size=512) as file:
        for name, values in (("ALLMUA", bins), ("ALLMAT", columns)):
            file.create_dataset(name, data=np.ascontiguousarray(values.T))
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    np.save(tmp_path / "mapping.npy", np.array([2, 4, 1, 3]))
    np.save(tmp_path / "train.npy", np.array([f"train_{k}.png" for k in range(1, 7)]))
    np.save(tmp_path / "test.npy", np.array([f"test_{k}.png" for k in (1, 2, 3)]))
    (tmp_path / "images").mkdir()
    for name in ("train_1", "train_2", "train_3", "train_4", "train_5", "train_6"):
        Image.new("L", (4, 4), 20 * int(name[-1])).save(tmp_path / "images" / f"{name}.png")
    for number in (1, 2, 3):
        Image.new("L", (4, 4), 130 + number).save(tmp_path / "images" / f"test_{number}.png")
    responses = {
        "file": "trials.mat",
        "variable": "ALLMUA",
        "axes": ["neuroid", "presentation", "time_bin"],
    }
    log = {"file": "trials.mat", "variable": "ALLMAT"}
    region = {"file": "mapping.npy", "ranges": {"V1": [1, 2], "V4": [3, 4]}}
    options = {
        "responses": responses,
        "time_bins_ms": {"start": -101, "width": 1},
        "window_ms": [25, 125],
        "unit": "MUA",
        "degrees": 18,
        "stimuli": {"filename": {"file": "train.npy"}},
        "presentations": {"stimulus_id": log | {"matrix_column": 2, "pattern": "train_%d"}},
        "ceiling_from": {
            "responses": responses,
            "stimuli": {"filename": {"file": "test.npy"}},
            "presentations": {"stimulus_id": log | {"matrix_column": 3, "pattern": "test_%d"}},
        },
        "leave_out": {"stimulus_id": ["train_0", "test_0"]},
        "neuroids": {"region": region, "animal": "m"},
    }
    files = {path.name: path for path in tmp_path.iterdir()}
    found = read_recordings("arrays", options, files).assembly
    assert list(found["region"].values) == ["V1", "V4", "V1", "V4"]
    # tb is -100 to 199; the window has 25 < tb <= 125
    expected = bins[:, :, 126:226].mean(axis=2).T
    names = [f"train_{k}" if k else f"test_{other}" for k, other in shown]
    for name in set(names):
        rows = [row for row, one in enumerate(names) if one == name]
        np.testing.assert_allclose(
            found.values[found["stimulus_id"].values == name], expected[rows], atol=1e-6
        )
    assert found.sizes["presentation"] == 18
