"""The reader of the laboratory's file, on made files of its form; the oracle reads them plainly."""

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image
from support.lab_file import write_lab_file

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.runtime.errors import UserError


def list_trials(path):
    """Loops over the file, nothing shared with the reader: (image, trial number, responses)."""
    rows = []
    with h5py.File(path) as file:
        levels = [level.decode() for level in file["image_meta/variation_level"]]
        for level in ("V0", "V3", "V6"):
            trials = file[f"time_averaged/variation_level_{level[1]}"][()]
            for column, image in enumerate(np.flatnonzero(np.array(levels) == level)):
                made = [trial for trial in trials[:, column] if not np.isnan(trial).any()]
                rows += [(image, number, trial) for number, trial in enumerate(made)]
    return rows


def test_every_trial_is_where_the_file_has_it(path, read):
    recordings = read(path)
    assembly, rows = recordings.assembly, list_trials(path)
    assert assembly.shape == (4 * 2 + 5 * 4 + 6 * 3, 7) == (len(rows), 7)
    assert assembly.dtype == np.float32
    np.testing.assert_array_equal(assembly.values, np.stack([row[2] for row in rows]))
    assert list(assembly["repetition"].values) == [row[1] for row in rows]
    assert list(assembly["stimulus_id"].values) == [f"lab_{row[0]:04d}" for row in rows]


def test_labels_are_those_of_the_file(path, read):
    recordings = read(path)
    assembly, table = recordings.assembly, recordings.stimuli
    with h5py.File(path) as file:
        meta = {key: file["image_meta"][key].asstr()[()] for key in ("category", "object_name")}
        levels = file["image_meta/variation_level"].asstr()[()]
    assert list(table["variation"]) == list(levels)
    assert list(table["category_name"]) == list(meta["category"])
    assert list(table["object_name"]) == list(meta["object_name"])
    assert set(table["degrees"]) == {8.0}
    row = [int(stimulus[-4:]) for stimulus in assembly["stimulus_id"].values]
    assert list(assembly["object_name"].values) == list(meta["object_name"][row])
    assert list(assembly["variation"].values) == list(levels[row])
    assert list(assembly["region"].values) == ["V4"] * 3 + ["IT"] * 4
    assert (
        list(assembly["animal"].values) == ["Chabo"] * 2 + ["Tito"] + ["Chabo"] * 2 + ["Tito"] * 2
    )
    assert assembly.attrs["time_window_ms"] == [70, 170]


def test_images_are_those_of_the_file(path, read):
    images = dict(read(path).images)
    with h5py.File(path) as file:
        pixels = file["images"][()]
    assert list(images) == [f"image_{index:04d}.png" for index in range(15)]
    for index, content in enumerate(images.values()):
        with Image.open(io.BytesIO(content)) as image:
            assert image.mode == "L"
            np.testing.assert_array_equal(np.asarray(image), pixels[index])


def test_levels_that_are_chosen_keep_their_own_images(path, read):
    recordings = read(path, levels=["V6", "V0"], degrees=4)
    rows = [row for row in list_trials(path) if row[0] >= 9] + list_trials(path)[:8]
    np.testing.assert_array_equal(recordings.assembly.values, np.stack([row[2] for row in rows]))
    assert list(recordings.stimuli["stimulus_id"]) == [
        f"lab_{index:04d}" for index in [*range(9, 15), *range(4)]
    ]
    assert {name for name, _ in recordings.images} == set(recordings.stimuli["filename"])


def test_images_in_any_order_keep_their_responses(path, read, change):
    """Levels interleaved in image_meta, as the columns of each level are in its order."""
    order = np.random.default_rng(1).permutation(15)
    for name in ("images", "image_meta/variation_level", "image_meta/object_name"):
        change(path, name, lambda values: values[order])
    change(path, "image_meta/category", lambda values: values[order])
    change(path, "time_averaged_trial_averaged", lambda values: None)
    recordings = read(path)
    rows = list_trials(path)
    assert list(recordings.assembly["stimulus_id"].values) == [f"lab_{row[0]:04d}" for row in rows]
    np.testing.assert_array_equal(recordings.assembly.values, np.stack([row[2] for row in rows]))


