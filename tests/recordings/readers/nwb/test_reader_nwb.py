"""The reader of NWB files: units, presentations, regions and windows, counted by loops."""

import numpy as np
import pytest

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.ingest import ingest_recordings


def test_spikes_are_counted_after_each_onset(session):
    recordings = session.read(labels={"category_name": "category"})
    assembly = recordings.assembly
    np.testing.assert_array_equal(assembly.values, session.count())
    assert assembly.values.sum() > 20
    assert list(assembly["stimulus_id"].values) == [str(stimulus) for stimulus in session.shown]
    assert list(assembly["repetition"].values) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert list(assembly["category_name"].values) == [
        f"c{stimulus % 2}" for stimulus in session.shown
    ]
    assert list(assembly["neuroid_id"].values) == ["session_7", "session_8", "session_11"]
    assert list(assembly["region"].values) == session.regions
    assert set(assembly["animal"].values) == {"Nano"}
    assert list(assembly["session"].values) == ["s1"] * 3
    assert assembly.attrs["time_window_ms"] == session.window
    assert list(recordings.stimuli["filename"]) == [f"im{number}.png" for number in range(4)]
    assert list(recordings.stimuli["category_name"]) == ["c0", "c1", "c0", "c1"]


@pytest.mark.parametrize("window", [[0, 100], [-100, 0], [0, 12.5]])
def test_windows_of_any_kind(session, window):
    assembly = session.read(window_ms=window).assembly
    np.testing.assert_array_equal(assembly.values, session.count(window=window))


def test_spikes_need_not_be_sorted(session):
    nwb = session.build(units=False)
    for unit, spikes in session.spikes.items():
        nwb.add_unit(id=unit, spike_times=np.random.default_rng(0).permutation(spikes))
    np.testing.assert_array_equal(session.read(nwb, region="IT").assembly.values, session.count())


@pytest.mark.parametrize(("window", "expected"), [([0, 250], 1), ([250, 500], 1), ([0, 500], 2)])
def test_a_spike_on_the_edge_belongs_to_the_later_window(session, window, expected):
    nwb = session.build(units=False)
    nwb.add_unit(id=1, spike_times=[1.0, 1.25, 1.5])
    assert session.read(nwb, window_ms=window, region="IT").assembly.values[0, 0] == expected


def test_presentations_and_units_are_chosen(session):
    recordings = session.read(
        presentations={"fixated": [True]},
        units={"quality": ["good"]},
        regions={"V4": "V4", "aIT": "IT", "pIT": "IT"},
    )
    rows = [row for row in range(12) if session.onsets[row] < 4]
    assembly = recordings.assembly
    np.testing.assert_array_equal(assembly.values, session.count((7, 8), rows))
    assert list(assembly["region"].values) == ["V4", "IT"]


def test_units_of_regions_that_are_not_named_are_left_out(session):
    assembly = session.read(regions={"pIT": "IT"}).assembly
    np.testing.assert_array_equal(assembly.values, session.count((11,)))
    assert list(assembly["region"].values) == ["IT"]


def test_region_of_a_column_of_units_and_of_none(session):
    assembly = session.read(region_column="quality", animal="Magneto").assembly
    assert list(assembly["region"].values) == ["good", "good", "noise"]
    assert set(assembly["animal"].values) == {"Magneto"}
    assert set(session.read(region="IT").assembly["region"].values) == {"IT"}


def test_presentations_that_a_unit_missed_are_left_out(session):
    whole = np.array([[0.0, 10.0]])
    obs = {7: whole, 8: np.array([[0.0, 2.0], [2.5, 10.0]]), 11: whole}
    assembly = session.read(session.build(obs=obs)).assembly
    rows = [
        row
        for row, onset in enumerate(session.onsets)
        if onset + 0.17 <= 2.0 or (onset + 0.07 >= 2.5 and onset + 0.17 <= 10)
    ]
    assert 0 < len(rows) < 12
    np.testing.assert_array_equal(assembly.values, session.count(rows=rows))
    assert assembly.attrs["presentations_not_observed"] == 12 - len(rows)


def test_stimuli_are_ordered_as_numbers(session):
    """Stimuli 9 to 12: 9 comes first."""
    stimuli = session.read(
        session.build(shown=[number + 9 for number in session.shown]), filename_column="file2"
    )
    assert list(stimuli.stimuli["stimulus_id"]) == ["9", "10", "11", "12"]


def test_what_is_written_is_an_assembly(session, tmp_path):
    expected = session.read().assembly
    options = {
        "stimulus_column": "image",
        "filename_column": "file",
        "window_ms": session.window,
        "degrees": 8,
    }
    files = {"s.nwb": tmp_path / "s.nwb", "i.zip": tmp_path / "i.zip"}
    ingest_recordings(session.describe(options), files, tmp_path / "out")
    assembly = load_assembly(tmp_path / "out" / "assembly.nc")
    np.testing.assert_array_equal(assembly.values, expected.values)
