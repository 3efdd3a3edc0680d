"""Presentations of NWB files: what is left out, several images a row, joined columns, paths."""

import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError

pynwb = pytest.importorskip("pynwb")
TimeIntervals = pytest.importorskip("pynwb.epoch").TimeIntervals


def overlaps(onset, start, stop, window):
    """Whether [onset, end of the window] has a moment in common with the interval, by a raster."""
    moments = np.arange(round(onset * 1e4), round((onset + window[1] / 1000) * 1e4)) / 1e4
    return bool(((moments >= start) & (moments < stop)).any())


INVALID = {
    "one presentation": [(1.55, 1.65)],
    "two, far apart": [(0.0, 1.2), (3.0, 3.5)],
    "between two windows": [(1.2, 1.29)],
    "adjacent": [(1.3, 1.6)],
    "overlapping each other": [(1.5, 2.5), (2.0, 2.8)],
}


@pytest.mark.parametrize("kind", INVALID)
def test_presentations_in_invalid_times_are_left_out_and_counted(session, kind):
    nwb = session.build()
    for start, stop in INVALID[kind]:
        nwb.add_invalid_time_interval(start_time=start, stop_time=stop)
    recordings = session.read(nwb)
    rows = [
        row
        for row, onset in enumerate(session.onsets)
        if not any(overlaps(onset, *interval, session.window) for interval in INVALID[kind])
    ]
    np.testing.assert_array_equal(recordings.assembly.values, session.count(rows=rows))
    n_left_out = 12 - len(rows)
    assert (n_left_out == 0) == (kind == "between two windows")
    found = [note for note in recordings.notes if "invalid_times" in note]
    assert len(found) == bool(n_left_out)
    assert all(f": {n_left_out} of 12 presentations" in note for note in found)


def test_a_session_that_is_invalid_as_a_whole_is_refused(session):
    nwb = session.build()
    nwb.add_invalid_time_interval(start_time=0.0, stop_time=100.0)
    with pytest.raises(UserError, match="all 12 presentations lie in the file's invalid_times"):
        session.read(nwb)


def test_presentations_that_a_unit_missed_are_noted(session):
    whole = np.array([[0.0, 10.0]])
    obs = {7: whole, 8: np.array([[0.0, 2.0], [2.5, 10.0]]), 11: whole}
    recordings = session.read(session.build(obs=obs))
    missed = recordings.assembly.attrs["presentations_not_observed"]
    assert missed > 0
    assert any(f" {missed} presentations left out during which" in n for n in recordings.notes)


def build_rows(session, sizes, ragged=True, name="fixations", onset="onsets"):
    """Rows with several images each; NaN where a place is not used."""
    nwb = session.build(trials=False)
    table = TimeIntervals(name=name, description="made")
    keys = {"index": True} if ragged else {}
    table.add_column("pictures", "made", **keys)
    table.add_column(onset, "made", **keys)
    table.add_column("block", "made")
    place = 0
    for row, size in enumerate(sizes):
        shown = [f"im{number}" for number in session.shown[place : place + size]]
        times = session.onsets[place : place + size].tolist()
        if not ragged:
            shown += ["none"] * (max(sizes) - size)
            times += [np.nan] * (max(sizes) - size)
        start = float(session.onsets[place]) if size else 9.0
        values = {"pictures": shown, onset: times}
        table.add_interval(start_time=start, stop_time=start + 1, block=row % 2, **values)
        place += size
    nwb.add_time_intervals(table)
    return nwb


@pytest.mark.parametrize("sizes", [[3, 3, 3, 3], [1, 5, 4, 2], [4, 0, 8]])
def test_rows_with_lists_of_images(session, sizes):
    recordings = session.read(
        build_rows(session, sizes),
        table="fixations",
        stimulus_column="pictures",
        onset_column="onsets",
        filename_column=None,
    )
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    ids = [f"im{number}" for number in session.shown]
    assert list(recordings.assembly["stimulus_id"].values) == ids


def test_chosen_rows_keep_all_their_images(session):
    recordings = session.read(
        build_rows(session, [1, 5, 4, 2]),
        table="fixations",
        stimulus_column="pictures",
        onset_column="onsets",
        filename_column=None,
        presentations={"block": [1]},
    )
    rows = [1, 2, 3, 4, 5, 10, 11]
    np.testing.assert_array_equal(recordings.assembly.values, session.count(rows=rows))


def test_places_that_are_not_used_are_counted(session):
    recordings = session.read(
        build_rows(session, [3, 2, 4, 3], ragged=False),
        table="fixations",
        stimulus_column="pictures",
        onset_column="onsets",
        filename_column=None,
    )
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    assert "4 places for an image without onset (NaN) left out" in recordings.notes[0]


def test_lists_need_an_onset_each(session):
    options = {"table": "fixations", "stimulus_column": "pictures", "filename_column": None}
    nwb = build_rows(session, [6, 6])
    with pytest.raises(UserError, match=r"'pictures' .* several values a row; .* onset of each as"):
        session.read(nwb, **options)
    table = TimeIntervals(name="uneven", description="made")
    for column in ("pictures", "onsets"):
        table.add_column(column, "made", index=True)
    for onsets in ([1.0, 2.0], [3.0]):
        keys = {"pictures": ["im0", "im1"], "onsets": onsets}
        table.add_interval(start_time=1.0, stop_time=2.0, **keys)
    nwb = session.build(trials=False)
    nwb.add_time_intervals(table)
    options |= {"table": "uneven", "onset_column": "onsets"}
    with pytest.raises(UserError, match=r"row 1 of table 'uneven' has 2 values .* and 1 onsets;"):
        session.read(nwb, **options)


