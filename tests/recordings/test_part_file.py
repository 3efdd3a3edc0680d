"""The unfinished file of a download, and who may hold it."""

import threading
import time

import pytest

from tgas_neuro.recordings.part_file import locked_part


def test_what_has_arrived_is_kept_for_the_next(tmp_path):
    with locked_part(tmp_path / "file") as part:
        assert part.size() == 0
        part.file.write(b"abc")
        assert part.size() == 3
    with locked_part(tmp_path / "file") as part:
        assert part.size() == 3
        part.file.write(b"def")
        part.clear()
        part.file.write(b"ghi")
    assert (tmp_path / "file.part").read_bytes() == b"ghi"


@pytest.mark.parametrize("fails", [False, True])
def test_an_empty_part_is_deleted(tmp_path, fails):
    try:
        with locked_part(tmp_path / "file"):
            if fails:
                raise ConnectionError
    except ConnectionError:
        pass
    assert list(tmp_path.iterdir()) == []


def test_who_waited_for_a_part_that_was_renamed_gets_a_new_one(tmp_path, capfd):
    sizes = []

    def wait_for_it():
        with locked_part(tmp_path / "file") as part:
            sizes.append(part.size())

    with locked_part(tmp_path / "file") as part:
        part.file.write(b"all")
        part.file.flush()
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        while "waiting" not in capfd.readouterr().err:  # until it waits for the lock
            time.sleep(0.01)
        part.path.rename(tmp_path / "file")
    waiting.join(20)
    assert sizes == [0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_locks_the_part_has_a_name_of_its_own(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked_part(tmp_path / "file") as first, locked_part(tmp_path / "file") as second:
        assert first.path != second.path
        first.file.write(b"abc")
        assert second.size() == 0
