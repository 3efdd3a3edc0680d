"""A made file of the laboratory's form, read with the options of a test."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from support.lab_file import LabFileForm, write_lab_file
from support.recordings import describe, read_recordings

NAME = "ventral_neural_data.hdf5"
FORM = LabFileForm(
    images={"V0": 4, "V3": 5, "V6": 6},
    trials={"V0": 2, "V3": 4, "V6": 3},
    sites={"V4": 3, "IT": 4},
    image_size=8,
)


@pytest.fixture
def description():
    """Of the made file, without options."""
    return describe("lab_hdf5", name="lab")


@pytest.fixture
def form() -> LabFileForm:
    """Of the made file."""
    return FORM


@pytest.fixture
def read():
    """Read a file with these options."""
    return read_file


def read_file(path: Path, **options):
    return read_recordings("lab_hdf5", options, {NAME: path}, "lab")


@pytest.fixture
def path(tmp_path):
    write_lab_file(tmp_path / NAME, np.random.default_rng(0), FORM)
    return tmp_path / NAME


@pytest.fixture
def change():
    """Replace a dataset by what a function makes of its content; None: it goes."""
    return change_dataset


def change_dataset(path, name, function):
    """Replace a dataset by what `function` makes of its content."""
    with h5py.File(path, "r+") as file:
        values = function(file[name][()])
        del file[name]
        if values is not None:
            file[name] = values
