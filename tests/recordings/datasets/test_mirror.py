"""Files that need no internet: from a mirror, of the user's own, or there already."""

import hashlib
from pathlib import Path

import pytest
from support.recordings import describe

from tgas_neuro.recordings.datasets.description import Download
from tgas_neuro.recordings.datasets.files import check_files, fetch_download, fetch_files
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import PartFile

CONTENT = bytes(range(256)) * 3000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
WRONG = b"x" + CONTENT[1:]
WRONG_DIGEST = hashlib.sha256(WRONG).hexdigest()
URL = "https://example.invalid/file.npy"


@pytest.fixture(autouse=True)
def no_internet(monkeypatch):
    """A request is a mistake here."""

    def refuse(*arguments, **keys):
        raise AssertionError("asked the internet")

    monkeypatch.setattr("requests.get", refuse)


@pytest.fixture
def mirror(tmp_path) -> Path:
    (tmp_path / "mirror" / "mine").mkdir(parents=True)
    (tmp_path / "mirror" / "mine" / "file.npy").write_bytes(CONTENT)
    return tmp_path / "mirror"


def fetch(folder: Path, mirror: Path) -> Path:
    file = Download(name="file.npy", url=URL, sha256=DIGEST)
    return fetch_download(file, "mine", folder / "raw", mirror)


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_mirror_is_looked_in_first(mirror, tmp_path):
    path = fetch(tmp_path, mirror)
    assert path.read_bytes() == CONTENT
    assert not path.samefile(mirror / "mine" / "file.npy")
    assert list_files(tmp_path / "raw") == ["file.npy"]


def test_a_part_that_a_download_left_does_not_spoil_the_copy(mirror, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.npy.part").write_bytes(WRONG[:5000])
    assert fetch(tmp_path, mirror).read_bytes() == CONTENT
    assert list_files(tmp_path / "raw") == ["file.npy"]


def test_a_wrong_file_in_the_mirror_stops_with_both_digests(mirror, tmp_path):
    (mirror / "mine" / "file.npy").write_bytes(WRONG)
    with pytest.raises(UserError) as error:
        fetch(tmp_path, mirror)
    assert str(error.value) == (
        f"{mirror / 'mine' / 'file.npy'}: the mirror's file has sha256 {WRONG_DIGEST}, expected "
        f"{DIGEST}; replace it, or delete it to have it downloaded"
    )
    assert list_files(tmp_path / "raw") == []


def test_a_mirror_that_is_not_a_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"mirror: '.*absent' is not a folder"):
        fetch(tmp_path, tmp_path / "absent")


def test_a_part_that_another_process_took_over_is_told(mirror, tmp_path, monkeypatch):
    adopted, publish = tmp_path / "adopted", PartFile.publish

    def lose_it(part, destination):
        part.path.rename(adopted)
        publish(part, destination)

    monkeypatch.setattr(PartFile, "publish", lose_it)
    with pytest.raises(UserError, match=r"taken over by another process .*; run it again$"):
        fetch(tmp_path, mirror)
    assert adopted.read_bytes() == CONTENT
    adopted.rename(tmp_path / "raw" / "file.npy")  # it finished
    assert fetch(tmp_path, mirror).read_bytes() == CONTENT


def test_all_files_of_a_data_set(mirror, tmp_path):
    (mirror / "mine" / "other.npy").write_bytes(CONTENT)
    (tmp_path / "own.npy").write_bytes(CONTENT)
    own = {"name": "counts.npy", "path": str(tmp_path / "own.npy"), "sha256": DIGEST}
    files = [{"name": name, "url": URL, "sha256": DIGEST} for name in ("file.npy", "other.npy")]
    description = describe("netcdf", files=[*files, own])
    paths = fetch_files(description, tmp_path / "raw", mirror)
    assert paths == {
        "file.npy": tmp_path / "raw" / "file.npy",
        "other.npy": tmp_path / "raw" / "other.npy",
        "counts.npy": tmp_path / "own.npy",
    }
    assert all(path.read_bytes() == CONTENT for path in paths.values())
    assert list_files(tmp_path / "raw") == ["file.npy", "other.npy"]  # the user's is not copied
    assert fetch_files(describe("netcdf"), tmp_path / "raw") == {}
    check_files(description, paths)
    (tmp_path / "own.npy").write_bytes(WRONG)
    for check in (
        lambda: fetch_files(description, tmp_path / "raw", mirror),
        lambda: check_files(description, paths),
    ):
        with pytest.raises(UserError, match=rf"own.npy: sha256 is {WRONG_DIGEST}, mine.yaml says"):
            check()


def test_files_that_lie_there_are_checked(tmp_path):
    path = tmp_path / "counts.npy"
    path.write_bytes(CONTENT)
    files = [{"name": "counts.npy", "url": URL, "sha256": DIGEST}]
    description = describe("netcdf", files=files)
    check_files(description, {"counts.npy": path})
    with pytest.raises(UserError, match=r"counts.npy of mine: no such file; fetch it again"):
        check_files(description, {})
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=rf"counts.npy: sha256 is .* says {DIGEST}; delete"):
        check_files(description, {"counts.npy": path})
    assert path.read_bytes() == CONTENT[:-1]  # what the user put there stays
