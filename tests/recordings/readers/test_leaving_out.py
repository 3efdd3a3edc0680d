"""What a description leaves out by value, against the arrays that are left."""

import numpy as np
import pytest
from support.recordings import describe

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError

N_STIMULI, N_SITES = 8, 5
VALUES = np.random.default_rng(0).normal(size=(3 * 10, N_SITES)).astype(np.float32)
# as in Triple-N: numbers above 1000 belong to a localizer, of which there are no images
SHOWN = np.tile([*range(1, N_STIMULI + 1), 1001, 1007], 3)


@pytest.fixture
def ingest(tmp_path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    for number in range(1, N_STIMULI + 1):
        Image.new("L", (4, 4), 20 * number).save(tmp_path / "images" / f"{number}.png")
    np.save(tmp_path / "r.npy", VALUES)
    np.save(tmp_path / "shown.npy", SHOWN)
    np.save(tmp_path / "session.npy", np.repeat(["a", "b", "c"], 10))
    np.save(tmp_path / "quality.npy", np.array([1.0, 2.0, 1.0, 3.0, 1.0]))
    np.save(tmp_path / "depth.npy", np.array([0.25, 0.5, 1.0, 2.0, 3.5]))
    np.save(tmp_path / "set.npy", np.repeat(["x", "y"], N_STIMULI // 2))

    def read(**leave_out):
        options = {
            "responses": {"file": "r.npy", "axes": ["presentation", "neuroid"]},
            "unit": "Hz",
            "degrees": 5,
            "leave_out": leave_out or None,
            "stimuli": {
                "filename": {"pattern": "%d.png", "first": 1},
                "variation": {"file": "set.npy"},
            },
            "presentations": {
                "stimulus_id": {"file": "shown.npy"},
                "session": {"file": "session.npy"},
            },
            "neuroids": {
                "region": "IT",
                "animal": "m",
                "quality": {"file": "quality.npy"},
                "depth": {"file": "depth.npy"},
            },
        }
        options = {key: value for key, value in options.items() if value is not None}
        files = {path.name: path for path in tmp_path.iterdir() if path.name != "out"}
        ingest_recordings(describe("arrays", options), files, tmp_path / "out")
        return load_assembly(tmp_path / "out" / "assembly.nc"), load_stimuli(
            tmp_path / "out" / "stimuli.csv"
        )

    return read


def test_presentations_of_a_localizer(ingest):
    with pytest.raises(UserError, match=r"stimulus_id '1001' is no stimulus \(6 of 30"):
        ingest()
    assembly, stimuli = ingest(stimulus_id=["1001 to 1072"])
    np.testing.assert_array_equal(assembly.values, VALUES[SHOWN < 1000])
    assert list(stimuli["stimulus_id"]) == [str(number) for number in range(1, 9)]
    np.testing.assert_array_equal(assembly["repetition"].values, np.repeat(range(3), N_STIMULI))


def test_sites_sessions_and_stimuli(ingest):
    assembly, stimuli = ingest(
        stimulus_id=[1001, "1007"], quality=[2, 3.0], session=["b"], variation=["y"]
    )
    rows = (SHOWN <= 4) & (np.repeat([0, 1, 2], 10) != 1)
    np.testing.assert_array_equal(assembly.values, VALUES[rows][:, [0, 2, 4]])
    assert list(stimuli["filename"]) == ["1.png", "2.png", "3.png", "4.png"]


def test_a_range_is_of_whole_numbers(ingest):
    with pytest.raises(UserError, match=r"depth: '0 to 1' means .* 2 of 3 sites .* as 0\.25; list"):
        ingest(depth=["0 to 1"], stimulus_id=["1001 to 1072"])
    with pytest.raises(UserError, match=r"depth: '0\.2 to 0\.6' means .* 2 of 2 sites"):
        ingest(depth=["0.2 to 0.6"], stimulus_id=["1001 to 1072"])
    assembly, _ = ingest(depth=["1 to 2", 0.25], stimulus_id=["1001 to 1072"])
    assert assembly["depth"].values.tolist() == [0.5, 3.5]


@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        ({"qualty": [2]}, "leave_out: there is no label 'qualty'"),
        ({"quality": [7]}, "leave_out: quality: no neuroid has 7"),
        ({"quality": ["1.2.3 to 4.0.0"]}, "leave_out: quality: no neuroid has '1.2.3 to 4.0.0'"),
        ({"quality": [1, 2, 3]}, "leaves nothing"),
    ],
)
def test_mistakes_are_one_line(ingest, leave_out, message):
    with pytest.raises(UserError, match=message):
        ingest(stimulus_id=["1001 to 1072"], **leave_out)
