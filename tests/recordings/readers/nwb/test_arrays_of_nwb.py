"""Arrays in NWB files without units: the DiCarlo laboratory's aggregated file, in its form."""

from datetime import UTC, datetime

import numpy as np
import pytest
from support.recordings import read_recordings

pynwb = pytest.importorskip("pynwb")


def test_psths_of_all_sessions_side_by_side(session, tmp_path):
    """(unit, stimulus, repetition, bin), NaN where a stimulus was not shown in that session."""
    from hdmf.common import DynamicTable

    rng = np.random.default_rng(3)
    psth = rng.poisson(0.8, (5, 4, 6, 40)).astype(float)
    psth[:, 0, 2:4] = psth[:, 3, 4:] = np.nan
    nwb = pynwb.NWBFile("made", "identifier", datetime(2024, 1, 1, tzinfo=UTC))
    nwb.add_scratch(psth, name="psth_session_data_concatenated", description="made")
    table = DynamicTable(name="stimulus_meta", description="made")
    table.add_column("stimuli_presentation_id", "made")
    table.add_column("stimuli_filename", "made")
    names = [f"im{number}.png" for number in (2, 0, 3, 1)]
    for number, name in enumerate(names):
        table.add_row(stimuli_presentation_id=number, stimuli_filename=name)
    nwb.add_stimulus(table)
    session.read()  # writes the images
    with pynwb.NWBHDF5IO(tmp_path / "all.nwb", "w") as file:
        file.write(nwb)
    meta = "stimulus/presentation/stimulus_meta"
    options = {
        "responses": {
            "variable": "scratch/psth_session_data_concatenated",
            "axes": ["neuroid", "stimulus", "repetition", "time_bin"],
        },
        "unit": "spikes",
        "counts": True,
        "time_bins_ms": {"start": -200, "width": 10},
        "window_ms": [70, 170],
        "degrees": 8,
        "stimuli": {"filename": {"variable": f"{meta}/stimuli_filename"}},
        "neuroids": {"region": "IT", "animal": "monkey_a"},
        "images": {"unused": "leave_out"},
    }
    files = {"all.nwb": tmp_path / "all.nwb", "i.zip": tmp_path / "i.zip"}
    assembly = read_recordings("arrays", options, files).assembly
    expected, ids = [], []
    for stimulus in range(4):
        for repetition in range(6):
            counts = psth[:, stimulus, repetition]
            if not np.isnan(counts).any():
                expected.append([sum(row[27:37]) for row in counts])
                ids.append(names[stimulus][:-4])
    np.testing.assert_array_equal(assembly.values, expected)
    assert list(assembly["stimulus_id"].values) == ids
