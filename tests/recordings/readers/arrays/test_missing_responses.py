"""Responses that only some sites lack, trials without any, and axes that look exchanged."""

import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError

SHOWN = {"stimulus_id": {"file": "p.npy"}}
TRIALS = {"file": "r.npy", "axes": ["presentation", "neuroid"]}


def read_trials(read, values, shown=None, **options):
    shown = (
        np.array([f"picture_{1 + k % 3}" for k in range(len(values))]) if shown is None else shown
    )
    return read(values, responses=TRIALS, presentations=SHOWN, saved={"p.npy": shown}, **options)


def make_trials():
    """12 trials of 4 sites; one empty, one without site 1, two without site 3."""
    values = np.random.default_rng(0).normal(size=(12, 4))
    values[4] = np.nan
    values[5, 1] = np.nan
    values[[7, 8], 3] = np.nan
    return values


def test_presentations_or_sites_with_missing_responses_are_left_out(read):
    values = make_trials()
    found = read_trials(read, values, missing="drop_presentations")
    kept = [0, 1, 2, 3, 6, 9, 10, 11]
    np.testing.assert_array_equal(found.assembly.values, values[kept].astype(np.float32))
    names = [f"picture_{1 + k % 3}" for k in kept]
    assert found.assembly["stimulus_id"].values.tolist() == names
    text = "\n".join(found.notes)
    assert "1 of 12 presentations have no response (NaN) and are left out" in text
    assert "options.missing: drop_presentations leaves out 3 of 11 presentations" in text
    found = read_trials(read, values, missing="drop_sites")
    rows = [0, 1, 2, 3, *range(5, 12)]
    np.testing.assert_array_equal(
        found.assembly.values, values[np.ix_(rows, [0, 2])].astype(np.float32)
    )
    assert found.assembly["neuroid_id"].values.tolist() == ["mine_000", "mine_002"]
    assert "options.missing: drop_sites leaves out 2 of 4 sites" in "\n".join(found.notes)


def test_slots_that_some_sites_lack(read):
    """(stimulus, repetition, neuroid): slot 1 of stimulus 0 lacks site 1."""
    values = np.random.default_rng(1).normal(size=(3, 3, 4))
    values[0, 1, 1] = np.nan
    values[2, 2] = np.nan
    with pytest.raises(UserError, match=r"axes in the order of the array, .* or options\.missing"):
        read(values)
    found = read(values, missing="drop_presentations").assembly
    order = [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    np.testing.assert_array_equal(
        found.values, np.array([values[pair] for pair in order], np.float32)
    )
    assert found["stimulus_id"].values.tolist() == [f"picture_{1 + s}" for s, _ in order]
    assert found["repetition"].values.tolist() == [slot for _, slot in order]
    found = read(values, missing="drop_sites").assembly
    assert found.shape == (8, 3)


def test_a_policy_that_leaves_nothing_is_refused(read):
    values = make_trials()
    values[:, 0] = np.where(np.arange(12) % 2, np.nan, values[:, 0])
    values[:, 2] = np.where(np.arange(12) % 2, values[:, 2], np.nan)
    with pytest.raises(UserError, match="'drop_presentations' leaves 0 presentations"):
        read_trials(read, values, missing="drop_presentations")


def test_axes_that_look_exchanged_are_noted(read):
    """Three sites and three stimuli: the second site lacks a repetition of every stimulus."""
    values = np.random.default_rng(2).normal(size=(3, 2, 3))
    values[:, 1, 1] = np.nan
    with pytest.raises(UserError, match=r"see that options\.responses\.axes has the axes"):
        read(values)
    found = read(values, simultaneous=False)
    assert "this is what exchanged axes look like" in found.notes[0]
    right = read(values.T, simultaneous=True)
    assert not right.notes and right.assembly.shape == (5, 3)
    elsewhere = np.random.default_rng(2).normal(size=(3, 2, 3))
    elsewhere[0, 1, 1] = np.nan  # of one stimulus alone
    (note,) = read(elsewhere, simultaneous=False).notes
    assert "look like" not in note


def test_repetitions_that_only_some_sites_have_are_counted(read):
    """Of 3 stimuli, 4 repetitions and 2 sites a site lacks two repetitions, the other one."""
    values = np.random.default_rng(4).normal(size=(3, 4, 2))
    assert not read(values, simultaneous=False).notes
    values[0, 2:, 0] = values[2, 1, 1] = np.nan
    found = read(values, simultaneous=False)
    assert found.assembly.shape == (2 + 4 + 3, 2)
    (note,) = found.notes
    assert note.endswith("; 3 of 21 responses are left out")


def test_stimuli_by_the_names_of_their_files(read):
    values = np.random.default_rng(3).normal(size=(6, 2))
    shown = np.array(["picture_2.png", "picture_1.png", "picture_3.png"] * 2)
    found = read_trials(read, values, shown)
    assert found.assembly["stimulus_id"].values.tolist() == [
        "picture_2", "picture_1", "picture_3",
    ] * 2  # fmt: skip
    assert "stimulus_id has the names of the image files, as 'picture_2.png'" in found.notes[0]
    shown[3] = "picture_2"
    with pytest.raises(
        UserError, match=r"'picture_2.png' is no stimulus \(5 of 6 .* as 'picture_1'"
    ):
        read_trials(read, values, shown)
