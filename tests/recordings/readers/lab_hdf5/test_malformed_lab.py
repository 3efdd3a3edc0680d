"""Malformed laboratory files and options: each is one line that names file, field and way out."""

import h5py
import numpy as np
import pytest
from support.recordings import cut_or_replace, read_recordings

from tgas_neuro.recordings.assembly import validate_assembly
from tgas_neuro.recordings.datasets.description import LocalFile
from tgas_neuro.recordings.datasets.files import check_local_file
from tgas_neuro.runtime.errors import UserError


def replace(name, function):
    return lambda path, change: change(path, name, function)


def truncate(share):
    def cut(path, change):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return cut


def poison(value):
    def write(path, change):
        with h5py.File(path, "r+") as file:
            file["time_averaged/variation_level_6"][1, 2, 3] = value

    return write


V3 = "time_averaged/variation_level_3"
MALFORMED = {
    "truncated": (truncate(0.5), "not a readable HDF5 file (OSError: "),
    "empty": (truncate(0), "not a readable HDF5 file (OSError: "),
    "another file": (lambda path, change: path.write_bytes(b"<html>"), "not a readable HDF5 file"),
    "missing": (lambda path, change: path.unlink(), "no such file; correct the path"),
    "no images": (
        replace("images", lambda values: None),
        "dataset 'images' ((image, row, column)) is missing; in / there are: image_meta, neural_",
    ),
    "no level": (
        replace(V3, lambda values: None),
        f"dataset '{V3}' ((trial, image, site)) is missing; in /time_averaged there are: variatio",
    ),
    "wrong dims": (replace(V3, lambda values: values[0]), f"{V3} has shape (5, 7), expected"),
    "axes in another order": (
        replace(V3, lambda values: values.swapaxes(0, 1)),
        f"{V3} is (5, 4, 7) of float32, expected numbers of shape (trial, image, site) with the 5",
    ),
    "text for numbers": (
        replace(V3, lambda values: values.astype("S")),
        f"{V3} is (4, 5, 7) of |S32, expected numbers",
    ),
    "no trials": (replace(V3, lambda values: values[:0]), f"{V3} has shape (0, 5, 7)"),
    "other sites": (
        replace(V3, lambda values: values[:, :, :6]),
        "levels differ in their sites: /time_averaged/variation_level_0 (2, 4, 7), /time_averaged",
    ),
    "metadata of fewer images": (
        replace("image_meta/object_name", lambda values: values[1:]),
        "image_meta/object_name has 14 entries, there are 15 images",
    ),
    "level of another name": (
        replace("image_meta/variation_level", lambda values: np.char.replace(values, b"V", b"")),
        "image_meta/variation_level has no image of level 'V0', there are: 0, 3, 6; change opti",
    ),
    "metadata not UTF-8": (
        replace("image_meta/category", lambda values: np.array([b"caf\xe9"] * 15)),
        "/image_meta/category holds text that is not UTF-8",
    ),
    "metadata as fractions": (
        replace("image_meta/category", lambda values: np.zeros(15)),
        "/image_meta/category holds float64, expected text or whole numbers",
    ),
    "images as fractions": (
        replace("images", lambda values: values / 255),
        "images: an image is (8, 8) of float64, expected (row, column) grey",
    ),
    "animals of other sites": (
        replace("neural_meta/ANIMAL_INFO", lambda values: values[:3]),
        "neural_meta/ANIMAL_INFO has 3 entries, the responses have 7 sites",
    ),
    "site out of range": (
        replace("neural_meta/IT_NEURONS", lambda values: values + 1),
        "neural_meta/IT_NEURONS holds int64 from 4 to 7, expected indices of sites from 0 to 6",
    ),
    "site in both regions": (
        replace("neural_meta/IT_NEURONS", lambda values: values - 1),
        "site 2 is in both regions; a site belongs to one region",
    ),
    "site twice": (
        replace("neural_meta/V4_NEURONS", lambda values: [0, 1, 1]),
        "site 1 is twice in neural_meta/V4_NEURONS",
    ),
    "mask for indices": (
        replace("neural_meta/V4_NEURONS", lambda values: np.array([True] * 3 + [False] * 4)),
        "neural_meta/V4_NEURONS holds bool from False to True, expected indices",
    ),
    "another order of images": (
        replace(V3, lambda values: values[:, [1, 2, 3, 4, 0]]),
        "level V3: means over trials and time_averaged_trial_averaged correlate by ",
    ),
    "means of other images": (
        replace("time_averaged_trial_averaged", lambda values: values[:3]),
        "time_averaged_trial_averaged has shape (3, 7), expected (image, site) of 15 images",
    ),
    "infinite": (poison(np.inf), "response of site 'lab_003' to stimulus 'lab_0011' is inf"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_file_is_one_line(path, read, change, kind):
    damage, message = MALFORMED[kind]
    damage(path, change)
    with pytest.raises(UserError) as error:
        recordings = read(path)
        attrs = dict.fromkeys(
            ("dataset", "source", "license", "citation", "stimuli_digest", "tgas_neuro_version"), ""
        )
        validate_assembly(recordings.assembly.assign_attrs(attrs), str(path), recordings.stimuli)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": ["V1"]}, "lab.yaml: options.levels[0]: 'V1' is not one of: V0, V3, V6"),
        ({"levels": []}, "lab.yaml: options.levels: 0 given, at least 1 expected"),
        ({"window_ms": [0, 100]}, "lab.yaml: options: unknown key 'window_ms'"),
        ({"leave_out_sites": [9]}, "options.leave_out_sites: 9 is no site of V4 or IT; there are"),
        ({"leave_out_sites": [*range(7)]}, "options.leave_out_sites leaves no site; shorten it"),
    ],
)
def test_a_wrong_option_is_one_line(path, options, message, read):
    with pytest.raises(UserError) as error:
        read(path, **options)
    assert message in str(error.value)


def test_the_file_is_found_by_its_ending():
    with pytest.raises(UserError, match=r"lab.yaml: files: file is missing and 0 files end in .h"):
        read_recordings("lab_hdf5", {}, {}, "lab")


def test_damaged_bytes_are_one_line_or_read(path, read):
    """A fuzz test of damage that the library reports; only `UserError` may come of it."""
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        path.write_bytes(cut_or_replace(whole, rng))
        try:
            check_local_file(LocalFile(name=path.name, path=str(path)), "lab")
            list(read(path).images)
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused == 60
