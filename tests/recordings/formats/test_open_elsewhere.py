"""A file that another program has open for writing is one true line, whatever reads it."""

import subprocess
import sys

import numpy as np
import pytest

from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.formats.array_files import load_variable
from tgas_neuro.recordings.readers.netcdf import open_netcdf_source
from tgas_neuro.runtime.errors import UserError

WRITER = """
import sys, h5py
file = h5py.File(sys.argv[1], "w")
file["x"] = [[1.0, 2.0]]
file.flush()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def write(tmp_path):
    """Open a file for writing in another process, until the end of the test."""
    started = []

    def start(name):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path / name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "open\n"
        return tmp_path / name, process

    yield start
    for process in started:
        process.communicate("")


def open_source(path):
    with open_netcdf_source(path):
        pass


@pytest.mark.parametrize(
    "name, read",
    [
        ("a.nc", load_netcdf),
        ("a.nc", open_source),
        ("a.h5", load_variable),
        ("a.mat", load_variable),
    ],
)
def test_a_file_open_elsewhere_is_one_line(write, name, read):
    path, process = write(name)
    with pytest.raises(UserError, match=rf"{name}: another program has it open for writing; close"):
        read(path)
    process.communicate("")
    if read is load_variable:
        np.testing.assert_array_equal(np.ravel(read(path)), [1, 2])
