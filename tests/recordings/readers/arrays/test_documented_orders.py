"""What `docs/your_own_recordings.md` says to write for orders, marks and RDMs gives the values."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import squareform
from support.documentation import find_row
from support.recordings import read_recordings

NAMES = ["Boat", "Kite", "apple", "1", "10", "2"]
PLAIN = [str(number) for number in range(6)]
NATURAL = ["1", "2", "10", "apple", "Boat", "Kite"]
RATES = np.random.default_rng(8).gamma(2, 10, (6, 3, 4)).astype(np.float32)
SQUARE = squareform(np.arange(1.0, 16.0))


@pytest.fixture
def read(tmp_path):
    """Read an array with the options of a row of the page."""

    def read_values(start, values, names=PLAIN, **saved):
        reader, options = find_row(start)
        np.save(tmp_path / "r.npy", values)
        with zipfile.ZipFile(tmp_path / "i.zip", "w") as archive:
            for level, name in enumerate(names):
                content = io.BytesIO()
                Image.new("L", (4, 4), level).save(content, format="PNG")
                archive.writestr(f"{name}.png", content.getvalue())
        for name, text in saved.items():
            (tmp_path / f"{name}.csv").write_text(text)
        if "rdm" not in options:
            options.setdefault("responses", {"axes": ["stimulus", "repetition", "neuroid"]})
            options |= {"neuroids": {"region": "IT", "animal": "m"}}
        options |= {"unit": "Hz", "degrees": 8}
        files = {path.name: path for path in sorted(tmp_path.iterdir())}
        return read_recordings(reader, options, files)

    return read_values


@pytest.mark.parametrize(
    "start, names",
    [
        ("images in the order of Finder or Explorer", NATURAL),
        ("images in the order of Python", sorted(NAMES)),
    ],
)
def test_orders(read, start, names):
    found = read(start, RATES, NAMES)
    assert found.stimuli["stimulus_id"].tolist() == names
    np.testing.assert_array_equal(found.assembly.values, RATES.reshape(18, 4))


def test_a_list(read):
    shown = ["apple", "10", "Boat", "2", "Kite", "1"]
    listed = "file\n" + "".join(f"{name}.png\n" for name in shown)
    found = read("a list of the images in the order", RATES, NAMES, shown=listed)
    assert found.stimuli["stimulus_id"].tolist() == shown


def test_marks_of_missing_responses(read):
    values = RATES.copy()
    values[4, 0] = values[1, 2] = -999
    found = read("-999 (or another number)", values).assembly
    np.testing.assert_array_equal(found.values, np.delete(RATES.reshape(18, 4), [5, 12], axis=0))


@pytest.mark.parametrize(
    "start, values",
    [
        ("an RDM as the lower triangle", SQUARE[np.tril_indices(6, -1)]),
        ("an RDM as the upper triangle", SQUARE[np.triu_indices(6, 1)]),
        ("a square RDM", SQUARE + np.diag([np.nan] * 6)),
        ("a square RDM", SQUARE),
    ],
)
def test_rdms(read, start, values):
    np.testing.assert_array_equal(read(start, values).rdms.values, [np.arange(1, 16)])
