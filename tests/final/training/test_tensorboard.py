"""The log as TensorBoard shows it, where it is installed."""

import pytest

from tgas_neuro.final.training import tensorboard
from tgas_neuro.final.training.log import LogEntry

LOG = [
    LogEntry(1, 0.1, 2.0, 100, 4.0),
    LogEntry(2, 0.05, 1.5, 100, 5.0, 0.25, 0.5, 1.75, 1.0),
]


def read(folder):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    found = event_accumulator.EventAccumulator(str(folder))
    found.Reload()
    return {
        name: [(point.step, point.value) for point in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def test_holds_the_log_and_nothing_of_a_broken_run(tmp_path):
    pytest.importorskip("tensorboard")
    first = tensorboard.Board(tmp_path / "tb", LOG)
    first.add(LogEntry(3, 0.02, 9.0, 100, 4.0))  # an epoch that a break takes back
    first.close()
    board = tensorboard.Board(tmp_path / "tb", LOG[:1])
    board.add(LOG[1])
    board.close()
    found = read(tmp_path / "tb")
    assert found["loss/train"] == [(1, 2.0), (2, 1.5)]
    assert found["accuracy/top1"] == [(2, 0.25)]
    assert found["training/images_per_second"] == [(1, 25.0), (2, 20.0)]
    assert set(found) == set(tensorboard.CURVES.values())


def test_nothing_is_written_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard.importlib.util, "find_spec", lambda name: None)
    board = tensorboard.Board(tmp_path / "tb", LOG)
    board.add(LOG[1])
    board.close()
    assert not (tmp_path / "tb").exists()
