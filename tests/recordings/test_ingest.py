"""The recordings stage on made readers and on the real data sets."""

import hashlib
import io
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from scipy.spatial.distance import pdist
from support.recordings import describe

from tgas_neuro import __version__
from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings import ingest
from tgas_neuro.recordings.assembly import Recordings, build_assembly, load_assembly
from tgas_neuro.recordings.datasets.description import (
    Description,
    calc_description_digest,
    load_description,
)
from tgas_neuro.recordings.datasets.files import fetch_files
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.published_rdms import load_rdms
from tgas_neuro.recordings.readers.options import OPTIONS
from tgas_neuro.recordings.stimuli import calc_stimuli_digest, load_stimuli, validate_images
from tgas_neuro.runtime.errors import UserError

NEURAL_DATA = Path(__file__).parents[2] / "neural_data"
DESCRIPTION = describe("netcdf")


def test_every_reader_has_options_and_a_function():
    named = set(get_args(Description.model_fields["reader"].annotation))
    assert named == set(ingest.READERS) == set(OPTIONS)


def encode_image(value: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (value, 0, 0)).save(file, format=kind)
    return file.getvalue()


def make_recordings(**changes) -> Recordings:
    """Three stimuli, a with two repetitions; two sites."""
    ids = ["a", "b", "c"]
    filenames = [f"{stimulus_id}.png" for stimulus_id in ids]
    keys = {
        "stimuli": pd.DataFrame({"stimulus_id": ids, "filename": filenames, "degrees": 8.0}),
        "images": [(name, encode_image(k)) for k, name in enumerate(filenames)][::-1],
        "assembly": build_assembly(
            np.arange(8).reshape(4, 2),
            {"stimulus_id": ["a", "a", "b", "c"], "repetition": [0, 1, 0, 0]},
            {"neuroid_id": ["s0", "s1"], "region": ["V4", "V4"], "animal": ["x", "x"]},
            {"unit": "Hz", "time_window_ms": [70, 170]},
        ),
    }
    return Recordings(**(keys | changes))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Ingest what a made reader gives; returns the folder."""

    def run_reader(description=None, report=None, **changes):
        recordings = make_recordings(**changes)
        monkeypatch.setitem(ingest.READERS, "netcdf", lambda dataset, options, files: recordings)
        changed = DESCRIPTION.model_copy(update=description or {})
        ingest_recordings(changed, {}, tmp_path / "mine", report)
        return tmp_path / "mine"

    return run_reader


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


IMAGES = ["stimuli/a.png", "stimuli/b.png", "stimuli/c.png"]


def test_responses_are_written_with_where_they_come_from(run):
    folder = run()
    assert list_files(folder) == ["assembly.nc", "stimuli.csv", *IMAGES]
    stimuli = load_stimuli(folder / "stimuli.csv")
    assert list(stimuli["stimulus_id"]) == ["a", "b", "c"]
    assert list(stimuli["sha256"]) == [
        hashlib.sha256(encode_image(k)).hexdigest() for k in range(3)
    ]
    validate_images(stimuli, folder / "stimuli")
    assembly = load_assembly(folder / "assembly.nc")
    np.testing.assert_array_equal(assembly.values, np.arange(8).reshape(4, 2))
    attrs = dict(assembly.attrs)
    assert list(attrs.pop("time_window_ms")) == [70, 170]
    assert attrs == {
        "dataset": "mine",
        "simulated": 0,
        "title": "A title",
        "unit": "Hz",
        "source": "https://example.org",
        "license": "MIT",
        "citation": "Somebody (2020)",
        "stimuli_digest": calc_stimuli_digest(stimuli),
        "description_digest": calc_description_digest(DESCRIPTION),
        "tgas_neuro_version": __version__,
        "notes": "all images together have 3 levels of 256 (0 to 2)",
    }


def encode_array(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="TIFF" if pixels.dtype == np.float32 else "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("pixels", "pictures", "shown"),
    [
        (np.uint16([[0, 257], [514, 65535]]), {}, [[0, 1], [2, 255]]),
        (np.float32([[0, 0.2], [0.4, 1]]), {"range": [0, 1]}, [[0, 51], [102, 255]]),
        (np.uint8([[0, 1], [1, 1]]), {"range": [0, 1]}, [[0, 255], [255, 255]]),
    ],
    ids=["16 bits", "float", "0 and 1"],
)
def test_images_are_stored_as_a_candidate_sees_them(run, pixels, pictures, shown):
    others = [(f"{name}.png", encode_image(0)) for name in "bc"]
    images = [("a.png", encode_array(pixels)), *others]
    folder = run(images=images, pictures=Pictures(**pictures))
    stimuli = load_stimuli(folder / "stimuli.csv")
    validate_images(stimuli, folder / "stimuli")
    with Image.open(folder / "stimuli" / stimuli["filename"][0]) as image:
        assert (image.mode, image.format) == ("RGB", "PNG")
        np.testing.assert_array_equal(np.asarray(image)[..., 0], shown)


def test_images_of_zeros_and_ones_are_refused(run):
    images = [
        (f"{name}.png", encode_array(np.eye(4, k=k).astype(np.uint8)))
        for k, name in enumerate("abc")
    ]
    with pytest.raises(UserError, match=r"values 0 and 1 alone.*; set options.pictures.range: "):
        run(images=images)


def test_what_was_converted_is_reported(run):
    lines: list[str] = []
    images = [
        (f"{name}.png", encode_array(np.full((4, 4), 9000 + k, np.uint16)))
        for k, name in enumerate("abc")
    ]
    folder = run(images=images, report=lines.append, notes=("2 sites were left out",))
    assert lines == [
        "Note: mine: 2 sites were left out",
        "Note: mine: 3 of 3 images have 16 bits; 65535 is shown white",
        "Note: mine: 2 of 3 images show the same picture as another (b.png as a.png)",
    ]
    assert load_assembly(folder / "assembly.nc").attrs["notes"].count("\n") == 2


def test_an_image_of_absurd_size_is_one_line(run, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UserError, match=r"'c.png' is too large: it has more than 200 pixels"):
        run()


def test_the_truth_of_a_simulation_is_kept(run):
    truth = xr.DataArray(np.eye(3, 2, dtype=np.float32), dims=("stimulus", "neuroid"))
    folder = run(noise_free=truth)
    assert list_files(folder) == ["assembly.nc", "noise_free.nc", "stimuli.csv", *IMAGES]
    with xr.open_dataset(folder / "noise_free.nc") as dataset:
        np.testing.assert_array_equal(dataset["noise_free"].values, np.eye(3, 2))
        assert dataset["noise_free"].attrs["dataset"] == "mine"


RDM = pdist(np.random.default_rng(0).normal(size=(3, 5)), "correlation").astype(np.float32)


def make_rdms(values: np.ndarray) -> xr.DataArray:
    attrs = {"unit": "1 - r", "time_window_ms": "unknown"}
    return xr.DataArray(
        values[np.newaxis], dims=("region", "pair"), coords={"region": ["IT"]}, attrs=attrs
    )


def test_a_published_rdm_is_written(run):
    folder = run({"provides": "rdm"}, assembly=None, rdms=make_rdms(RDM))
    assert list_files(folder) == ["rdm.nc", "stimuli.csv", *IMAGES]
    rdms = load_rdms(folder / "rdm.nc")
    np.testing.assert_array_equal(rdms["rdm"].values, [RDM])
    assert list(rdms["stimulus_id"].values) == ["a", "b", "c"]
    assert rdms.attrs["license"] == "MIT"


def test_results_of_another_kind_are_replaced(run):
    run(noise_free=xr.DataArray(np.zeros((3, 2)), dims=("stimulus", "neuroid")))
    stimuli = make_recordings().stimuli.assign(filename=["x.png", "y.png", "z.png"])
    images = [(name, encode_image(7)) for name in stimuli["filename"]]
    folder = run(
        {"provides": "rdm"}, assembly=None, rdms=make_rdms(RDM), stimuli=stimuli, images=images
    )
    new = ["rdm.nc", "stimuli.csv", "stimuli/x.png", "stimuli/y.png", "stimuli/z.png"]
    assert list_files(folder) == new


def rename(*filenames) -> pd.DataFrame:
    return make_recordings().stimuli.assign(filename=list(filenames))


GOOD = make_recordings().images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            dict(images=GOOD[1:]),
            r"image 'c.png' is missing \(1 such\); .* names 3 images, there ar",
        ),
        (dict(images=[*GOOD, ("d.png", b"")]), "image 'd.png' belongs to no stimulus"),
        (dict(images=[("a.png", b"not an image")]), "image 'a.png' cannot be decoded"),
        (dict(images=[("a.png", encode_image(1)[:-30])]), "image 'a.png' cannot be decoded"),
        (
            dict(images=[("a.png", encode_image(1, "JPEG")[:-100])]),
            "image 'a.png' cannot be decoded",
        ),
        (dict(stimuli=rename("../a.png", "b.png", "c.png")), "file name '../a.png' is not plain"),
        (dict(stimuli=rename("/a.png", "b.png", "c.png")), "file name '/a.png' is not plain"),
        (dict(stimuli=rename("x/a.png", "b.png", "c.png")), "file name 'x/a.png' is not plain"),
        (dict(stimuli=rename("..", "b.png", "c.png")), "file name '..' is not plain"),
        (
            dict(stimuli=rename("a.png", "a.png", "c.png")),
            "image '[bc].png' belongs to no stimulus",
        ),
        (
            dict(stimuli=make_recordings().stimuli.assign(stimulus_id=["a", "a", "c"])),
            "stimulus_id 'a' appears more than once",
        ),
        (
            dict(stimuli=make_recordings().stimuli.assign(stimulus_id=["a", "b", "x"])),
            r"stimulus 'c' is missing from the stimulus table .* 3 stimuli in the table, 3 with",
        ),
        (dict(assembly=make_recordings().assembly * np.nan), "site 's0' has no finite response"),
        (dict(assembly=None), "provides: 'responses', but reader 'netcdf' gives nothing"),
        (
            dict(assembly=None, rdms=make_rdms(RDM)),
            "provides: 'responses', but reader 'netcdf' gives rdm; correct the key",
        ),
    ],
)
def test_a_mistake_is_named_and_writes_nothing(run, tmp_path, changes, message):
    if changes.get("assembly") is not None:
        changes["assembly"] = changes["assembly"].assign_attrs(make_recordings().assembly.attrs)
    with pytest.raises(UserError, match=rf"^mine(.yaml)?: .*{message}"):
        run(**changes)
    if (tmp_path / "mine").exists():
        assert list((tmp_path / "mine").iterdir()) == []


def test_an_rdm_of_other_stimuli_is_named(run):
    with pytest.raises(UserError, match="the RDM has 1 pairs, 3 stimuli make 3"):
        run({"provides": "rdm"}, assembly=None, rdms=make_rdms(RDM[:1]))


def test_a_mistake_leaves_older_results(run):
    folder = run()
    with pytest.raises(UserError):
        run(images=GOOD[1:])
    assert list_files(folder) == ["assembly.nc", "stimuli.csv", *IMAGES]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dataset", "result", "n_stimuli"),
    [("cowley2023_v4", "assembly.nc", 640), ("kriegeskorte2008_it", "rdm.nc", 92)],
)
def test_real_data_sets_from_the_mirror(real_data, tmp_path, dataset, result, n_stimuli):
    description = load_description(dataset, [NEURAL_DATA])
    files = fetch_files(description, tmp_path / "raw", real_data)
    ingest_recordings(description, files, tmp_path / dataset)
    stimuli = load_stimuli(tmp_path / dataset / "stimuli.csv")
    assert len(stimuli) == n_stimuli
    validate_images(stimuli, tmp_path / dataset / "stimuli")
    load = load_assembly if result == "assembly.nc" else load_rdms
    attrs = load(tmp_path / dataset / result).attrs
    assert attrs["stimuli_digest"] == calc_stimuli_digest(stimuli)
    assert attrs["license"] == description.license


def test_names_that_other_programs_take_for_missing_values_are_kept(source):
    words = ["NA", "None", "null", "nan", "007"]
    source.table["object_name"] = words
    source.table["filename"] = [f"{word}.png" for word in words]
    source.images = dict(zip(source.table["filename"], source.images.values(), strict=True))
    assembly, stimuli, _ = source.ingest("netcdf")
    assert stimuli["object_name"].tolist() == words
    assert stimuli["filename"].tolist() == source.table["filename"].tolist()
    shown = dict(zip(source.table["stimulus_id"], words, strict=True))
    found = assembly["stimulus_id"].values.astype(str)
    assert assembly["object_name"].values.tolist() == [shown[name] for name in found]
