"""Archives: what is read and unpacked, and which members are refused."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tgas_neuro.recordings.formats.archives import read_members, unpack_archive
from tgas_neuro.runtime.errors import UserError

KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
FILES = {"set/train/cat/1.png": b"one", "set/train/dog/2.png": b"two", "set/val/3.png": b"three"}


def make_archive(path: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for folder in folders:
                archive.writestr(f"{folder}/", b"")
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = "w:" + path.suffix.removeprefix(".").replace("tar", "")
    with tarfile.open(path, mode) as archive:
        for folder in folders:
            member = tarfile.TarInfo(folder)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read_folder(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_members_come_in_order_without_folders_and_litter(tmp_path, kind):
    litter = {"__MACOSX/set/._1.png": b"", "set/._1.png": b"", "set/.DS_Store": b""}
    path = make_archive(tmp_path / f"a.{kind}", litter | FILES, ("set", "set/train"))
    assert list(read_members(path)) == list(FILES.items())


def test_a_leading_dot_folder_is_left_out(tmp_path):
    path = make_archive(tmp_path / "a.tar", {"./a.png": b"x"}, (".",))
    assert list(read_members(path)) == [("a.png", b"x")]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:/evil", "a\\..\\evil"])
def test_a_member_that_leaves_its_folder_is_refused(tmp_path, kind, name):
    path = make_archive(tmp_path / f"a.{kind}", {"good": b"x", name: b"evil"})
    with pytest.raises(UserError) as error:
        list(read_members(path))
    assert f"member {name!r} leads out" in str(error.value)
    with pytest.raises(UserError, match="leads out"):
        unpack_archive(path, tmp_path / "out" / "there")
    assert list((tmp_path / "out").iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("folder/link")
        member.type, member.linkname = kind, "/etc"
        archive.addfile(member)
    with pytest.raises(UserError, match="member 'folder/link' is a link or a device"):
        list(read_members(tmp_path / "a.tar"))


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("link")
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc")
    with pytest.raises(UserError, match="member 'link' is a link or a device"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_truncated_archive_is_named(tmp_path, kind, share):
    noise = np.random.default_rng(0)  # does not compress, so that content is cut off
    path = make_archive(tmp_path / f"a.{kind}", {f"{i}": noise.bytes(5000) for i in range(20)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=rf"a.{kind}: not a readable zip or tar archive"):
        list(read_members(path))
    with pytest.raises(UserError, match="it may be truncated"):
        unpack_archive(path, tmp_path / "out")
    assert [found.name for found in tmp_path.iterdir()] == [f"a.{kind}"]


def test_damaged_content_in_a_zip_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"content")
    broken = (tmp_path / "a.zip").read_bytes().replace(b"content", b"CONTENT")
    (tmp_path / "a.zip").write_bytes(broken)
    with pytest.raises(UserError, match=r"a.zip: not a readable .*CRC"):
        list(read_members(tmp_path / "a.zip"))


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_damaged_content_in_a_packed_tar_is_named(tmp_path, kind):
    # noise does not compress: the damage shows in nothing but the checksum at the end
    noise = np.random.default_rng(0).bytes(5000)
    path = make_archive(tmp_path / f"a.{kind}", {"a.png": noise})
    broken = bytearray(path.read_bytes())
    broken[2000] ^= 1
    path.write_bytes(broken)
    with pytest.raises(UserError, match=rf"a.{kind}: not a readable zip or tar archive"):
        list(read_members(path))
    with pytest.raises(UserError, match="it may be truncated"):
        unpack_archive(path, tmp_path / "out")
    assert [found.name for found in tmp_path.iterdir()] == [f"a.{kind}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole.replace("ä".encode(), b"\xff\xff"), "UnicodeDecodeError"),
        (lambda whole: whole.replace("ä.png".encode(), b"\0" * 6), "not a readable|no files"),
        (lambda whole: whole[:60] + bytes(60) + whole[120:], "LZMAError"),
    ],
    ids=["name that is no UTF-8", "name of nothing", "packed content"],
)
def test_a_damaged_zip_is_named(tmp_path, change, message):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("ä.png", np.random.default_rng(0).bytes(500))
    (tmp_path / "a.zip").write_bytes(change((tmp_path / "a.zip").read_bytes()))
    with pytest.raises(UserError, match=rf"a.zip: .*({message})"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")


def test_a_missing_archive_and_a_text_file_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent.zip: no such file"):
        list(read_members(tmp_path / "absent.zip"))
    (tmp_path / "page.zip").write_text("<html>Not found</html>")
    with pytest.raises(UserError, match=r"page.zip: not a readable zip or tar archive"):
        unpack_archive(tmp_path / "page.zip", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_everything_is_unpacked(tmp_path, kind):
    path = make_archive(tmp_path / f"a.{kind}", FILES)
    assert unpack_archive(path, tmp_path / "new" / "out") == tmp_path / "new" / "out"
    assert read_folder(tmp_path / "new" / "out") == FILES
    assert [found.name for found in (tmp_path / "new").iterdir()] == ["out"]


@pytest.mark.parametrize(
    "prefix", ["set/train/", "train/", "./train/"], ids=["in a top folder", "at the top", "dot"]
)
def test_only_what_lies_inside_a_folder_is_unpacked(tmp_path, prefix):
    files = {f"{prefix}cat/1.png": b"one", f"{prefix}2.png": b"two", "set/val/train/3.png": b"no"}
    path = make_archive(tmp_path / "a.tar.gz", files, ("train", "set/train"))
    unpack_archive(path, tmp_path / "out", "train")
    assert read_folder(tmp_path / "out") == {"cat/1.png": b"one", "2.png": b"two"}


def test_a_folder_at_the_top_comes_before_one_in_a_top_folder(tmp_path):
    files = {"set/train/1.png": b"no", "train/1.png": b"yes"}
    unpack_archive(make_archive(tmp_path / "a.zip", files), tmp_path / "out", "train")
    assert read_folder(tmp_path / "out") == {"1.png": b"yes"}


def test_a_folder_that_is_not_there_names_the_top_folders(tmp_path):
    path = make_archive(tmp_path / "a.zip", FILES | {"notes/read": b"", "training/1.png": b""})
    with pytest.raises(UserError, match=r"folder 'trian'; at the top .*: notes, set, training$"):
        unpack_archive(path, tmp_path / "out", "trian")
    assert [found.name for found in tmp_path.iterdir()] == ["a.zip"]


def test_a_folder_that_is_there_twice_is_not_guessed(tmp_path):
    path = make_archive(tmp_path / "a.zip", {"a/train/1": b"", "b/train/1": b""})
    with pytest.raises(UserError, match=r"more than once, in a, b; name one, as a/train$"):
        unpack_archive(path, tmp_path / "out", "train")
    unpack_archive(path, tmp_path / "out", "b/train")
    assert read_folder(tmp_path / "out") == {"1": b""}


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    for name, files in (("a.tar", ["x", "./x"]), ("b.tar", ["x", "x/y"])):
        path = make_archive(tmp_path / name, dict.fromkeys(files, b""))
        with pytest.raises(UserError, match=f"member '{files[1].strip('./')}' is there twice"):
            unpack_archive(path, tmp_path / "out")


def test_a_folder_that_exists_is_left_as_it_is(tmp_path):
    (tmp_path / "out").mkdir()
    assert unpack_archive(tmp_path / "absent.zip", tmp_path / "out") == tmp_path / "out"


PART = st.text(alphabet="ab.", min_size=1, max_size=3)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=st.lists(PART, min_size=1, max_size=4), absolute=st.booleans())
def test_whatever_its_name_a_member_lands_inside_or_is_refused(tmp_path_factory, parts, absolute):
    folder = tmp_path_factory.mktemp("any")
    name = "/" * absolute + "/".join(parts)
    path = make_archive(folder / "a.tar", {name: b"x"})
    try:
        unpack_archive(path, folder / "out" / "inner")
    except UserError:
        assert list((folder / "out").iterdir()) == []
    else:
        assert len(read_folder(folder / "out" / "inner")) == 1
    assert {found.name for found in folder.iterdir()} == {"a.tar", "out"}


@pytest.mark.real_data
def test_an_image_folder_of_a_shared_archive(real_data, tmp_path):
    unpack_archive(real_data / "cifar10_subset.tar.gz", tmp_path / "test", "test")
    counts = [len(list(folder.glob("*.jpg"))) for folder in (tmp_path / "test").iterdir()]
    assert counts == [300] * 10