def test_one_column_for_each_image_of_a_row(session):
    nwb = session.build(trials=False)
    table = TimeIntervals(name="pairs", description="made")
    for column in ("first", "second", "on_first", "on_second"):
        table.add_column(column, "made")
    for row in range(0, 12, 2):
        table.add_interval(
            start_time=0.0,
            stop_time=1.0,
            first=session.shown[row],
            second=session.shown[row + 1],
            on_first=session.onsets[row],
            on_second=session.onsets[row + 1],
        )
    nwb.add_time_intervals(table)
    session.add_images(nwb)
    options = {
        "table": "pairs",
        "onset_column": ["on_first", "on_second"],
        "filename_column": None,
        "images": "stimuli",
    }
    recordings = session.read(nwb, stimulus_column=["first", "second"], **options)
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    with pytest.raises(UserError, match=r"\['first'\], but onset_column names 2 images a row"):
        session.read(stimulus_column=["first"], nwb=rebuild(session, table), **options)


def rebuild(session, table):
    """Another file with the same columns: a table belongs to one file."""
    nwb = session.build(trials=False)
    other = TimeIntervals(name=table.name, description="made")
    for column in table.colnames[2:]:
        other.add_column(column, "made")
    other.add_interval(start_time=0.0, stop_time=1.0, **dict.fromkeys(table.colnames[2:], 1.0))
    nwb.add_time_intervals(other)
    return nwb


def test_a_stimulus_named_by_several_columns(session):
    nwb = session.build()
    nwb.trials.add_column("pose", "made", data=[float(n // 2) for n in session.shown])
    nwb.trials.add_column("kind", "made", data=["cat" if n % 2 else "dog" for n in session.shown])
    recordings = session.read(nwb, stimulus_column=["kind", "pose"])
    names = [f"{'cat' if n % 2 else 'dog'}_{n // 2}" for n in session.shown]
    assert list(recordings.assembly["stimulus_id"].values) == names
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    files = dict(zip(names, [f"im{n}.png" for n in session.shown], strict=True))
    table = recordings.stimuli
    assert dict(zip(table["stimulus_id"], table["filename"], strict=True)) == files


def test_joined_names_that_coincide_are_refused(session):
    nwb = session.build()
    nwb.trials.add_column("a", "made", data=["x_y" if n else "x" for n in session.shown])
    nwb.trials.add_column("b", "made", data=["z" if n else "y_z" for n in session.shown])
    with pytest.raises(UserError, match="are both 'x_y_z' when joined"):
        session.read(nwb, stimulus_column=["a", "b"])


@pytest.mark.parametrize("values", [[1, 3], [1.0, 3.0]])
@pytest.mark.parametrize("kind", [int, float, np.uint8])
def test_numbers_are_chosen_as_numbers(session, values, kind):
    nwb = session.build()
    nwb.trials.add_column("mode", "made", data=np.array(session.shown).astype(kind))
    recordings = session.read(nwb, presentations={"mode": values})
    rows = [row for row in range(12) if session.shown[row] in (1, 3)]
    np.testing.assert_array_equal(recordings.assembly.values, session.count(rows=rows))


class TestTwoOfOneName:
    """A table and an IndexSeries, and tables in two places, that share a name."""

    @pytest.fixture
    def nwb(self, session):
        nwb = session.build(trials=False)
        session.add_images(nwb)
        nwb.add_stimulus(
            pynwb.image.IndexSeries(
                name="shown",
                data=np.array(session.shown, dtype=np.uint32),
                indexed_images=nwb.stimulus["stimuli"],
                unit="N/A",
                timestamps=session.onsets,
            )
        )
        first = TimeIntervals(name="shown", description="made")
        second = TimeIntervals(name="shown", description="made")
        for table, delay in ((first, 0.0), (second, 0.1)):
            table.add_column("image", "made")
            for onset, stimulus in zip(session.onsets, session.shown, strict=True):
                start = onset + delay
                table.add_interval(start_time=start, stop_time=start + 0.1, image=stimulus)
        nwb.add_time_intervals(first)
        nwb.create_processing_module("behavior", "made").add(second)
        return nwb

    @pytest.mark.parametrize(
        ("path", "delay"),
        [
            ("/intervals/shown", 0),
            ("intervals/shown", 0),
            ("processing/behavior/shown", 100),
            ("behavior/shown", 100),
            ("stimulus/presentation/shown", 0),
        ],
    )
    def test_a_path_says_which(self, session, nwb, path, delay):
        options = {"table": path, "filename_column": None, "images": "stimuli"}
        recordings = session.read(nwb, **options)
        window = [edge + delay for edge in session.window]
        np.testing.assert_array_equal(recordings.assembly.values, session.count(window=window))

    def test_a_type_says_which(self, session, nwb):
        recordings = session.read(nwb, table="IndexSeries", filename_column=None, images="stimuli")
        np.testing.assert_array_equal(recordings.assembly.values, session.count())

    def test_a_name_is_refused(self, session, nwb):
        paths = "/intervals/shown, /processing/behavior/shown, /stimulus/presentation/shown"
        with pytest.raises(UserError, match=rf"3 objects are called 'shown'; .* of one: {paths}"):
            session.read(nwb, table="shown", filename_column=None, images="stimuli")

    def test_a_wrong_path_lists_those_there_are(self, session, nwb):
        with pytest.raises(UserError, match="'/interval/shown' is missing, did you mean '/interv"):
            session.read(nwb, table="/interval/shown", filename_column=None)
