"""A queue of SLURM's that the commands ask."""

import os

import pytest
from support.slurm_queue import Queue


@pytest.fixture
def queue(tmp_path, monkeypatch):
    queue = Queue(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{queue.folder}:{os.environ['PATH']}")
    monkeypatch.setattr("tgas_neuro.runtime.slurm.PAUSE", 0.01)
    return queue
