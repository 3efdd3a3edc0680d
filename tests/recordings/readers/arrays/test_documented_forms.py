"""What `docs/your_own_recordings.md` says to write for MATLAB's forms gives the right values."""

import io
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import yaml
from PIL import Image

from tgas_neuro.recordings.formats import array_files
from tgas_neuro.runtime.errors import UserError

PAGE = (Path(__file__).parents[4] / "docs" / "your_own_recordings.md").read_text()
OBJECTS = Path(__file__).parents[2] / "formats" / "matlab" / "objects_v73.mat"
ROWS = {
    name: text
    for name, text in re.findall(r"^\| ([^|]*) \| `arrays` \| (.*) \|$", PAGE, re.M)
    if name.startswith("MATLAB: ") or "larger than the memory" in name
}
RNG = np.random.default_rng(0)
RATES = RNG.normal(size=(3, 4, 2))  # stimulus, repetition, neuroid
SHOWN = [2, 0, 1, 1]
TIMES = RNG.uniform(0, 300, (2, 4, 30))  # of spikes [ms]: site, presentation
PIXELS = RNG.integers(0, 256, (5, 6, 3, 3)).astype(np.uint8)


def cells(shape, get):
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        found[place] = get(*place)
    return found


def mat(**variables):
    return lambda folder: scipy.io.savemat(folder / "r.mat", variables)


def h5(name, variable, values):
    def write(folder):
        with h5py.File(folder / name, "w") as file:
            file[variable] = values

    return write


RAGGED = np.float32([*RATES[0], *RATES[1, :2], *RATES[2, :3]])
TABLE = np.array([("V4", 0.5), ("IT", 0.7)], dtype=[("area", "O"), ("depth", "O")])
COUNTS = ((TIMES >= 70) & (TIMES < 170)).sum(axis=2).T
TRIALS = RNG.normal(size=(2, 3, 300))
REGIONS = ["V4", "IT"]


def keep(k):
    return (4, 2, 3)[k]


# beginning of the row: writer, responses that are expected (None: regions are)
FORMS = {
    "MATLAB: text, a cell": (mat(areas=np.array([REGIONS], dtype=object)), None),
    "MATLAB: a table or": (mat(sites=TABLE), None),
    "MATLAB: a sparse": (mat(few=scipy.sparse.csc_array(np.eye(3, 2))), np.eye(3, 2)),
    "MATLAB: a cell for each stimulus": (
        mat(resp=cells((1, 3), lambda _, k: RATES[k, : keep(k)])),
        RAGGED,
    ),
    "MATLAB: a cell for each site": (
        mat(resp=cells((2, 3), lambda n, k: RATES[k, : keep(k), n])),
        RAGGED,
    ),
    "MATLAB: cells of spike times": (
        mat(spikes=cells((2, 4), lambda n, k: TIMES[n, k]), shown=SHOWN),
        COUNTS,
    ),
    "MATLAB: several axes": (
        mat(resp=RATES[:, :1], scales=[1.0, 2, 4]),
        RATES[:, 0],
    ),
    "MATLAB: images in an array": (mat(stack=PIXELS), None),
    "MATLAB: an .h5 file": (h5("r.h5", "r", RATES.T), RATES.reshape(-1, 2)),
    "MATLAB: a matrix with": (mat(log=np.array([[7, shown, 1] for shown in SHOWN])), None),
    "trials in time bins": (
        h5("r.h5", "trials", TRIALS),
        TRIALS[..., 150:250].mean(axis=2).T,
    ),
}


def find_row(begin):
    (text,) = [text for name, text in ROWS.items() if name.startswith(begin)]
    return yaml.safe_load(re.search(r"`(\{.*\})`", text)[1])


def test_every_row_is_run():
    left = [name for name in ROWS if not name.startswith((*FORMS, "MATLAB: datetime"))]
    assert left == []


@pytest.mark.parametrize("begin", FORMS)
def test_the_options_of_the_page_read_the_form(read, tmp_path, begin, monkeypatch):
    write, expected = FORMS[begin]
    write(tmp_path)
    options = find_row(begin)
    if "trials" in begin:
        monkeypatch.setattr(array_files, "LARGE", 0)
    given = {"responses": {"file": "r.npy", "axes": ["stimulus", "repetition", "neuroid"]}}
    given["images"] = {"file": "i.zip"}
    if "presentations" in options:
        options["stimuli"] = {"stimulus_id": {"pattern": "%d"}}
        if "responses" not in options:
            given["responses"]["axes"] = ["presentation", "neuroid"]
    values = RNG.normal(size=(4, 2)) if "presentation" in given["responses"]["axes"] else RATES
    if "responses" in options:
        values = None  # no file beside those that are written here
    found = read(values, **{**given, **options})
    if expected is not None:
        np.testing.assert_allclose(found.assembly.values, expected, rtol=1e-6)
    if "neuroids" in options:
        assert found.assembly["region"].values.tolist() == REGIONS
    if "presentations" in options:
        assert found.assembly["stimulus_id"].values.tolist() == list(map(str, SHOWN))
    if "scale" in options.get("stimuli", {}):
        assert found.stimuli["scale"].tolist() == [1, 2, 4]
        assert found.stimuli["category"].tolist() == [1, 1, 1]
    if "variable" in options.get("images", {}):
        images = [np.asarray(Image.open(io.BytesIO(content))) for _, content in found.images]
        np.testing.assert_array_equal(np.stack(images, axis=-1), PIXELS)


@pytest.mark.parametrize("variable", ["areas", "sites.area"])
def test_regions_of_a_string_and_of_a_table(read, tmp_path, variable):
    """Of a file that mat-io wrote; a text that is empty is no region."""
    (tmp_path / "r.mat").write_bytes(OBJECTS.read_bytes())
    values = RNG.normal(size=(3, 4, 5 if variable == "areas" else 3))
    neuroids = {"animal": "m", "region": {"variable": variable, "file": "r.mat"}}
    if variable == "areas":
        with pytest.raises(UserError, match="region of neuroid 3 is '': it is missing"):
            read(values, neuroids=neuroids)
    else:
        found = read(values, neuroids=neuroids).assembly
        assert found["region"].values.tolist() == ["V4", "IT", "IT"]


def test_cells_of_times_without_spike_times_say_so(read, tmp_path):
    spikes = cells((2, 4), lambda n, k: TIMES[n, k, : 5 + k])
    scipy.io.savemat(tmp_path / "r.mat", {"spikes": spikes})
    source = {"file": "r.mat", "axes": ["neuroid", "stimulus"]}
    with pytest.raises(UserError, match=r"or set options.responses.spike_times if they are times"):
        read(None, responses=source)
