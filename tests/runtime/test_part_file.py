"""The unfinished file of a download, and which process may write to it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tgas_neuro.runtime.files import STALE, own_part


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_has_arrived_is_kept_for_the_next(tmp_path):
    with own_part(tmp_path / "file") as part:
        assert part.size() == 0
        part.file.write(b"abc")
        assert part.size() == 3
        assert list_files(tmp_path) == [part.path.name]
    assert list_files(tmp_path) == ["file.part"]
    with own_part(tmp_path / "file") as part:
        assert part.size() == 3
        part.file.write(b"def")
        assert (
            part.calc_sha256()  # of b"abcdef", by coreutils' sha256sum
            == "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"
        )
        part.file.write(b"g")
        assert part.size() == 7
        part.clear()
        part.file.write(b"ghi")
    assert (tmp_path / "file.part").read_bytes() == b"ghi"


@pytest.mark.parametrize("fails", [False, True])
def test_an_empty_part_is_deleted(tmp_path, fails):
    try:
        with own_part(tmp_path / "file"):
            if fails:
                raise ConnectionError
    except ConnectionError:
        pass
    assert list_files(tmp_path) == []


def test_a_published_part_has_the_final_name_and_nothing_stays_beside_it(tmp_path):
    with own_part(tmp_path / "file") as part:
        part.file.write(b"whole")
        (tmp_path / "file.part").write_bytes(b"left meanwhile by another process")
        part.publish(tmp_path / "file")
    assert list_files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_two_at_once_have_parts_of_their_own(tmp_path):
    with own_part(tmp_path / "file") as first:
        first.file.write(b"abcd")
        first.file.flush()
        with own_part(tmp_path / "file") as second:
            assert second.size() == 0
            second.file.write(b"ab")
        assert list_files(tmp_path) == sorted([first.path.name, "file.part"])
        assert first.size() == 4
    # of the two that were left the longer one stays
    assert list_files(tmp_path) == ["file.part"]
    assert (tmp_path / "file.part").read_bytes() == b"abcd"


def test_the_longest_abandoned_part_is_continued(tmp_path):
    dead = "00000000-1-00000000"
    for name, content in (
        ("file.part", b"ab"),
        (f".file.{dead}.part", b"abc"),  # of another machine, see below
        (f".file.more.{dead}.part", b"abcdef"),  # of file.more, not of file
        (".file.notes.part", b"abcdefg"),  # nobody's
    ):
        (tmp_path / name).write_bytes(content)
    old = time.time() - 2 * STALE
    os.utime(tmp_path / f".file.{dead}.part", (old, old))
    with own_part(tmp_path / "file") as part:
        assert part.size() == 3
        part.publish(tmp_path / "file")
    assert list_files(tmp_path) == sorted(["file", f".file.more.{dead}.part", ".file.notes.part"])


def test_a_part_that_another_machine_writes_to_is_left_alone(tmp_path):
    live = tmp_path / ".file.00000000-1-00000000.part"
    live.write_bytes(b"abc")
    with own_part(tmp_path / "file") as part:
        assert part.size() == 0
        part.file.write(b"whole")
        part.publish(tmp_path / "file")
    assert list_files(tmp_path) == sorted([live.name, "file"])


DYING = """
import os, pathlib, signal, sys
from tgas_neuro.runtime.files import own_part
with own_part(pathlib.Path(sys.argv[1])) as part:
    part.file.write(b"abc")
    part.file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_part_of_a_killed_process_is_continued_at_once(tmp_path):
    child = subprocess.run([sys.executable, "-c", DYING, tmp_path / "file"], check=False)
    assert child.returncode == -signal.SIGKILL
    assert len(list_files(tmp_path)) == 1
    with own_part(tmp_path / "file") as part:
        assert part.size() == 3
        assert list_files(tmp_path) == [part.path.name]


def test_who_only_slept_cannot_harm_the_adopted_part(tmp_path):
    with own_part(tmp_path / "file") as asleep:
        asleep.file.write(b"abc")
        asleep.file.flush()
        old = time.time() - 2 * STALE
        os.utime(asleep.path, (old, old))
        with own_part(tmp_path / "file") as awake:
            assert awake.size() == 3
            awake.file.write(b"def")
            asleep.file.write(b"xyz")
            asleep.file.flush()
            awake.publish(tmp_path / "file")
        asleep.file.write(b"xyz")
        with pytest.raises(FileNotFoundError):
            asleep.publish(tmp_path / "file")
    assert list_files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"abcdef"


def test_a_sign_of_life_keeps_a_part_from_being_adopted(tmp_path):
    with own_part(tmp_path / "file") as part:
        old = time.time() - 2 * STALE
        os.utime(part.path, (old, old))
        part.show_life()
        with own_part(tmp_path / "file"):
            assert part.path.is_file()
        os.utime(part.path, (old, old))
        with own_part(tmp_path / "file"):
            assert not part.path.is_file()
        part.show_life()  # its path is gone: nothing to do
