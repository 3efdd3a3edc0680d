"""Forms in which MATLAB users keep responses, labels and images, against the plain array."""

import itertools
from io import BytesIO

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from tgas_neuro.runtime.errors import UserError

RNG = np.random.default_rng(0)
RATES = RNG.normal(size=(3, 4, 2))  # stimulus, repetition, neuroid
COUNTS = (4, 2, 3)  # repetitions of each stimulus
TIMES = [
    [np.sort(RNG.uniform(-50, 300, RNG.integers(0, 40))) for _ in range(6)] for _ in range(2)
]  # of spikes [ms] of 2 sites in 6 presentations
SHOWN = np.array([2, 0, 1, 1, 0, 2])


def write_mat(version):
    """A writer of cells of numbers, cells of cells and plain arrays in this version."""

    def write_5(path, variables):
        scipy.io.savemat(path, variables)

    def write_73(path, variables):
        numbers = itertools.count()
        with h5py.File(path, "w", userblock_size=512) as file:

            def put(group, name, values):
                if values.dtype == object:
                    cells = np.empty(values.T.shape, h5py.ref_dtype)
                    for place, part in np.ndenumerate(values.T):
                        key = f"cell{next(numbers)}"
                        put(file.require_group("#refs#"), key, np.atleast_2d(part))
                        cells[place] = file["#refs#"][key].ref
                    group.create_dataset(name, data=cells).attrs["MATLAB_class"] = b"cell"
                elif values.size == 0:
                    data = group.create_dataset(name, data=np.array(values.shape, "u8"))
                    data.attrs["MATLAB_class"], data.attrs["MATLAB_empty"] = b"double", np.uint8(1)
                else:
                    group.create_dataset(name, data=values.T).attrs["MATLAB_class"] = b"double"

            for name, values in variables.items():
                put(file, name, np.asarray(values))

    return write_5 if version == 5 else write_73


@pytest.fixture(params=[5, 73])
def write(request):
    return write_mat(request.param)


def fill_cells(shape, get):
    cells = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        cells[place] = get(*place)
    return cells


def expect_ragged():
    """Rows (presentation, neuroid) of the stimuli's first repetitions."""
    return np.concatenate([RATES[k, :n] for k, n in enumerate(COUNTS)]).astype(np.float32)


RAGGED = {
    "a cell for each stimulus": (
        fill_cells((1, 3), lambda _, k: RATES[k, : COUNTS[k]]),
        ["stimulus", "repetition", "neuroid"],
    ),
    "a column of cells, neuroids first": (
        fill_cells((3, 1), lambda k, _: RATES[k, : COUNTS[k]].T),
        ["stimulus", "neuroid", "repetition"],
    ),
    "a cell for each stimulus and neuroid": (
        fill_cells((3, 2), lambda k, n: RATES[k, : COUNTS[k], n]),
        ["stimulus", "neuroid", "repetition"],
    ),
    "a cell for each neuroid and stimulus, columns": (
        fill_cells((2, 3), lambda n, k: RATES[k, : COUNTS[k], n][:, None]),
        ["neuroid", "stimulus", "repetition"],
    ),
    "a cell of cells": (
        fill_cells((1, 2), lambda _, n: fill_cells((3, 1), lambda k, _: RATES[k, : COUNTS[k], n])),
        ["neuroid", "stimulus", "repetition"],
    ),
}


@pytest.mark.parametrize("form", RAGGED)
def test_ragged_cells_are_their_repetitions(read, tmp_path, write, form):
    cells, axes = RAGGED[form]
    write(tmp_path / "r.mat", {"resp": cells})
    found = read(None, responses={"file": "r.mat", "variable": "resp", "axes": axes}).assembly
    np.testing.assert_array_equal(found.values, expect_ragged())
    assert list(found["repetition"].values) == [0, 1, 2, 3, 0, 1, 0, 1, 2]


def test_one_repetition_in_each_cell(read, tmp_path, write):
    write(tmp_path / "r.mat", {"resp": fill_cells((1, 3), lambda _, k: RATES[k, :1])})
    axes = ["stimulus", "repetition", "neuroid"]
    found = read(None, responses={"file": "r.mat", "variable": "resp", "axes": axes}).assembly
    np.testing.assert_array_equal(found.values, RATES[:, 0].astype(np.float32))


def test_cells_that_differ_in_their_sites_are_refused(read, tmp_path, write):
    write(tmp_path / "r.mat", {"resp": fill_cells((1, 3), lambda _, k: np.ones((4, 2 + (k == 1))))})
    axes = ["stimulus", "repetition", "neuroid"]
    with pytest.raises(UserError, match="the cells have 2 to 3 along neuroid; only their repet"):
        read(None, responses={"file": "r.mat", "variable": "resp", "axes": axes})


