"""A .mat file that takes down its reader is one line; any other is left to it."""

import os
import signal
import time

import numpy as np
import pytest
import scipy.io

from tgas_neuro.recordings.formats import mat_probe
from tgas_neuro.recordings.formats.mat_probe import probe_mat
from tgas_neuro.runtime.errors import UserError


@pytest.fixture
def path(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"a": np.arange(3.0)})
    return tmp_path / "a.mat"


def test_a_whole_file_and_what_scipy_reports_are_left_alone(path):
    probe_mat(path)
    path.write_bytes(b"<html>")
    probe_mat(path)


def test_a_crash_is_one_line(path, monkeypatch):
    monkeypatch.setattr(scipy.io, "loadmat", lambda path: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(UserError, match=r"a.mat: not a readable .mat file \(reading it ended with"):
        probe_mat(path)


def test_an_endless_reading_is_one_line(path, monkeypatch):
    monkeypatch.setattr(scipy.io, "loadmat", lambda path: time.sleep(100))
    monkeypatch.setattr(mat_probe, "SECONDS", 0.2)
    with pytest.raises(UserError, match=r"a.mat: not a readable .mat file \(reading it took over"):
        probe_mat(path)
