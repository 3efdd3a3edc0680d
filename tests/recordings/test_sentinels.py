"""Numbers that stand for missing responses: refused, or read as missing where the user says so."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from support.documentation import find_row
from support.recordings import read_recordings

from tgas_neuro.recordings.missing import find_sentinel, mark_missing
from tgas_neuro.runtime.errors import UserError

GENERATOR = np.random.default_rng(3)
RATES = GENERATOR.gamma(2.0, 12.0, (40, 6))
SCORES = GENERATOR.normal(size=(40, 6))


def spoil(values, sentinel, number=3):
    values = values.copy()
    values.ravel()[:: values.size // number] = sentinel
    return values


@pytest.mark.parametrize("sentinel", [-1, -9, -99, -999, -9999, 9999, 99999, 1e20, 32767, -32768])
def test_marks_among_rates_are_found(sentinel):
    found = find_sentinel(spoil(RATES, sentinel))
    assert found is not None and found.value == pytest.approx(sentinel)
    assert found.number == (spoil(RATES, sentinel) == sentinel).sum()
    assert f"options.responses.missing: {sentinel:g}" in str(found)


@pytest.mark.parametrize("sentinel", [-99, -999, 9999, -500, 1e6])
def test_marks_among_scores_are_found(sentinel):
    found = find_sentinel(spoil(SCORES, sentinel))
    assert found is not None and found.value == sentinel


@pytest.mark.parametrize("kind", ["rates", "counts", "bins", "scores", "differences", "saturated"])
def test_responses_without_marks_pass(kind):
    values = {
        "rates": RATES,
        "counts": GENERATOR.poisson(4, (60, 8)),
        "bins": GENERATOR.poisson(0.02, (200, 20)),
        "scores": SCORES,
        "differences": GENERATOR.poisson(4, (60, 8)) - GENERATOR.poisson(4, (60, 8)),
        "saturated": np.minimum(RATES, 40),
    }[kind]
    assert find_sentinel(values) is None
    assert mark_missing(values, None, "f", "k") is values


@given(st.integers(0, 2**32 - 1), st.sampled_from([-999.0, -1.0, 9999.0]))
def test_what_is_marked_becomes_nan_and_nothing_else(seed, sentinel):
    generator = np.random.default_rng(seed)
    values = generator.gamma(2.0, 12.0, (5, 4)).astype(np.float32)
    absent = generator.random(values.shape) < 0.3
    absent[0, 0] = True
    found = mark_missing(np.where(absent, np.float32(sentinel), values), sentinel, "f", "k")
    np.testing.assert_array_equal(np.isnan(found), absent)
    np.testing.assert_array_equal(found[~absent], values[~absent])


def test_a_mark_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"f: k: -999, but no response is -999; leave it out"):
        mark_missing(RATES, -999, "f", "k")


def test_whole_numbers_are_marked():
    found = mark_missing(np.array([[3, -999], [0, 5]], dtype=np.int16), -999, "f", "k")
    np.testing.assert_array_equal(found, [[3, np.nan], [0, 5]])


def test_an_assembly_with_a_mark_is_refused_and_read_with_the_option(source):
    source.assembly = source.assembly.astype(np.float64)
    source.assembly[4, :] = -999.0
    source.assembly.attrs["unit"] = "Hz"
    with pytest.raises(UserError, match=r"is -999 \(4 such values\), all others are from 2 to"):
        source.ingest("netcdf")
    reader, options = find_row("an assembly with -999")
    source.options |= {"repetition": "given", **options}
    if (source.assembly["stimulus_id"] == source.assembly["stimulus_id"][4]).sum() == 1:
        pytest.fail("the stimulus has one presentation; take another")
    assembly, _, _ = source.ingest(reader)
    kept = np.delete(source.assembly.values, 4, axis=0)
    np.testing.assert_array_equal(assembly.values, kept.astype(np.float32))


def test_arrays_with_marks(tmp_path):
    from PIL import Image

    rates = GENERATOR.gamma(2.0, 12.0, (4, 3, 5)).astype(np.float32)
    marked = rates.copy()
    marked[1, 2] = marked[3, 0] = -99
    np.save(tmp_path / "r.npy", marked)
    (tmp_path / "images").mkdir()
    for number in range(4):
        Image.new("L", (4, 4), 9 * number).save(tmp_path / "images" / f"{number}.png")
    options = {
        "responses": {"axes": ["stimulus", "repetition", "neuroid"], "missing": -99},
        "unit": "Hz",
        "degrees": 5,
        "neuroids": {"region": "IT", "animal": "m"},
    }
    files = {"r.npy": tmp_path / "r.npy", "images": tmp_path / "images"}
    recordings = read_recordings("arrays", options, files)
    assert "10 of 60 responses are -99 and are read as missing" in " ".join(recordings.notes)
    found: xr.DataArray = recordings.assembly
    expected = np.delete(rates.reshape(12, 5), [5, 9], axis=0)
    np.testing.assert_array_equal(found.values, expected)
