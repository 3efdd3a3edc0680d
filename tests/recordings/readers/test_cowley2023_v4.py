"""The description of Cowley et al. 2023, on made files and on the real session."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr
from support.recordings import read_recordings

from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.runtime.errors import UserError

NEURAL_DATA = Path(__file__).parents[3] / "neural_data"
DESCRIPTION = load_description("cowley2023_v4", [NEURAL_DATA])


def read_session(files):
    return read_recordings("arrays", DESCRIPTION.options, files, DESCRIPTION.name)


def encode_image(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (value, 0, 0)).save(file, format="JPEG")
    return file.getvalue()


def write_images(path: Path, numbers) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in numbers:
            archive.writestr(f"image{number:04d}.jpg", encode_image(number))
    return path


@pytest.fixture
def files(tmp_path):
    """Two neurons, three images, slots: image 1 has two repetitions, 2 has one, 3 has three."""
    counts = np.array(
        [
            [[1, 2, np.nan], [3, np.nan, np.nan], [4, 5, 6]],
            [[10, 20, np.nan], [30, np.nan, np.nan], [40, 50, 60]],
        ]
    )
    np.save(tmp_path / "r.npy", counts)
    # the order inside the archive does not matter
    images = write_images(tmp_path / "i.zip", [3, 1, 2])
    return {"r.npy": tmp_path / "r.npy", "i.zip": images}


def change_counts(files, change):
    counts = np.load(files["r.npy"])
    np.save(files["r.npy"], change(counts))


def test_slots_become_rows(files):
    recordings = read_session(files)
    assembly = recordings.assembly
    ids = [f"cowley2023_v4_210325_image{number:04d}" for number in (1, 1, 2, 3, 3, 3)]
    assert list(assembly["stimulus_id"].values) == ids
    assert list(assembly["repetition"].values) == [0, 1, 0, 0, 1, 2]
    np.testing.assert_array_equal(
        assembly.values, [[1, 10], [2, 20], [3, 30], [4, 40], [5, 50], [6, 60]]
    )
    assert list(assembly["neuroid_id"].values) == [
        "cowley2023_v4_PE_210325_00",
        "cowley2023_v4_PE_210325_01",
    ]
    assert set(assembly["region"].values) == {"V4"}
    assert set(assembly["animal"].values) == {"PE"}
    assert assembly.attrs["unit"] == "spikes"
    assert list(recordings.stimuli["filename"]) == [f"image000{n}.jpg" for n in (1, 2, 3)]
    assert set(recordings.stimuli["degrees"]) == {8.0}
    assert dict(recordings.images) == {f"image000{n}.jpg": encode_image(n) for n in (1, 2, 3)}


def test_an_empty_slot_between_others_is_renumbered(files):
    def free_first(counts):
        counts[:, 2, 0] = np.nan
        return counts

    change_counts(files, free_first)
    assembly = read_session(files).assembly
    assert list(assembly["repetition"].values) == [0, 1, 0, 0, 1]
    np.testing.assert_array_equal(assembly.values[3:, 0], [5, 6])


def set_value(neuron, image, slot, value):
    def change(counts):
        counts[neuron, image, slot] = value
        return counts

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_value(1, 2, 0, np.nan),
            "neuroid 1 and neuroid 0 differ in whether stimulus 2 has rep",
        ),
        (
            set_value(slice(None), 1, 0, np.nan),
            r"stimulus 1 \(counted from 0\) has no repetition of neuroid 0 \(1 such stimuli\)",
        ),
        (
            set_value(0, 0, 0, -1),
            r"-1.0 at \(0, 0, 0\) \(1 such\): spike counts must be whole numb",
        ),
        (set_value(0, 0, 0, 0.5), "spike counts must be whole numbers from 0"),
        (
            lambda counts: counts[:, :, 0],
            r"expected numbers of shape \(neuroid, stimulus, repetition\), found \(2, 3\) of fl",
        ),
        (lambda counts: counts.astype(str), "expected numbers of shape"),
        (
            lambda counts: counts[:, :2],
            "i.zip: image0003.jpg belongs to no stimulus; it holds 3",
        ),
    ],
)
def test_a_wrong_array_is_named(files, change, message):
    change_counts(files, change)
    with pytest.raises(UserError, match=message):
        read_session(files)


@pytest.mark.parametrize("change", [lambda content: content[:-8], lambda content: b""])
def test_a_truncated_array_is_named(files, change):
    files["r.npy"].write_bytes(change(files["r.npy"].read_bytes()))
    with pytest.raises(UserError, match=r"r.npy: not a readable .npy array .* may be truncated"):
        read_session(files)


def test_a_pickle_is_never_loaded(files):
    np.save(files["r.npy"], np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"r.npy: not a readable .npy array .*allow_pickle"):
        read_session(files)


def test_images_of_another_session_are_named(files, tmp_path):
    write_images(tmp_path / "i.zip", [1, 2])
    with pytest.raises(UserError, match=r"i.zip: image0003.jpg is missing; it holds 2 images"):
        read_session(files)


def test_the_files_are_found_by_their_ending(files):
    with pytest.raises(UserError, match=r"yaml: options.images: file is missing and 0 files end"):
        read_session({"r.npy": files["r.npy"]})


@pytest.fixture(scope="module")
def paths(real_data):
    folder = real_data / "cowley2023_v4"
    return {name: folder / name for name in ("responses_raw_210325.npy", "images_210325.zip")}


@pytest.fixture
def recordings(paths):
    return read_session(paths)


@pytest.mark.real_data
class TestRealSession:
    def test_every_spike_count_is_where_the_array_has_it(self, recordings, paths):
        # an independent reading: loops over the raw array, nothing shared with the reader
        counts = np.load(paths["responses_raw_210325.npy"])
        rows = []
        for image in range(640):
            values = counts[:, image, :]
            for repetition, slot in enumerate(np.flatnonzero(~np.isnan(values[0]))):
                rows.append((f"{image + 1:04d}", repetition, values[:, slot]))
        assembly = recordings.assembly
        assert assembly.shape == (len(rows), 50) == (4840, 50)
        assert [i[-4:] for i in assembly["stimulus_id"].values] == [row[0] for row in rows]
        assert list(assembly["repetition"].values) == [row[1] for row in rows]
        np.testing.assert_array_equal(assembly.values, np.stack([row[2] for row in rows]))

    def test_facts_of_the_session(self, recordings):
        assembly = recordings.assembly
        repetitions = np.unique(assembly["stimulus_id"].values, return_counts=True)[1]
        assert np.bincount(repetitions)[6:].tolist() == [36, 261, 294, 45, 4]
        assert float(assembly.max()) == 20
        assert float(assembly.mean()) == pytest.approx(2.37166, abs=1e-4)
        assert assembly["neuroid_id"].values[0] == "cowley2023_v4_PE_210325_00"
        assert len(recordings.stimuli) == 640

    def test_images_are_those_of_the_archive(self, recordings, paths):
        images = dict(recordings.images)
        with zipfile.ZipFile(paths["images_210325.zip"]) as archive:
            assert images == {name: archive.read(name) for name in archive.namelist()}
        with Image.open(io.BytesIO(images["image0640.jpg"])) as image:
            assert image.size == (112, 112)
            assert image.mode == "RGB"

    def test_responses_belong_to_their_images(self, recordings):
        """What drives the population most follows the images' detail, only in this order."""
        images = dict(recordings.images)
        detail = [calc_detail(images[name]) for name in recordings.stimuli["filename"]]
        means = recordings.assembly.groupby("stimulus_id").mean()
        means = means.sel(stimulus_id=list(recordings.stimuli["stimulus_id"])).values
        z = (means - means.mean(axis=0)) / means.std(axis=0)
        component = np.linalg.svd(z, full_matrices=False)[0][:, 0]
        shifted = [abs(spearmanr(np.roll(detail, k), component)[0]) for k in range(1, 640, 7)]
        assert abs(spearmanr(detail, component)[0]) == pytest.approx(0.41, abs=0.02)
        assert max(shifted) < 0.15


def calc_detail(content: bytes) -> float:
    """Mean absolute difference of vertical neighbours in grey."""
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=float).mean(axis=-1)
    return float(np.abs(np.diff(pixels, axis=0)).mean())
