"""Results whose sources changed in a way that Snakemake does not notice are refused."""

import os
from pathlib import Path

import pytest
from support.ledger import make, make_chain

from tgas_neuro.commands.verify import walk_chain
from tgas_neuro.plan.plan import refuse_stale
from tgas_neuro.runtime import ledger
from tgas_neuro.runtime.errors import UserError


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """A run's folder, with recordings and images of the user's outside of it."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.npy").write_bytes(b"spikes")
    for name in ("cat/a", "cat/b", "dog/a"):
        path = tmp_path / "own/train" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")


def test_an_older_file_in_the_place_of_the_recordings_is_noticed():
    make_chain()
    times = Path("results/assembly.nc").stat().st_mtime_ns - 10**12
    refuse_stale("results/assembly.nc", {"folder": "f"})
    os.utime("../own/a.npy", ns=(times, times))  # the same content: another date alone
    refuse_stale("results/assembly.nc")
    Path("../own/a.npy").write_bytes(b"shocks")
    os.utime("../own/a.npy", ns=(times, times))
    with pytest.raises(
        UserError, match=r"^../own/a.npy: has changed since results/assembly.nc was"
    ):
        refuse_stale("results/assembly.nc")
    os.utime("../own/a.npy")  # newer: Snakemake makes the assembly again
    refuse_stale("results/assembly.nc")


def test_another_description_without_notes_of_snakemake_is_noticed():
    make_chain()
    with pytest.raises(UserError, match=r"assembly.nc: was made from another description .*rm -r"):
        refuse_stale("results/assembly.nc", {"folder": "g"})
    notes = Path(".snakemake/metadata")
    notes.mkdir(parents=True)
    (notes / "cmVzdWx0cy9hc3NlbWJseS5uYw==").touch()  # Snakemake knows the params itself
    refuse_stale("results/assembly.nc", {"folder": "g"})
    refuse_stale("results/absent.nc", {})


def overwrite(folder):
    """Another image of the same size, with the same date."""
    path = folder / "cat/a.png"
    times = path.stat().st_mtime_ns - 10**12
    path.write_text("dog/a")
    os.utime(path, ns=(times, times))


@pytest.mark.parametrize("most", [ledger.MOST_COMPARED, 0])
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "dog/a.png").unlink(),
        lambda folder: (folder / "dog").rename(folder / "wolf"),
        lambda folder: (folder / "cat/c.png").write_text("cat"),
        lambda folder: (folder / "cat/b.png").rename(folder / "dog/b.png"),
        overwrite,
    ],
)
def test_images_that_came_or_went_are_noticed(monkeypatch, most, change):
    if change is overwrite and not most:
        return  # names and sizes are the same
    monkeypatch.setattr(ledger, "MOST_COMPARED", most)
    folder, path = Path("../own/train"), "results/images.npy"
    make("decoded", [], {path: "pixels"}, [str(folder)])
    refuse_stale(path)
    os.utime(folder)  # a date alone
    (folder / "cat/.DS_Store").touch()  # what a file browser leaves
    refuse_stale(path)
    assert not [link for link in walk_chain(Path(), path) if link.wrong]
    change(folder)
    with pytest.raises(UserError, match=r"^../own/train: has changed since results/images.npy was"):
        refuse_stale(path)
    (wrong,) = [link for link in walk_chain(Path(), path) if link.wrong]
    assert wrong.path == str(folder)
    assert wrong.wrong.startswith("holds something else" if most else "holds other files than")
