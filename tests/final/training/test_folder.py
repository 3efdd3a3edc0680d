"""Checkpoints, the log, and the log as TensorBoard shows it where it is installed."""

import dataclasses
import pickle
from pathlib import Path

import pytest
import torch

from tgas_neuro.final.training import folder
from tgas_neuro.final.training.folder import (
    CURVES,
    Board,
    Checkpoint,
    LogEntry,
    describe_epoch,
    describe_seconds,
    keep_foreign,
    load_checkpoint,
    write_checkpoint,
    write_log,
    write_weights,
)

LOG = [
    LogEntry(1, 0.1, 2.0, 100, 4.0),
    LogEntry(2, 0.05, 1.5, 100, 5.0, 0.25, 0.5, 1.75, 1.0),
]


@pytest.fixture
def checkpoint():
    return Checkpoint(
        identity="abc",
        epoch=2,
        step=1,
        sums={"loss": 0.5, "seconds": 2.0},
        model={"weight": torch.arange(3.0)},
        optimizer={"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": []},
        log=[{"epoch": 1}, {"epoch": 2}],
    )


def test_comes_back_as_it_was(tmp_path, checkpoint):
    path = tmp_path / "new" / "checkpoint.pt"
    write_checkpoint(path, checkpoint)
    found, remark = load_checkpoint(path, "abc")
    assert remark is None
    assert (found.epoch, found.step) == (2, 1)
    assert found.sums == checkpoint.sums
    assert found.log == checkpoint.log
    assert torch.equal(found.model["weight"], torch.arange(3.0))
    assert torch.equal(found.optimizer["state"][0]["momentum_buffer"], torch.ones(3))
    names = sorted(entry.name for entry in path.parent.iterdir())
    assert names == ["checkpoint.pt", "checkpoint.pt.sha256"]


def test_one_changed_byte_of_a_checkpoint_is_noticed(tmp_path, checkpoint):
    path = tmp_path / "checkpoint.pt"
    for step in range(2):  # a later one takes the place of the first
        write_checkpoint(path, dataclasses.replace(checkpoint, step=step))
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        found, remark = load_checkpoint(path, "abc")
        assert found is None
        assert "(it was changed after it was written); starting from the beginning" in remark
    path.write_bytes(content)
    assert load_checkpoint(path, "abc")[0].step == 1


def test_a_kill_between_note_and_checkpoint_loses_nothing(tmp_path, checkpoint, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, checkpoint)
    rename = Path.replace

    def stop(self, target):
        if Path(target) == path:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", stop)
    for step in range(2, 5):  # killed again and again
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(path, dataclasses.replace(checkpoint, step=step))
        assert load_checkpoint(path, "abc")[0].step == checkpoint.step


def test_no_file_is_no_checkpoint_and_no_remark(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoint.pt", "abc") == (None, None)


def test_of_another_run_is_not_used_and_said(tmp_path, checkpoint):
    write_checkpoint(tmp_path / "c.pt", checkpoint)
    found, remark = load_checkpoint(tmp_path / "c.pt", "other")
    assert found is None
    assert "another configuration" in remark


def test_broken_files_are_not_used_and_said(tmp_path, checkpoint):
    path = tmp_path / "c.pt"
    write_checkpoint(path, checkpoint)
    whole = path.read_bytes()
    other = tmp_path / "other.pt"
    torch.save({"something": 1}, other)
    broken = [b"", b"nonsense", whole[: len(whole) // 2], whole[:-30], other.read_bytes()]
    for content in broken:
        path.write_bytes(content)
        found, remark = load_checkpoint(path, "abc")
        assert found is None
        assert "not a readable checkpoint" in remark
        assert "\n" not in remark


class Trap:
    def __reduce__(self):
        return (exec, ("import builtins; builtins.trapped = True",))


def test_pickled_objects_are_refused(tmp_path):
    import builtins

    path = tmp_path / "c.pt"
    torch.save({"identity": "abc", "trap": Trap()}, path)
    found, remark = load_checkpoint(path, "abc")
    assert found is None
    assert "not a readable checkpoint" in remark
    path.write_bytes(pickle.dumps(Trap()))
    assert load_checkpoint(path, "abc")[0] is None
    assert not hasattr(builtins, "trapped")


def test_weights_are_a_state_dict(tmp_path):
    write_weights(tmp_path / "weights.pt", {"a": torch.arange(4)})
    found = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert list(found) == ["a"]
    assert torch.equal(found["a"], torch.arange(4))


def test_a_checkpoint_of_something_else_is_kept(tmp_path, checkpoint):
    path = tmp_path / "checkpoint.pt"
    keep_foreign(path, "own")  # nothing is there
    path.write_bytes(b"no checkpoint")
    keep_foreign(path, "own")
    assert path.read_bytes() == b"no checkpoint"
    write_checkpoint(path, dataclasses.replace(checkpoint, identity="a" * 64))
    keep_foreign(path, "a" * 64)
    assert path.exists()
    _, remark = load_checkpoint(path, "b" * 64)
    keep_foreign(path, "b" * 64)
    assert not path.exists()
    assert "keeping it as checkpoint-aaaaaaaa.pt" in remark
    kept, _ = load_checkpoint(tmp_path / "checkpoint-aaaaaaaa.pt", "a" * 64)
    assert kept is not None


def test_line_tells_speed_and_time_left():
    log = [LogEntry(1, 0.1, 2.0, 1000, 40.0), LogEntry(2, 0.05, 1.5, 1000, 20.0)]
    line = describe_epoch(log, 6)
    assert line == "final: epoch 2/6  loss 1.500  50 images/s  2 min 00 s left"


@pytest.mark.parametrize(
    "seconds, text", [(0.2, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (18120, "5 h 02 min")]
)
def test_durations(seconds, text):
    assert describe_seconds(seconds) == text


def test_file_keeps_every_digit(tmp_path):
    write_log(tmp_path / "log.csv", [LogEntry(1, 0.1, 1 / 3, 5, 0.25)])
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == (
        "epoch,learning_rate,train_loss,images,seconds,val_top1,val_top5,val_loss,val_seconds,"
        "images_per_second"
    )
    values = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(values["train_loss"]) == 1 / 3
    assert values["val_top1"] == ""
    assert float(values["images_per_second"]) == 20


def read_curves(path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    found = event_accumulator.EventAccumulator(str(path))
    found.Reload()
    return {
        name: [(point.step, point.value) for point in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def test_holds_the_log_and_nothing_of_a_broken_run(tmp_path):
    pytest.importorskip("tensorboard")
    first = Board(tmp_path / "tb", LOG)
    first.add(LogEntry(3, 0.02, 9.0, 100, 4.0))  # an epoch that a break takes back
    first.close()
    board = Board(tmp_path / "tb", LOG[:1])
    board.add(LOG[1])
    board.close()
    found = read_curves(tmp_path / "tb")
    assert found["loss/train"] == [(1, 2.0), (2, 1.5)]
    assert found["accuracy/top1"] == [(2, 0.25)]
    assert found["training/images_per_second"] == [(1, 25.0), (2, 20.0)]
    assert set(found) == set(CURVES.values())


def test_nothing_is_written_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.importlib.util, "find_spec", lambda name: None)
    board = Board(tmp_path / "tb", LOG)
    board.add(LOG[1])
    board.close()
    assert not (tmp_path / "tb").exists()
