"""Files of a run that are read outside of the workflow are compared with its ledger."""

from pathlib import Path

import pytest

from tgas_neuro.runtime.changes import find_root, refuse_changed
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import LEDGER, write_entry

INSIDE = Path("results/final/run/weights.pt")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A noted file of a run in another folder than the working one."""
    (tmp_path / "run" / INSIDE.parent).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "run")
    INSIDE.write_bytes(b"weights")
    write_entry(INSIDE, "final")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run" / INSIDE


def test_the_folder_of_a_run():
    assert find_root("/data/results/mine/results/final/run") == Path("/data/results/mine")
    assert find_root("/data/mine/best_cell.json") == Path("/data/mine")


@pytest.mark.parametrize("form", ["absolute", "relative", "link to the file", "link to results"])
def test_one_changed_byte_is_refused_wherever_the_file_is_read_from(weights, tmp_path, form):
    path = weights
    if form == "relative":
        path = Path("run") / INSIDE
    elif form == "link to the file":
        path = tmp_path / "mine.pt"
        path.symlink_to(weights)
    elif form == "link to results":  # as on another disk
        weights.parents[2].rename(tmp_path / "elsewhere")
        (tmp_path / "run/results").symlink_to(tmp_path / "elsewhere")
    refuse_changed(path)
    weights.write_bytes(b"weightt")
    with pytest.raises(UserError, match=r"was changed after the rule final wrote it") as raised:
        refuse_changed(path)
    assert str(raised.value).startswith(f"{path}: ")
    way_out = f"in {tmp_path / 'run'}: rm -r '{INSIDE}' && tgas run '{INSIDE}'"
    assert str(raised.value).endswith(way_out)


def test_the_way_out_names_the_output_with_which_a_file_is_made(weights):
    weights.write_bytes(b"")
    with pytest.raises(UserError, match=r"rm -r 'results/final/run/m.json' && tgas run 'results/"):
        refuse_changed(weights, weights.with_name("m.json"))


def test_what_no_entry_knows_passes(weights, tmp_path):
    weights.write_bytes(b"other")
    (tmp_path / "run" / LEDGER / f"{INSIDE}.json").unlink()  # an earlier version wrote it
    refuse_changed(weights)
    refuse_changed(tmp_path / "absent.pt")