def test_axes_that_cells_do_not_have_are_refused(read, tmp_path, write):
    write(tmp_path / "r.mat", {"resp": fill_cells((2, 3), lambda n, k: np.ones((4, 5)))})
    with pytest.raises(UserError, match=r"2 x 3 cells of 4 x 5 numbers do not have the axes stim"):
        read(None, responses={"file": "r.mat", "axes": ["stimulus", "neuroid"]})


def count(window):
    """By hand: spikes t with start <= t < stop, (presentation, neuroid)."""
    start, stop = window
    return np.array([[sum(start <= t < stop for t in part) for part in site] for site in TIMES]).T


@pytest.mark.parametrize(("unit", "scale"), [("ms", 1), ("s", 1e-3)])
@pytest.mark.parametrize("key", ["window_ms", "time_window_ms"])
@pytest.mark.parametrize("nested", [True, False])
def test_cells_of_spike_times_are_counted(read, tmp_path, write, unit, scale, key, nested):
    if nested:  # as a struct array of units with a field of cells
        cells = fill_cells(
            (2, 1), lambda n, _: fill_cells((1, 6), lambda _, k: np.array(TIMES[n][k]) * scale)
        )
    else:
        cells = fill_cells((2, 6), lambda n, k: np.array(TIMES[n][k]) * scale)
    write(tmp_path / "r.mat", {"spikes": cells, "shown": SHOWN[None]})
    found = read(
        None,
        responses={
            "file": "r.mat",
            "variable": "spikes",
            "axes": ["neuroid", "presentation"],
            "spike_times": unit,
        },
        presentations={"stimulus_id": {"variable": "shown", "file": "r.mat"}},
        stimuli={"stimulus_id": {"pattern": "%d"}},
        unit="spikes",
        counts=True,
        **{key: [70, 170]},
    ).assembly
    np.testing.assert_array_equal(found.values, count((70, 170)))
    assert found.attrs["time_window_ms"] == [70, 170]


def test_a_spike_at_the_stop_is_outside_and_a_trial_of_nan_was_not_made(read, tmp_path, write):
    spikes = fill_cells((1, 3), lambda _, k: [np.array([70.0, 170.0]), np.zeros(0), np.nan][k])
    write(tmp_path / "r.mat", {"spikes": spikes, "shown": np.array([[0, 0, 1]])})
    found = read(
        None,
        responses={"file": "r.mat", "variable": "spikes", "axes": ["neuroid", "presentation"]}
        | {"spike_times": "ms"},
        presentations={"stimulus_id": {"variable": "shown", "file": "r.mat"}},
        stimuli={"stimulus_id": {"pattern": "%d"}},
        window_ms=[70, 170],
    ).assembly
    assert found.values.tolist() == [[1], [0]]
    assert found["stimulus_id"].values.tolist() == ["0", "0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "options.window_ms is missing; say in which window the spikes are counted"),
        ({"window_ms": [70, 170]}, "no spike is in the window .* the times are in s after the"),
    ],
)
def test_spike_times_without_a_window_or_in_another_unit(read, tmp_path, options, message):
    cells = fill_cells((2, 3), lambda n, k: np.array(TIMES[n][k]))
    scipy.io.savemat(tmp_path / "r.mat", {"spikes": cells})
    source = {"file": "r.mat", "axes": ["neuroid", "stimulus"], "spike_times": "s"}
    with pytest.raises(UserError, match=message):
        read(None, responses=source, **options)


def test_several_axes_of_stimuli(read, tmp_path, write, write_images):
    """Scale x category x neuroid x repetition: 2 x 3 stimuli, the category changes fastest."""
    values = RNG.normal(size=(2, 3, 5, 2))
    write(tmp_path / "r.mat", {"r": values, "deg": np.array([[2.0, 4.0]])})
    write_images(tmp_path / "i.zip", [f"p{k}.png" for k in range(6)])
    axes = ["stimulus.scale", "stimulus.category_name", "neuroid", "repetition"]
    recordings = read(
        None,
        responses={"file": "r.mat", "variable": "r", "axes": axes},
        stimuli={"scale": {"variable": "deg", "file": "r.mat"}},
    )
    table = recordings.stimuli
    assert table["filename"].tolist() == [f"p{k}.png" for k in range(6)]
    assert table["scale"].tolist() == [2, 2, 2, 4, 4, 4]
    assert table["category_name"].tolist() == [1, 2, 3] * 2
    expected = [
        values[scale, category, :, repetition]
        for scale in range(2)
        for category in range(3)
        for repetition in range(2)
    ]
    np.testing.assert_array_equal(recordings.assembly.values, np.float32(expected))


