import dataclasses
import pickle

import pytest
import torch

from tgas_neuro.final.training.checkpoint import (
    Checkpoint,
    keep_foreign,
    load_checkpoint,
    write_checkpoint,
    write_weights,
)


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
    assert [entry.name for entry in path.parent.iterdir()] == ["checkpoint.pt"]


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
