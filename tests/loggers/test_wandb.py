"""The offline run of Weights & Biases: its file, read with W&B's own messages."""

import json
import struct

import pytest

pytest.importorskip("wandb", reason="needs the extra wandb")

from tgas_neuro.loggers.wandb_run import FOLDER, write_run

BLOCK, HEADER = 32768, 7


def read_messages(path):
    """Messages of a .wandb file: records of leveldb's log, after seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts = path.read_bytes(), 7, []
    assert data[:4] == b":W&B"
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:  # the rest of a block is empty
            place += BLOCK - place % BLOCK
            continue
        length, kind = struct.unpack("<HB", data[place + 4 : place + HEADER])
        parts.append(data[place + HEADER : place + HEADER + length])
        place += HEADER + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(b"".join(parts))
            parts = []


def read_history(log):
    """Step to its values, of the only run that is there."""
    (path,) = (log.folder / FOLDER).glob("offline-run-*/*.wandb")
    steps, name = {}, None
    for message in read_messages(path):
        if message.HasField("history"):
            items = message.history.item
            values = {one.key or one.nested_key[0]: json.loads(one.value_json) for one in items}
            steps[values["_step"]] = values
        if message.HasField("run"):
            name = message.run.display_name
    return name, steps


def test_a_step_for_each_candidate_and_one_run_whatever_is_repeated(make_log):
    for number in (1, 2, 2):
        log = make_log(number)
        write_run(log)
        name, steps = read_history(log)
        assert name == log.name
        assert list(steps) == list(range(1, len(log.rows) + 1))
        for row, values in zip(log.rows, steps.values(), strict=True):
            for column in ("id", "state", "reward", "P", "TG", "TG_IT", "params", "seconds"):
                assert values.get(column) == row[column]
    assert [values["best"] for values in steps.values()] == [1.0, 1.0, 1.625, 1.625, 1.625, 1.625]
    left = [path.name for path in (log.folder / FOLDER).iterdir()]
    assert len(left) == 1 and left[0].startswith("offline-run-")
