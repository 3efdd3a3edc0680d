"""The guard around libraries that crash or hang, tested with readers that exit or sleep instead."""

import faulthandler
import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from tgas_neuro.recordings.formats import subprocess_probe
from tgas_neuro.recordings.formats.subprocess_probe import probe_hdf5, probe_mat, read_in_child
from tgas_neuro.runtime.errors import UserError


def write_texts(path: Path, userblock: int = 0) -> Path:
    """A file with texts as attributes and in a dataset."""
    with h5py.File(path, "w", userblock_size=userblock) as file:
        file["names"] = np.array(["Jean", "Pàul", "Bo"], dtype=h5py.string_dtype())
        file.attrs["title"] = "macaque IT"
        file["responses"] = np.zeros((3, 4))
    return path


@pytest.fixture
def mat_path(tmp_path) -> Path:
    scipy.io.savemat(tmp_path / "a.mat", {"a": np.arange(3.0)})
    return tmp_path / "a.mat"


def sleep(path: str) -> None:
    time.sleep(100)


def crash(path: str) -> None:
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def fail(path: str) -> None:
    raise OSError(f"{path} is damaged")


@pytest.mark.parametrize(("read", "code"), [(sleep, None), (crash, -signal.SIGSEGV), (fail, 0)])
def test_the_child_says_how_it_ended(tmp_path, read, code):
    begin = time.monotonic()
    assert read_in_child(read, tmp_path / "a.h5", seconds=1.0 if code is None else 30.0) == code
    assert (time.monotonic() - begin >= 1.0) or code is not None


@pytest.mark.parametrize("userblock", [0, 512])
def test_a_whole_hdf5_file_passes(tmp_path, userblock):
    probe_hdf5(write_texts(tmp_path / "a.h5", userblock))


@pytest.mark.parametrize("userblock", [0, 512])
def test_an_hdf5_file_that_never_ends_is_one_line(tmp_path, userblock, monkeypatch):
    monkeypatch.setattr(subprocess_probe, "read_texts", sleep)
    path = write_texts(tmp_path / "a.h5", userblock)
    begin = time.monotonic()
    with pytest.raises(UserError, match=r"a.h5: a damaged HDF5 file: .* did not end within 1 s; c"):
        probe_hdf5(path, seconds=1.0)
    assert time.monotonic() - begin >= 1.0


def test_a_crash_on_an_hdf5_file_is_one_line_and_the_file_is_probed_once(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess_probe, "read_texts", crash)
    path = write_texts(tmp_path / "a.h5")
    for _ in range(2):
        with pytest.raises(UserError, match=r"a.h5: .* ended with signal SIGSEGV; copy it again"):
            probe_hdf5(path)
        monkeypatch.undo()  # the end is known, so the second time no child is needed
    path.write_bytes(path.read_bytes() + b"\0")  # another file is probed again
    probe_hdf5(path)


def test_errors_of_the_library_and_files_of_other_kinds_pass(tmp_path):
    path = write_texts(tmp_path / "a.h5")
    path.write_bytes(path.read_bytes()[:600])
    probe_hdf5(path)
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    probe_hdf5(tmp_path / "a.npy")
    probe_hdf5(tmp_path / "absent.h5")


def test_a_whole_mat_file_and_what_scipy_reports_pass(mat_path):
    probe_mat(mat_path)
    mat_path.write_bytes(b"<html>")
    probe_mat(mat_path)


def test_a_crash_on_a_mat_file_is_one_line(mat_path, monkeypatch):
    monkeypatch.setattr(subprocess_probe, "read_mat", crash)
    with pytest.raises(UserError, match=r"a.mat: not a readable .mat file \(reading it ended with"):
        probe_mat(mat_path)


def test_a_mat_file_that_never_ends_is_one_line(mat_path, monkeypatch):
    monkeypatch.setattr(subprocess_probe, "read_mat", sleep)
    monkeypatch.setattr(subprocess_probe, "MAT_SECONDS", 0.2)
    with pytest.raises(UserError, match=r"a.mat: not a readable .mat file \(reading it took over"):
        probe_mat(mat_path)


def count_slowly(path: str) -> None:
    for _ in range(6):
        time.sleep(0.3)
        subprocess_probe.note_progress()


def test_a_file_of_many_objects_may_take_longer_than_one_of_them(tmp_path):
    """1.8 s in all under a limit of 1 s, which is that of a single object."""
    assert read_in_child(count_slowly, tmp_path / "a.h5", seconds=1.0) == 0