def test_trials_of_nan_are_absent_rows(path, read, change):
    def empty(values):
        values[2:, 0] = np.nan  # image 4 has two trials
        values[1, 3] = np.nan  # image 7 lacks one in between
        return values

    change(path, "time_averaged/variation_level_3", empty)
    change(path, "time_averaged_trial_averaged", lambda values: None)
    assembly, rows = read(path).assembly, list_trials(path)
    assert len(rows) == 46 - 3 == len(assembly)
    np.testing.assert_array_equal(assembly.values, np.stack([row[2] for row in rows]))
    assert list(assembly["repetition"].values) == [row[1] for row in rows]


def test_animals_with_different_trials_share_the_fewest(path, read, change):
    """Tito (sites 2, 5, 6) misses the first trial of image 4, Chabo its last two."""

    def empty(values):
        values[0, 0, [2, 5, 6]] = np.nan
        values[2:, 0, [0, 1, 3, 4]] = np.nan
        return values

    change(path, "time_averaged_trial_averaged", lambda values: None)
    change(path, "time_averaged/variation_level_3", empty)
    with h5py.File(path) as file:
        trials = file["time_averaged/variation_level_3"][:, 0]
    assembly = read(path).assembly
    found = assembly.values[assembly["stimulus_id"].values == "lab_0004"]
    assert found.shape == (2, 7)
    np.testing.assert_array_equal(found[:, [0, 1, 3, 4]], trials[:2, [0, 1, 3, 4]])
    np.testing.assert_array_equal(found[:, [2, 5, 6]], trials[1:3, [2, 5, 6]])


@pytest.mark.parametrize("chunks", [(1, 1, 1), (2, 3, 7), (1, 4, 2), (2, 1, 5)])
def test_the_form_of_chunks_changes_nothing(path, tmp_path, chunks, read, form):
    form = replace(form, chunks=chunks)
    write_lab_file(tmp_path / "chunked.hdf5", np.random.default_rng(0), form)
    expected, found = read(path).assembly, read(tmp_path / "chunked.hdf5").assembly
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize("kind", ["strings", "numbers"])
def test_animals_are_text_bytes_or_numbers(path, kind, read):
    new = {"strings": ["a", "a", "é"] + ["b"] * 4, "numbers": [1, 1, 2, 1, 1, 2, 2]}[kind]
    with h5py.File(path, "r+") as file:
        del file["neural_meta/ANIMAL_INFO"]
        file["neural_meta/ANIMAL_INFO"] = new
    assert list(read(path).assembly["animal"].values) == [str(animal) for animal in new]


def test_a_dead_site_is_named_and_can_be_left_out(path, read, change):
    def kill(values):
        values[:, :, 5] = np.nan
        return values

    for level in (0, 3, 6):
        change(path, f"time_averaged/variation_level_{level}", kill)
    message = r"hdf5: /time_averaged/variation_level_0: site 5 has no trial of image 0 \(4 such im"
    with pytest.raises(UserError, match=message):
        read(path)
    assembly = read(path, leave_out_sites=[5]).assembly
    assert list(assembly["neuroid_id"].values) == [f"lab_{site:03d}" for site in (0, 1, 2, 3, 4, 6)]
    with h5py.File(path) as file:
        trials = file["time_averaged/variation_level_0"][:, :, [0, 1, 2, 3, 4, 6]]
    np.testing.assert_array_equal(assembly.values[:8].reshape(4, 2, 6), trials.swapaxes(0, 1))


def test_what_is_written_is_an_assembly(path, tmp_path, read, description):
    ingest_recordings(description, {"ventral_neural_data.hdf5": path}, tmp_path / "out")
    assembly = load_assembly(tmp_path / "out" / "assembly.nc")
    np.testing.assert_array_equal(assembly.values, read(path).assembly.values)
    assert len(list((tmp_path / "out" / "stimuli").iterdir())) == 15
