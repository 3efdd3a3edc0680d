"""Small recordings and data sets of which only an RDM was published, for teachers of all kinds."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from tgas_neuro.recordings.assembly import REQUIRED_ATTRS
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.published_rdms import build_rdm_dataset, write_rdms
from tgas_neuro.runtime.files import calc_sha256
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import Source, TeacherOptions

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tiny_networks():
    """The module of that name beside this file, importable as a user's own."""
    sys.path.insert(0, str(Path(__file__).parent))
    yield importlib.import_module("tiny_networks")
    sys.path.remove(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """Folder of simulated recordings: 64 stimuli, 40 V4 and 50 IT sites in two animals."""
    description = load_description("simulated", [PROJECT / "neural_data"])
    description = description.change_options(
        image_size=32,
        images_per_object={"V0": 1, "V3": 0, "V6": 0},
        sites={"V4": 40, "IT": 50},
        repetitions=[6, 9],
    )
    folder = tmp_path_factory.mktemp("simulated") / "simulated"
    ingest_recordings(description, {}, folder)
    return folder


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Folder of a data set with 12 stimuli in 6 objects, of which only the RDM of IT is known."""
    folder = tmp_path_factory.mktemp("published") / "published"
    generator = np.random.default_rng(0)
    (folder / "stimuli").mkdir(parents=True)
    names = [f"s{number:02d}.png" for number in range(12)]
    for name in names:
        pixels = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "stimuli" / name)
    table = pd.DataFrame(
        {
            "stimulus_id": [name[:-4] for name in names],
            "filename": names,
            "sha256": [calc_sha256(folder / "stimuli" / name) for name in names],
            "degrees": 8.0,
            "object_name": [f"object_{number // 2}" for number in range(12)],
        }
    )
    table.to_csv(folder / "stimuli.csv", index=False)
    rdm = xr.DataArray(
        generator.random((1, 66)), dims=("region", "pair"), coords={"region": ["IT"]}
    )
    attrs = dict.fromkeys(REQUIRED_ATTRS, "a test") | {"dataset": "published"}
    write_rdms(folder / "rdm.nc", build_rdm_dataset(rdm, list(table["stimulus_id"]), attrs))
    return folder


@pytest.fixture(scope="session")
def build():
    """Build a teacher of one data set's folder, or of several with the data sets' names."""

    def build_one(folder, regions=("V4", "IT"), select=None, lines=None, **changes):
        options = {
            "level": "image",
            "splits": 10,
            "uncorrected": (),
            "size": 16,
            "visual_degrees": 8,
            "min_site_reliability": 0.2,
            "normalise": "zscore",
            "threads": 1,
            "seed": 0,
        }
        return build_teacher(
            {name: Source(_list_folders(folder), select or {}) for name in regions},
            TeacherOptions(**options | changes),
            {"made": "by a test"},
            (lines if lines is not None else []).append,
        )

    return build_one


def _list_folders(folder):
    return folder if isinstance(folder, dict) else {folder.name: folder}