def test_axes_of_stimuli_in_any_place_and_order(read, write_images, tmp_path):
    values = RNG.normal(size=(5, 3, 2, 2))
    write_images(tmp_path / "i.zip", [f"p{k}.png" for k in range(6)])
    axes = ("neuroid", "stimulus.b", "repetition", "stimulus.a")
    found = read(values, axes)
    assert found.stimuli["b"].tolist() == [1, 1, 2, 2, 3, 3]
    expected = [values[:, b, r, a] for b in range(3) for a in range(2) for r in range(2)]
    np.testing.assert_array_equal(found.assembly.values, np.float32(expected))


def test_axes_of_stimuli_have_labels_of_their_size(read, write_images, tmp_path):
    write_images(tmp_path / "i.zip", [f"p{k}.png" for k in range(6)])
    values, axes = np.ones((2, 3, 5)), ("stimulus.a", "stimulus.b", "neuroid")
    np.save(tmp_path / "six.npy", np.arange(6))
    with pytest.raises(UserError, match=r"'a' has 6 values, there are 2 along 'stimulus.a'"):
        read(values, axes, stimuli={"a": {"file": "six.npy"}})
    with pytest.raises(UserError, match=r"is not one of: presentation x neuroid; .* several axes"):
        read(values, ("stimulus", "stimulus.b", "neuroid"))


def test_h5_of_h5write_has_the_axes_of_matlab(read, tmp_path):
    """MATLAB wrote stimulus x repetition x neuroid; HDF5 shows the reverse."""
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["rates"] = RATES.T
    axes = ["stimulus", "repetition", "neuroid"]
    source = {"file": "r.h5", "variable": "rates", "axes": axes, "axes_as": "matlab"}
    rows = RATES.reshape(-1, 2).astype(np.float32)
    np.testing.assert_array_equal(read(None, responses=source).assembly.values, rows)
    stored = {"file": "r.h5", "variable": "rates", "axes": axes[::-1]}
    np.testing.assert_array_equal(read(None, responses=stored).assembly.values, rows)
    with pytest.raises(UserError, match="axes_as: matlab is for files that MATLAB wrote"):
        read(RATES, responses={"file": "r.npy", "axes": axes, "axes_as": "matlab"})


def test_a_column_of_a_matrix_is_a_label(read, tmp_path, write):
    """As ALLMAT of TVSD: a row for each trial, with the stimulus in the second column."""
    log = np.array([[1.0, 2, 0], [2, 0, 1], [3, 1, 0], [4, 1, 1]])
    values = RNG.normal(size=(4, 2))
    write(tmp_path / "t.mat", {"ALLMAT": log})

    def find(column, **further):
        source = {"variable": "ALLMAT", "file": "t.mat", "matrix_column": column}
        return read(
            values,
            ("presentation", "neuroid"),
            presentations={"stimulus_id": source | further},
            stimuli={"stimulus_id": {"pattern": "%d"}},
        ).assembly

    assert find(2)["stimulus_id"].values.tolist() == ["2", "0", "1", "1"]
    with pytest.raises(UserError, match=r"matrix_column: 4 of an array of 4 x 3; expected a matr"):
        find(4)
    with pytest.raises(UserError, match=r"matrix_column is of a variable, not of a pattern"):
        find(2, variable=None, file=None, pattern="%d")
    with pytest.raises(UserError, match=r"first is for a pattern alone; here variable has the val"):
        find(2, pattern="%d", first=1)
    write(tmp_path / "t.mat", {"ALLMAT": log.T})
    with pytest.raises(UserError, match="it is the other way round, transpose it"):
        find(2)


@pytest.mark.parametrize("form", ["mat", "h5 of h5write", "npy"])
@pytest.mark.parametrize("colour", [True, False])
def test_images_along_the_last_axis(read, tmp_path, form, colour):
    shape = (6, 5, 3, 3) if colour else (6, 5, 3)
    pixels = RNG.integers(0, 256, shape).astype(np.uint8)
    axes = ["row", "column", *(["colour"] if colour else []), "stimulus"]
    source = {"axes": axes, "file": f"p.{form[:3].strip()}"}
    if form == "mat":
        scipy.io.savemat(tmp_path / "p.mat", {"stack": pixels})
    elif form == "npy":
        np.save(tmp_path / "p.npy", pixels)
    else:
        source["axes_as"] = "matlab"
        with h5py.File(tmp_path / "p.h5", "w") as file:
            file["stack"] = pixels.T
    found = dict(read(RATES, images=source).images)
    for number in range(3):
        shown = np.asarray(Image.open(BytesIO(found[f"image_{number + 1:04d}.png"])))
        np.testing.assert_array_equal(shown, pixels[..., number])
    with pytest.raises(UserError, match=r"options.images.axes: row, column, colour of"):
        read(RATES, images=source | {"axes": ["row", "column", "colour"]})
