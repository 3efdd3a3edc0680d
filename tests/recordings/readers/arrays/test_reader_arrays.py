"""The reader of arrays: every form of responses against the values it was made of."""

import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError

RATES = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float32)
ROWS = RATES.reshape(-1, 2)


@pytest.mark.parametrize(
    "axes",
    [
        ("stimulus", "repetition", "neuroid"),
        ("neuroid", "stimulus", "repetition"),
        ("repetition", "neuroid", "stimulus"),
    ],
)
def test_axes_in_any_order_give_the_same(read, axes):
    canonical = ("stimulus", "repetition", "neuroid")
    assembly = read(RATES.transpose([canonical.index(axis) for axis in axes]), axes).assembly
    np.testing.assert_array_equal(assembly.values, ROWS)
    assert list(assembly["stimulus_id"].values) == [
        f"picture_{number}" for number in (1, 1, 2, 2, 3, 3)
    ]
    assert list(assembly["repetition"].values) == [0, 1] * 3
    assert list(assembly["neuroid_id"].values) == ["mine_000", "mine_001"]
    assert assembly.attrs == {"unit": "Hz", "time_window_ms": "not stated by the source"}


def test_one_repetition_and_one_site(read):
    assembly = read(RATES[:, 0, :1], ("stimulus", "neuroid")).assembly
    np.testing.assert_array_equal(assembly.values, RATES[:, 0, :1])
    assert list(assembly["repetition"].values) == [0, 0, 0]


def test_a_constant_site_is_left_to_the_stage_that_judges_sites(read):
    assert (read(np.ones_like(RATES)).assembly.values == 1).all()


@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.uint8, bool])
def test_every_type_of_number_becomes_float32(read, dtype):
    values = (np.abs(RATES) * 9).astype(dtype)
    assembly = read(values).assembly
    assert assembly.dtype == np.float32
    np.testing.assert_array_equal(assembly.values, values.reshape(-1, 2))


def test_presentations_find_their_stimuli(read, tmp_path):
    """Shown in any order; labels from an .npz; identifiers as MATLAB has numbers."""
    shown = np.array([3.0, 1, 2, 3, 1])
    np.savez(tmp_path / "t.npz", image=shown, day=["mo", "mo", "tu", "tu", "tu"])
    values = np.arange(10.0).reshape(5, 2)
    recordings = read(
        values.T,
        ("neuroid", "presentation"),
        stimuli={"stimulus_id": {"pattern": "%d", "first": 1}, "object_name": "car"},
        presentations={
            "stimulus_id": {"variable": "image", "file": "t.npz"},
            "session": {"variable": "day", "file": "t.npz"},
        },
    )
    assembly = recordings.assembly
    assert list(assembly["stimulus_id"].values) == ["3", "1", "2", "3", "1"]
    assert list(assembly["repetition"].values) == [0, 0, 0, 1, 1]
    assert list(assembly["session"].values) == ["mo", "mo", "tu", "tu", "tu"]
    assert set(assembly["object_name"].values) == {"car"}
    np.testing.assert_array_equal(assembly.values, values)
    assert list(recordings.stimuli["filename"]) == [f"picture_{k}.png" for k in (1, 2, 3)]


def test_a_presentation_of_nan_was_not_made(read):
    values = np.arange(8.0).reshape(4, 2)
    values[1] = np.nan
    assembly = read(
        values,
        ("presentation", "neuroid"),
        {"p.npy": np.array([0, 1, 1, 2])},
        stimuli={"stimulus_id": {"pattern": "%d"}},
        presentations={"stimulus_id": {"file": "p.npy"}},
    ).assembly
    np.testing.assert_array_equal(assembly.values, values[[0, 2, 3]])
    assert list(assembly["stimulus_id"].values) == ["0", "1", "2"]
    assert list(assembly["repetition"].values) == [0, 0, 0]


def test_sites_of_different_sessions_share_the_fewest_repetitions(read):
    values = RATES.copy()
    values[0, 0, 1] = np.nan
    values[1, 1, :] = np.nan
    assembly = read(values, simultaneous=False).assembly
    expected = [[RATES[0, 0, 0], RATES[0, 1, 1]], RATES[1, 0], RATES[2, 0], RATES[2, 1]]
    np.testing.assert_array_equal(assembly.values, expected)


class TestTimeBins:
    """Counts are added and rates averaged over the bins of the window."""

    VALUES = np.random.default_rng(1).poisson(3, (3, 4, 2)).astype(float)
    AXES = ("stimulus", "time_bin", "neuroid")
    BINS = ([[70, 90], [50, 70], [90, 110], [110, 130]], {"start": 50, "width": 20})

    @pytest.mark.parametrize("counts", [True, False])
    def test_a_window_of_bins_in_any_order(self, read, counts):
        options = {"counts": counts, "time_bins_ms": self.BINS[0], "window_ms": [50, 110]}
        assembly = read(self.VALUES, self.AXES, **options).assembly
        chosen = self.VALUES[:, [1, 0, 2]]
        expected = chosen.sum(axis=1) if counts else chosen.mean(axis=1)
        np.testing.assert_allclose(assembly.values, expected, rtol=1e-6)
        assert assembly.attrs["time_window_ms"] == [50, 110]

    def test_bins_by_start_and_width(self, read):
        options = {"time_bins_ms": self.BINS[1], "window_ms": [70, 110]}
        found = read(self.VALUES, self.AXES, **options).assembly.values
        np.testing.assert_allclose(found, self.VALUES[:, 1:3].mean(axis=1), rtol=1e-6)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"time_bins_ms": BINS[1]}, "options.window_ms is missing and there are 4 time bins"),
            (
                {"time_bins_ms": BINS[1], "window_ms": [55, 110]},
                "options.window_ms: [55, 110] is not made up of whole time bins that follow each",
            ),
            (
                {"time_bins_ms": BINS[1], "window_ms": [110, 70]},
                "options.window_ms: [110, 70] ends before it begins",
            ),
            ({"time_bins_ms": [[0, 10]]}, "options.time_bins_ms: 1 time bins, axis time_bin has 4"),
            ({}, "options.time_bins_ms: 0 time bins, axis time_bin has 4; give start and stop"),
        ],
    )
    def test_a_wrong_window_is_one_line(self, read, options, message):
        with pytest.raises(UserError) as error:
            read(self.VALUES, self.AXES, **options)
        assert message in str(error.value)

    @pytest.mark.parametrize(
        ("window", "message"),
        [
            ([170, 70], "options.time_window_ms: [170, 70] ends before it begins; give the start"),
            ([70, 70], "options.time_window_ms: [70, 70] is empty; give the start and a later"),
            ({"IT": [170, 70]}, "options.time_window_ms.IT: [170, 70] ends before it begins"),
        ],
    )
    def test_a_stated_window_rises(self, read, window, message):
        with pytest.raises(UserError) as error:
            read(time_window_ms=window)
        assert message in str(error.value)

    def test_one_window_is_taken_and_another_refused(self, read):
        options = {"time_window_ms": [70, 170]}
        assembly = read(**options, window_ms=[70, 170]).assembly
        assert assembly.attrs["time_window_ms"] == [70, 170]
        with pytest.raises(UserError, match=r"window_ms: \[0, 100\] is not made up .* 70-170 ms"):
            read(**options, window_ms=[0, 100])
        with pytest.raises(UserError, match=r"have one time window \(not stated by the source\)"):
            read(window_ms=[0, 100])
        with pytest.raises(UserError, match=r"time_bins_ms is given, but responses.axes has no"):
            read(time_bins_ms=[[0, 1]])
