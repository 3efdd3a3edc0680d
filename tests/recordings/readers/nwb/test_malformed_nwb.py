"""Malformed NWB files and options: each is one line that names file, field and way out."""

import subprocess
import sys

import numpy as np
import pytest
from support.recordings import cut_or_replace, read_recordings

from tgas_neuro.recordings.datasets.description import LocalFile
from tgas_neuro.recordings.datasets.files import check_local_file
from tgas_neuro.recordings.readers import nwb
from tgas_neuro.runtime.errors import UserError


def truncate(path):
    path.write_bytes(path.read_bytes()[:-2000])


MALFORMED = {
    "truncated": (dict(change=truncate), "s.nwb: not a readable NWB file (OSError"),
    "another file": (dict(change=lambda path: path.write_bytes(b"x")), "not a readable NWB file"),
    "missing": (dict(change=lambda path: path.unlink()), "s.nwb: no such file; correct the path"),
    "no units": (dict(nwb=dict(units=False)), "no table of units with spike_times (no units)"),
    "no trials": (
        dict(nwb=dict(trials=False)),
        "options.table: 'trials' is missing; there are: electrodes, units",
    ),
    "no subject": (dict(nwb=dict(subject=None)), "names no subject; give it as options.animal"),
    "unit in two regions": (
        dict(nwb=dict(spans=True)),
        "unit 11 lies in aIT, pIT (location); a unit has one region: leave it out",
    ),
    "NaN onset": (
        dict(nwb=dict(onsets=[1.0, 2.0, 3.0, np.nan, *np.arange(5.0, 13.0)])),
        "table 'trials': onset of row 3 is nan (1 such rows); onsets are seconds",
    ),
    "never observed": (
        dict(nwb=dict(obs={7: [[0.0, 9.0]], 8: [[0.0, 0.5]], 11: [[0.0, 9.0]]})),
        "no presentation during which all 3 units were observed; unit 8 was in 0 of 12: choose",
    ),
    "column": (
        dict(stimulus_column="imag"),
        "options.stimulus_column: table 'trials' has no column 'imag', did you mean 'image'?; the",
    ),
    "label": (dict(labels={"variation": "v"}), "options.labels.variation: table 'trials' has no c"),
    "table of another name": (
        dict(table="trial"),
        "options.table: 'trial' is missing, did you mean 'trials'?; there are: electrodes, trials",
    ),
    "several values a row": (
        dict(units={"spike_times": [1]}),
        "options.units: column 'spike_times' of table 'units' holds several values a row",
    ),
    "no row": (
        dict(presentations={"category": ["c5"]}),
        "options.presentations: no row has category of ['c5']; there are: c0, c1",
    ),
    "no unit of the region": (
        dict(regions={"V1": "V1"}),
        "options.regions: no unit lies in V1; there are: V4, aIT, pIT",
    ),
    "no region": (
        dict(region_column="area"),
        "options.region_column: neither units nor their electrodes have 'area'; there are: ",
    ),
    "window": (dict(window_ms=[170, 70]), "session.yaml: options.window_ms: [170, 70] ends before"),
    "no window": (dict(window_ms=None), "session.yaml: options: key 'window_ms' is missing"),
    "no image": (
        dict(filename_column=None),
        "i.zip: no image '0' of stimulus '0'; there are 5, as 'im0.png': name the column",
    ),
    "two images of a stimulus": (
        dict(stimulus_column="category"),
        "stimulus 'c0' has filename 'im2.png' and 'im0.png'; a stimulus has one",
    ),
    "no container": (dict(images="stimuli"), "options.images: 'stimuli' is missing; there are: no"),
    "misspelt": (dict(window=[0, 1]), "session.yaml: options: unknown key 'window', did you mean"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_file_is_one_line(session, kind):
    options, message = MALFORMED[kind]
    options = options | ({"nwb": session.build(**options["nwb"])} if "nwb" in options else {})
    with pytest.raises(UserError) as error:
        session.read(**options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_without_pynwb_the_way_out_is_told(session, monkeypatch):
    session.read()
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(UserError, match=r"need pynwb, .* pip install 'tgas-neuro\[nwb\]'"):
        read_recordings(
            "nwb", {"window_ms": session.window, "degrees": 8}, {"s.nwb": "s.nwb"}, "session"
        )


def test_a_mistake_of_ours_is_not_called_a_damaged_file(session, monkeypatch):
    def fail(*_):
        raise KeyError("made")

    monkeypatch.setattr(nwb, "read_presentations", fail)
    with pytest.raises(UserError, match=r"a form that the reader nwb does not know \(KeyError: 'm"):
        session.read()


def test_a_file_that_another_program_writes_is_in_use(session, tmp_path):
    session.read()
    path = tmp_path / "s.nwb"
    code = f"import h5py; file = h5py.File({str(path)!r}, 'a'); print('open', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as writer:
        writer.stdout.readline()
        with pytest.raises(UserError, match=r"s\.nwb: another program has it open"):
            options = {"window_ms": session.window, "degrees": 8}
            read_recordings("nwb", options, {"s.nwb": path}, "session")
        writer.communicate(b"\n")


def test_damaged_bytes_are_one_line_or_read(session, tmp_path):
    """A fuzz test of damage that the library reports; only `UserError` may come of it."""
    session.read()
    path = tmp_path / "s.nwb"
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    options = {"stimulus_column": "file", "window_ms": session.window, "degrees": 8}
    refused = 0
    for _ in range(25):
        path.write_bytes(cut_or_replace(whole, rng))
        try:
            check_local_file(LocalFile(name="s.nwb", path=str(path)), "session")
            files = {"s.nwb": path, "i.zip": tmp_path / "i.zip"}
            list(read_recordings("nwb", options, files, "session").images)
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused == 25
