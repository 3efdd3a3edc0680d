"""Damaged HDF5 files that end a process, or never end, are told in one line."""

import faulthandler
import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tgas_neuro.recordings.formats import hdf5_probe
from tgas_neuro.recordings.formats.hdf5_probe import probe_hdf5
from tgas_neuro.runtime.errors import UserError


def write_texts(path: Path, userblock: int = 0) -> Path:
    """A file with texts in a heap, as attributes and in a dataset."""
    with h5py.File(path, "w", userblock_size=userblock) as file:
        file["names"] = np.array(["Jean", "Pàul", "Bo"], dtype=h5py.string_dtype())
        file.attrs["title"] = "macaque IT"
        file["responses"] = np.zeros((3, 4))
    return path


def damage_heap(path: Path) -> Path:
    """Zero what follows the first text in its heap: HDF5 then looks for the next one for ever."""
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 40 : heap + 104] = bytes(64)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("userblock", [0, 512])
def test_a_whole_file_passes(tmp_path, userblock):
    probe_hdf5(write_texts(tmp_path / "a.h5", userblock))


@pytest.mark.parametrize("userblock", [0, 512])
def test_a_file_that_never_ends_is_told(tmp_path, userblock):
    path = damage_heap(write_texts(tmp_path / "a.h5", userblock))
    begin = time.monotonic()
    with pytest.raises(UserError, match=r"a.h5: a damaged HDF5 file: .* did not end within 1 s; c"):
        probe_hdf5(path, seconds=1.0)
    assert time.monotonic() - begin >= 1.0


def test_a_crash_of_the_library_is_told_and_asked_for_once(tmp_path, monkeypatch):
    def crash(path):
        faulthandler.disable()
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(hdf5_probe, "_walk", crash)
    path = write_texts(tmp_path / "a.h5")
    for _ in range(2):
        with pytest.raises(UserError, match=r"a.h5: .* ended with signal SIGSEGV; copy it again"):
            probe_hdf5(path)
        monkeypatch.undo()  # known, so that the second time no child is needed
    path.write_bytes(path.read_bytes() + b"\0")  # another file is probed again
    probe_hdf5(path)


def test_what_the_library_reports_itself_and_other_files_are_left_to_the_reader(tmp_path):
    path = write_texts(tmp_path / "a.h5")
    path.write_bytes(path.read_bytes()[:600])
    probe_hdf5(path)
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    probe_hdf5(tmp_path / "a.npy")
    probe_hdf5(tmp_path / "absent.h5")
