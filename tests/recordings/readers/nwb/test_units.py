"""Units of NWB files: their electrodes, placeholders for a region, and a second file."""

from datetime import UTC, datetime, timedelta

import h5py
import numpy as np
import pytest
from support.recordings import read_recordings

from tgas_neuro.runtime.errors import UserError

pynwb = pytest.importorskip("pynwb")


def write(nwb, path):
    with pynwb.NWBHDF5IO(path, "w") as file:
        file.write(nwb)


def drop_index(path, targets=(0, 3, 2)):
    """One electrode a unit without an index, as files of DANDI 000207 have it."""
    with h5py.File(path, "a") as file:
        column = file["units/electrodes"]
        attrs, name = dict(column.attrs), column.name
        del file["units/electrodes_index"], file[name]
        file[name] = np.array(targets)
        for key, value in attrs.items():
            file[name].attrs[key] = value


def test_one_electrode_a_unit_without_an_index(session):
    assembly = session.read(change=drop_index).assembly
    np.testing.assert_array_equal(assembly.values, session.count())
    assert list(assembly["region"].values) == ["V4", "aIT", "pIT"]


def test_an_electrode_that_is_not_there(session):
    with pytest.raises(UserError, match="'electrodes' of units has 9, there are 4 electrodes, cou"):
        session.read(change=lambda path: drop_index(path, (0, 9, 2)))


def test_units_with_an_electrode_group_or_with_nothing(session):
    nwb = session.build(units=False)
    groups = list(nwb.electrode_groups.values())
    for group, (unit, spikes) in zip(groups, session.spikes.items(), strict=False):
        nwb.add_unit(id=unit, spike_times=spikes, electrode_group=group)
    assert list(session.read(nwb).assembly["region"].values) == ["V4", "aIT", "pIT"]
    nwb = session.build(units=False)
    for unit, spikes in session.spikes.items():
        nwb.add_unit(id=unit, spike_times=spikes)
    with pytest.raises(
        UserError, match=r"neither units nor .* all units' region as options\.regio"
    ):
        session.read(nwb)


def build_in(session, places):
    nwb = session.build(units=False)
    nwb.add_unit_column("area", "made")
    for place, (unit, spikes) in zip(places, session.spikes.items(), strict=True):
        nwb.add_unit(id=unit, spike_times=spikes, area=place)
    return nwb


@pytest.mark.parametrize("name", ["unknown", "Unknown", "N/A", "none", "?", "not specified"])
def test_a_placeholder_is_no_region(session, name):
    with pytest.raises(UserError, match=r"1 of 3 units lie in .*, which is no region; name it as"):
        session.read(build_in(session, ["IT", name, "V4"]), region_column="area")
    nwb = build_in(session, [name, name, name])
    assert set(session.read(nwb, region="IT").assembly["region"].values) == {"IT"}
    options = {"region_column": "area", "regions": {name: "IT", "V4": "V4"}}
    assembly = session.read(build_in(session, ["V4", name, "pIT"]), **options).assembly
    assert list(assembly["region"].values) == ["V4", "IT"]


def test_units_outside_the_regions_are_counted(session):
    recordings = session.read(
        build_in(session, ["V4", "unknown", "V4"]), region_column="area", regions={"V4": "V4"}
    )
    assert recordings.notes[-1].endswith("1 of 3 units outside the regions")
    np.testing.assert_array_equal(recordings.assembly.values, session.count((7, 11)))


class TestSecondFile:
    """Presentations in one file, spikes in another."""

    @pytest.fixture
    def read_both(self, session, tmp_path):
        def read_two(later=0.0, stated=None, invalid=(), **options):
            behaviour = session.build(units=False, subject=None)
            start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=stated or 0.0)
            ephys = pynwb.NWBFile("made", "other", start, session_id="e")
            ephys.subject = pynwb.file.Subject(subject_id="Chabo", species="Macaca mulatta")
            for begin, end in invalid:
                ephys.add_invalid_time_interval(start_time=begin, stop_time=end)
            for unit, spikes in session.spikes.items():
                ephys.add_unit(id=unit, spike_times=spikes - later)
            write(behaviour, tmp_path / "b.nwb")
            write(ephys, tmp_path / "e.nwb")
            session.read()  # writes the images
            files = {name: tmp_path / name for name in ("b.nwb", "e.nwb", "i.zip")}
            given = {"stimulus_column": "image", "filename_column": "file", "region": "IT"}
            given |= {"window_ms": session.window, "degrees": 8} | options
            return read_recordings("nwb", given, files, "session")

        return read_two

    @pytest.mark.parametrize("named", [{}, {"file": "b.nwb"}])
    def test_on_one_clock(self, session, read_both, named):
        assembly = read_both(units_file="e.nwb", **named).assembly
        np.testing.assert_array_equal(assembly.values, session.count())
        assert set(assembly["animal"].values) == {"Chabo"}
        assert set(assembly["session"].values) == {"s1"}

    def test_clocks_that_differ_are_refused_until_the_delay_is_given(self, session, read_both):
        message = r"e\.nwb: its times count from .* options\.units_delay_s: 12\.5 if these"
        with pytest.raises(UserError, match=message):
            read_both(later=12.5, stated=12.5, units_file="e.nwb")
        options = {"units_file": "e.nwb", "units_delay_s": 12.5}
        recordings = read_both(
            later=12.5, stated=12.5, invalid=[(1.55 - 12.5, 1.65 - 12.5)], **options
        )
        rows = [row for row in range(12) if row != 2]
        np.testing.assert_array_equal(recordings.assembly.values, session.count(rows=rows))
        assert "1 of 12 presentations in invalid_times" in recordings.notes[0]

    def test_which_file_is_meant_must_be_said(self, read_both):
        with pytest.raises(UserError, match=r"options\.file: file is missing and 2 files end in"):
            read_both()
        with pytest.raises(UserError, match=r"units_file: 'e\.nwb' is options\.file, too"):
            read_both(units_file="e.nwb", file="e.nwb")
