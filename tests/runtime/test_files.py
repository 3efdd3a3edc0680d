"""Files appear whole or not at all, and digests and seeds are what they say."""

import hashlib
import json
import os

import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.files import (
    calc_digest,
    calc_sha256,
    check_writable,
    read_json,
    write_json,
    written_whole,
)
from tgas_neuro.runtime.provenance import derive_generator, derive_seed


def test_nothing_is_left_after_an_error(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with pytest.raises(RuntimeError), written_whole(path) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with written_whole(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_json_round_trip_and_no_nan(tmp_path):
    path = tmp_path / "content.json"
    content = {"b": [1, 2.5, None], "a": {"é": True}}
    write_json(path, content)
    assert read_json(path) == content
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"value": float("nan")})
    assert read_json(path) == content


def test_broken_json_is_one_line(tmp_path):
    path = tmp_path / "content.json"
    path.write_text('{"a": 1')
    with pytest.raises(UserError, match=r"content.json: not JSON .*delete it") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such file"):
        read_json(tmp_path / "absent.json")


def test_what_is_no_readable_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("{}")
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "file/x", "Not a directory")):
        with pytest.raises(UserError, match=f"{path}: not a readable file .{reason}"):
            read_json(path)


def test_whether_a_file_can_be_written_is_asked_without_a_trace(tmp_path):
    (tmp_path / "file").write_text("old")
    for path in ("file", "new", "new/deep/file"):
        check_writable(tmp_path / path, "--out")
    for path, reason in ((".", "is a folder"), ("file/x", "cannot be written .Not a directory")):
        with pytest.raises(UserError, match=f"--out: {tmp_path / path}: {reason}"):
            check_writable(tmp_path / path, "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match=r"--out: .*cannot be written .Permission denied"):
        check_writable(tmp_path / "new", "--out")


def test_digests(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert calc_sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()
    assert calc_digest({"b": 1, "a": [2]}) == hashlib.sha256(b'{"a":[2],"b":1}').hexdigest()


def test_seeds_differ_by_purpose_and_stay():
    expected = int.from_bytes(
        hashlib.sha256(json.dumps([7, "train", "ab"], separators=(",", ":")).encode()).digest()[:8],
        "big",
    )
    assert derive_seed(7, "train", "ab") == expected >> 1
    seeds = {derive_seed(run, "x", number) for run in range(20) for number in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**63 for seed in seeds)
    first, second = derive_generator(1, "a").random(5), derive_generator(1, "a").random(5)
    np.testing.assert_array_equal(first, second)


def test_choices_are_listed():
    with pytest.raises(UserError, match="level: 'pixel' is not one of: image, object"):
        check_choice("level", "pixel", ("image", "object"))
    check_choice("level", "image", ("image", "object"))


def test_a_user_error_is_one_line():
    assert str(UserError("two\n  lines")) == "two lines"
