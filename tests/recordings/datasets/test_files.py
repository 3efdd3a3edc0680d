"""The user's own files of a data set: where they lie, what is checked and when."""

import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from support.recordings import describe

from tgas_neuro.recordings.datasets.description import Download, LocalFile
from tgas_neuro.recordings.datasets.files import (
    check_local_file,
    check_planned_files,
    locate_file,
    match_downloads,
)
from tgas_neuro.recordings.formats import subprocess_probe
from tgas_neuro.runtime.errors import UserError

PROJECT = Path(__file__).parents[3]
CONTENT = b"spikes"


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "spikes.npy").write_bytes(CONTENT)
    return tmp_path / "spikes.npy"


def build_file(**keys) -> Download | LocalFile:
    return (LocalFile if "path" in keys else Download)(name="responses.npy", **keys)


def test_files_lie_where_the_user_says_or_where_the_download_puts_them(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert locate_file(build_file(path="~/a/b.npy"), "raw") == Path("/home/me/a/b.npy")
    assert locate_file(build_file(path="data/b.npy"), "raw") == Path("data/b.npy")
    assert locate_file(build_file(url="https://x.org/y", sha256="0" * 64), "raw") == Path(
        "raw/responses.npy"
    )


def test_right_digests_pass(path):
    digests = {kind: hashlib.new(kind, CONTENT).hexdigest() for kind in ("sha256", "sha1")}
    assert check_local_file(build_file(path=str(path)), "mine") == path
    assert check_local_file(build_file(path=str(path), **digests), "mine") == path


@pytest.mark.parametrize(("kind", "digits"), [("sha256", 64), ("sha1", 40)])
def test_a_wrong_digest_is_told_with_both(path, kind, digits):
    found = hashlib.new(kind, CONTENT).hexdigest()
    with pytest.raises(UserError) as error:
        check_local_file(build_file(path=str(path), **{kind: "0" * digits}), "mine")
    assert str(error.value) == (
        f"{path}: {kind} is {found}, mine.yaml says {'0' * digits}; give the file that is meant, "
        "or correct the digest"
    )
    assert path.read_bytes() == CONTENT


def test_an_absent_file_is_told_when_planning(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    present, absent = build_file(path="spikes.npy"), build_file(path="data/spike.npy")
    download = build_file(url="https://x.org/y", sha256="0" * 64)
    mine = describe("netcdf")
    check_planned_files([mine.model_copy(update={"files": [present, download]})])
    with pytest.raises(UserError) as error:
        check_planned_files([mine.model_copy(update={"files": [present, absent]})])
    assert str(error.value) == (
        "mine.yaml: responses.npy: path: 'data/spike.npy' cannot be read (No such file or "
        f"directory); correct it or bring the file there; it is absolute or relative to "
        f"{path.parent}"
    )
    with pytest.raises(UserError, match=r"^mine.yaml: responses.npy: path: 'data/spike.npy' cann"):
        check_local_file(absent, "mine")


def test_a_folder_is_read_where_it_lies_and_has_no_digest(path):
    folder = build_file(path=str(path.parent))
    check_planned_files([describe("netcdf").model_copy(update={"files": [folder]})])
    assert check_local_file(folder, "mine") == path.parent
    with pytest.raises(UserError, match=r"responses.npy: sha1: .* is a folder, which has none; re"):
        check_local_file(folder.model_copy(update={"sha1": "0" * 40}), "mine")


def test_an_hdf5_file_that_hangs_its_library_is_told_unless_its_digest_vouches_for_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(subprocess_probe, "HDF5_SECONDS", 1.0)
    monkeypatch.setattr(subprocess_probe, "read_texts", lambda path: time.sleep(100))
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["names"] = np.array(["Jean", "Paul", "Bo"], dtype=h5py.string_dtype())
    with pytest.raises(UserError, match=r"a.h5: a damaged HDF5 file"):
        check_local_file(build_file(path=str(path)), "mine")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert check_local_file(build_file(path=str(path), sha256=digest), "mine") == path


def test_only_downloads_match_and_only_in_their_own_folder():
    download = {"url": "https://x.org/y", "sha256": "0" * 64}
    descriptions = [
        describe(
            "netcdf",
            name="a",
            files=[{"name": "x.npy", **download}, {"name": "y.npy", "path": "y.npy"}],
        ),
        describe("netcdf", name="b.c", files=[{"name": "z+.npy", **download}]),
        describe("netcdf", name="made"),
    ]
    pattern = re.compile(f"raw/(?P<dataset>[^/]+)/(?P<file>{match_downloads(descriptions)})$")
    assert pattern.match("raw/a/x.npy")["file"] == "x.npy"
    assert pattern.match("raw/b.c/z+.npy")["dataset"] == "b.c"
    for other in ("raw/a/y.npy", "raw/a/z+.npy", "raw/b.c/x.npy", "raw/bxc/z+.npy", "raw/a/xqnpy"):
        assert pattern.match(other) is None
    assert re.match(f"({match_downloads([])})$", "") is None


TINY = {
    "seed": 0,
    "image_size": 16,
    "images_per_object": {"V0": 1},
    "repetitions": [2, 2],
    "sites": {"IT": 3},
}


@pytest.mark.workflow
def test_the_workflow_reads_the_users_file_where_it_lies(tmp_path):
    """Planning stops in one line without it; the rule takes it as input and leaves it there."""
    own = tmp_path / "neural_data" / "raw" / "mine" / "spikes (1).npy"  # among the downloads
    own.parent.mkdir(parents=True)
    description = {
        "name": "mine",
        "title": "Mine",
        "source": "here",
        "license": "none",
        "citation": "none",
        "provides": "responses",
        "reader": "simulated",
        "files": [{"name": "responses.npy", "path": "neural_data/raw/mine/spikes (1).npy"}],
        "options": TINY,
    }
    config = yaml.safe_load((PROJECT / "config.yaml").read_text())
    config["recordings"]["regions"] = {"IT": {"datasets": ["mine"]}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", PROJECT / "Snakefile"]
    command += ["--cores", "1", "results/recordings/mine/assembly.nc"]

    def run(*options: str, **keys) -> tuple[int, str]:
        file = description["files"][0] | keys
        text = yaml.safe_dump(description | {"files": [file]})
        (tmp_path / "neural_data" / "mine.yaml").write_text(text)
        done = subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    code, printed = run("--dry-run")
    assert code == 1
    assert "Traceback" not in printed
    assert (
        "Error: mine.yaml: responses.npy: path: 'neural_data/raw/mine/spikes (1).npy' cannot be "
        "read (No such file or directory); " in printed
    )
    own.write_bytes(CONTENT)
    code, printed = run(sha256="0" * 64)
    assert code == 1
    assert "Error: neural_data/raw/mine/spikes (1).npy: sha256 is " in printed
    code, printed = run("--forceall")  # deletes what a rule claims to make
    assert code == 0, printed
    assert "recordings_download" not in printed
    assert own.read_bytes() == CONTENT
    assert "\tneural_data/raw/mine/spikes (1).npy\t" in run("--detailed-summary")[1]
