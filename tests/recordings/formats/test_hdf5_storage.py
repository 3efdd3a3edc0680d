"""HDF5 files that point elsewhere are refused; what was never written is found, by its storage.

The oracle of what was never written is HDF5 itself: it reads a fill value that nobody wrote.
"""

import os

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s

from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.formats.array_files import load_variable, open_variable
from tgas_neuro.recordings.formats.hdf5_files import Unwritten, open_hdf5
from tgas_neuro.recordings.formats.hdf5_storage import find_gaps, get_object
from tgas_neuro.recordings.formats.subprocess_probe import read_texts
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import reading_files

FILL = -12345.0
VALUES = np.arange(1.0, 13.0).reshape(4, 3)


def link(file, other):
    file["x"] = h5py.ExternalLink(str(other), "deep/x")


def link_to_group(file, other):
    file["all"] = h5py.ExternalLink(other.name, "/deep")
    file["x"] = h5py.SoftLink("/all/x")


def link_below(file, other):
    file["x"] = h5py.ExternalLink(os.path.relpath(other, "."), "deep/x")


def make_virtual(file, other):
    layout = h5py.VirtualLayout(VALUES.shape, "f8")
    layout[:] = h5py.VirtualSource(other.name, "deep/x", VALUES.shape)
    file.create_virtual_dataset("x", layout)


def store_outside(file, other):
    raw = other.with_suffix(".raw")
    file.create_dataset("x", VALUES.shape, "f8", external=[(str(raw), 16, VALUES.nbytes)])


ELSEWHERE = {
    "external link": link,
    "external link on the way": link_to_group,
    "external link from the working directory": link_below,
    "virtual": make_virtual,
    "external storage": store_outside,
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file whose data set lies in another one; both and the raw bytes, as paths."""
    monkeypatch.chdir(tmp_path)

    def write_file(kind, ending=".h5", folder="."):
        other = tmp_path / folder / "other.h5"
        other.parent.mkdir(exist_ok=True)
        with h5py.File(other, "w") as file:
            file["deep/x"] = VALUES
        other.with_suffix(".raw").write_bytes(bytes(16) + VALUES.tobytes())
        path = tmp_path / f"mine{ending}"
        with h5py.File(path, "w") as file:
            ELSEWHERE[kind](file, other)
        return path, other.with_suffix(".raw") if kind == "external storage" else other

    return write_file


@pytest.mark.parametrize("ending", [".h5", ".mat", ".nwb"])
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_lies_in_another_file_is_read_only_if_it_is_listed(write, kind, ending):
    path, other = write(kind, ending)
    with pytest.raises(UserError) as error:
        load_variable(path, "x")
    message = str(error.value)
    assert message.startswith(f"{path}: /")
    assert other.name in message
    assert "not one of the data set's files; copy the values into mine" in message
    with reading_files([path]), pytest.raises(UserError, match="not one of the data set's files"):
        load_variable(path, "x")
    with reading_files([path, os.path.relpath(other)]):
        values = load_variable(path, "x")
    np.testing.assert_array_equal(values, VALUES.T if ending == ".mat" else VALUES)
    other.rename(other.with_name("gone"))
    with reading_files([path]), pytest.raises(UserError, match="which does not exist; copy"):
        load_variable(path, "x")


@pytest.mark.parametrize("kind", ["external link", "virtual", "external storage"])
def test_netcdf4_does_not_follow_them_either(write, kind):
    path, other = write(kind, ".nc")
    with pytest.raises(UserError, match=r"mine\.nc: /x is .* not one of the data set's files"):
        load_netcdf(path)
    with reading_files([other]):
        np.testing.assert_array_equal(load_netcdf(path)["x"].values, VALUES)


def test_a_listed_file_may_not_point_further(write, tmp_path):
    path, other = write("virtual")
    with h5py.File(tmp_path / "third.h5", "w") as file:
        file["x"] = VALUES
    with h5py.File(other, "w") as file:
        file["deep/x"] = h5py.ExternalLink("third.h5", "x")
    for _ in range(2):
        with reading_files([other]), pytest.raises(UserError, match=r"other\.h5: /deep/x .*third"):
            load_variable(path, "x")
    with reading_files([other, tmp_path / "third.h5"]):
        np.testing.assert_array_equal(load_variable(path, "x"), VALUES)


def test_the_file_that_hdf5_would_open_is_the_one_that_must_be_listed(write, tmp_path, monkeypatch):
    """HDF5 looks in the folder of the file before the working directory."""
    path, other = write("virtual")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with h5py.File(elsewhere / "other.h5", "w") as file:
        file["deep/x"] = -VALUES
    monkeypatch.chdir(elsewhere)
    with reading_files(["other.h5"]), pytest.raises(UserError, match="not one of the data set"):
        load_variable(path, "x")
    with reading_files([other]):
        np.testing.assert_array_equal(load_variable(path, "x"), VALUES)
    monkeypatch.setenv("HDF5_VDS_PREFIX", str(elsewhere))
    with reading_files([other]), pytest.raises(UserError, match="not one of the data set"):
        load_variable(path, "x")


def test_links_and_sources_within_the_file_are_read(tmp_path):
    path = tmp_path / "one.h5"
    with h5py.File(path, "w") as file:
        file["a/x"] = VALUES
        file["a/soft"] = h5py.SoftLink("x")
        file["rooted"] = h5py.SoftLink("/a/soft")
        file["hard"] = file["a/x"]
        file["itself"] = h5py.ExternalLink("one.h5", "a/x")
        layout = h5py.VirtualLayout(VALUES.shape, "f8")
        for row in range(4):
            layout[row] = h5py.VirtualSource(".", "a/x", VALUES.shape)[row]
        file.create_virtual_dataset("virtual", layout)
    for name in ("a/x", "/a/soft", "rooted", "hard", "itself", "virtual"):
        np.testing.assert_array_equal(load_variable(path, name), VALUES)


@pytest.mark.parametrize("name", ["soft", "virtual", "external"])
def test_circles_are_one_line(tmp_path, name):
    path = tmp_path / "round.h5"
    with h5py.File(path, "w") as file:
        file["soft"] = h5py.SoftLink("/other")
        file["other"] = h5py.SoftLink("soft")
        file["external"] = h5py.ExternalLink("round.h5", "external")
        layout = h5py.VirtualLayout((2,), "f8")
        layout[:] = h5py.VirtualSource(".", "virtual", (2,))
        file.create_virtual_dataset("virtual", layout)
    with pytest.raises(UserError, match="lead in a circle; copy the values into the file"):
        load_variable(path, name)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (None, r"its source '/?x' is missing in .*other\.h5"),
        (VALUES[:3], r"/x in .*other\.h5 is too small or has gaps \(\(3, 3\)\)"),
        (VALUES[:, :2], r"is too small"),
        (VALUES.ravel()[:11], r"is too small"),
    ],
)
def test_a_missing_or_short_source_is_never_zeros(tmp_path, source, line):
    path = tmp_path / "mine.h5"
    with h5py.File(tmp_path / "other.h5", "w") as file:
        if source is not None:
            file["x"] = source
    layout = h5py.VirtualLayout((8, 3), "f8")
    layout[:4] = layout[4:] = h5py.VirtualSource("other.h5", "x", (4, 3))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout)
    for unwritten in (None, Unwritten()):
        with reading_files([tmp_path / "other.h5"]), pytest.raises(UserError, match=line):
            load_variable(path, "x", unwritten=unwritten)


def test_a_short_external_file_is_not_filled_with_zeros(write):
    path, raw = write("external storage")
    raw.write_bytes(raw.read_bytes()[:-8])
    with reading_files([raw]), pytest.raises(UserError, match="hold 88 of 96 bytes"):
        load_variable(path, "x")


@pytest.mark.parametrize("seed", range(12))
def test_unwritten_chunks_are_those_that_hdf5_fills(tmp_path, seed):
    generator = np.random.default_rng(seed)
    shape = tuple(generator.integers(1, 12, generator.integers(1, 4)))
    chunks = tuple(int(generator.integers(1, n + 1)) for n in shape)
    path = tmp_path / "gaps.h5"
    with h5py.File(path, "w", libver=("earliest", "latest")[seed % 2]) as file:
        options = {"compression": "gzip"} if seed % 3 == 0 else {}
        data = file.create_dataset("x", shape, "f4", chunks=chunks, fillvalue=FILL, **options)
        for place in data.iter_chunks():
            if generator.random() < 0.6:
                data[place] = generator.random([part.stop - part.start for part in place])
    check_against_hdf5(path)


@pytest.mark.parametrize("seed", range(12))
def test_virtual_data_sets_lack_what_has_no_source_and_what_these_lack(tmp_path, seed):
    generator = np.random.default_rng(seed)
    path, sources = tmp_path / "virtual.h5", [tmp_path / f"{name}.h5" for name in "abc"]
    layout = h5py.VirtualLayout((12, 9), "f4")
    for number, source in enumerate(sources):
        rows, step = int(generator.integers(1, 5)), int(generator.integers(1, 3))
        with h5py.File(source, "w") as file:
            data = file.create_dataset("x", (5, 9), "f4", chunks=(2, 4), fillvalue=FILL)
            for place in data.iter_chunks():
                if generator.random() < 0.7 or number == 0:
                    data[place] = 1 + number
        first = int(generator.integers(0, 12 - rows * step + 1))
        taken = h5py.VirtualSource(source.name, "x", (5, 9))[:rows, 2:8]
        layout[first : first + rows * step : step, 3:9] = taken
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout, fillvalue=FILL)
    with reading_files(sources):
        check_against_hdf5(path)


def check_against_hdf5(path):
    with open_hdf5(path) as file:
        data = get_object(file, "x")
        expected = data[()] == np.float32(FILL)
        gaps, block = find_gaps(data), tuple(slice(n // 3, n) for n in data.shape)
        assert (gaps.number if gaps else 0) == expected.sum()
        if gaps:
            found = ~gaps.find(data.shape)
            np.testing.assert_array_equal(found, expected)
            filled = gaps.fill(data[block], block)
            np.testing.assert_array_equal(np.isnan(filled), expected[block])
            np.testing.assert_array_equal(filled[~expected[block]], data[block][~expected[block]])


def test_unlimited_virtual_data_sets_are_read_as_far_as_their_sources(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.create_dataset("x", data=VALUES, maxshape=(None, 3))
    path = tmp_path / "v.h5"
    unlimited = (h5s.UNLIMITED, 3)
    space = h5s.create_simple((4, 3), unlimited)
    space.select_hyperslab((0, 0), (1, 1), (1, 1), unlimited)
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_virtual(space, b"s.h5", b"x", space)
    with h5py.File(path, "w") as file:
        whole = h5s.create_simple((4, 3), unlimited)
        h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, whole, plist)
    with reading_files([tmp_path / "s.h5"]):
        np.testing.assert_array_equal(load_variable(path, "x"), VALUES)


def test_the_probe_reads_no_texts_of_other_files(tmp_path, monkeypatch):
    path, read = tmp_path / "v.h5", []
    layout = h5py.VirtualLayout((2,), h5py.string_dtype())
    layout[:] = h5py.VirtualSource("other.h5", "x", (2,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("far", layout)
        file["here"] = ["a", "b"]
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda data, _: read.append(data.name))
    read_texts(str(path))
    assert read == ["/here"]


def test_patterns_of_sources_are_refused(tmp_path):
    path = tmp_path / "v.h5"
    plist, space = h5p.create(h5p.DATASET_CREATE), h5s.create_simple((4, 3), (h5s.UNLIMITED, 3))
    space.select_hyperslab((0, 0), (h5s.UNLIMITED, 1), (2, 1), (2, 3))
    plist.set_virtual(space, b"s_%b.h5", b"x", h5s.create_simple((2, 3)))
    with h5py.File(path, "w") as file:
        h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, space, plist)
    with pytest.raises(UserError, match="are a pattern, which is not read"):
        load_variable(path, "x")


def create(file, name, layout=None, alloc=None, shape=(4, 3)):
    plist = h5p.create(h5p.DATASET_CREATE)
    if layout is not None:
        plist.set_layout(layout)
    if alloc is not None:
        plist.set_alloc_time(alloc)
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_FLOAT, space, plist)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_only_storage_that_was_never_allocated_counts(tmp_path, libver):
    path = tmp_path / "kinds.h5"
    with h5py.File(path, "w", libver=libver) as file:
        create(file, "contiguous")
        create(file, "scalar", shape=())
        create(file, "allocated at once", alloc=h5d.ALLOC_TIME_EARLY)
        create(file, "compact", layout=h5d.COMPACT)
        file["nothing"] = h5py.Empty("f4")
        file.create_dataset("no rows", (0, 3), "f4", chunks=(2, 3), maxshape=(None, 3))
        file.create_dataset("one chunk", (4, 3), "f4", chunks=(4, 3))
        file.create_dataset("written fill", data=np.zeros((4, 3), "f4"), chunks=(3, 2))
        grown = file.create_dataset("grown", (2, 3), "f4", chunks=(4, 2), maxshape=(None, 3))
        grown[:] = 1
        grown.resize((7, 3))
        cut = file.create_dataset("cut", (7, 3), "f4", chunks=(4, 2), maxshape=(None, 3))
        cut[:] = 1
        cut.resize((3, 3))
    with open_hdf5(path) as file:
        found = {name: find_gaps(get_object(file, name)) for name in file}
        counts = {name: gaps.number for name, gaps in found.items() if gaps}
    # of what grew, rows 2 and 3 lie in a chunk that was written
    assert counts == {"contiguous": 12, "scalar": 1, "one chunk": 12, "grown": 9}


@pytest.mark.parametrize("ending", [".h5", ".mat"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "u1", "i4"])
def test_numbers_that_were_never_written_are_nan_or_refused(tmp_path, dtype, ending):
    path = tmp_path / f"x{ending}"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (4, 3), dtype, chunks=(2, 2))
        data[:, :2] = VALUES[:, :2]
        data[:2] = VALUES[:2]
        data.attrs["MATLAB_class"] = np.bytes_("logical" if dtype == "u1" else "double")
    expected = VALUES.copy()
    expected[2:, 2] = np.nan
    for read in (load_variable, open_variable):
        unwritten = Unwritten()
        values = read(path, "x", unwritten=unwritten)
        np.testing.assert_array_equal(values.T if ending == ".mat" else values, expected)
        assert unwritten.describe("x") == [
            "x: 2 of 12 values were never written to the file and are read as missing"
        ]
        with pytest.raises(UserError, match=f"x{ending}: /x: 2 of 12 values were never written"):
            read(path, "x")


def test_what_reads_as_the_number_that_marks_missing_values_is_left(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (4, 3), "i2", chunks=(2, 3), fillvalue=-999)
        data[:2] = 7
    unwritten = Unwritten(-999)
    values = load_variable(path, "x", unwritten=unwritten)
    np.testing.assert_array_equal(values, [[7] * 3] * 2 + [[-999] * 3] * 2)
    assert (values.dtype, unwritten.describe("x")) == (np.int16, [])


@pytest.mark.parametrize("kind", ["text", "references", "char"])
def test_what_cannot_be_missing_is_refused(tmp_path, kind):
    path = tmp_path / ("x.h5" if kind == "text" else "x.mat")
    types = {"text": h5py.string_dtype(), "references": h5py.ref_dtype, "char": "u2"}
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (3, 1), types[kind])
        data.attrs["MATLAB_class"] = np.bytes_({"references": "cell"}.get(kind, kind))
    with pytest.raises(UserError, match="3 of 3 values were never written to the file"):
        load_variable(path, "x", unwritten=Unwritten())


def test_cells_and_fields_are_looked_at_one_by_one(tmp_path):
    path = tmp_path / "x.mat"
    with h5py.File(path, "w") as file:
        file["#refs#/a"] = VALUES
        create(file["#refs#"], "b")
        cells = [[file["#refs#/a"].ref], [file["#refs#/b"].ref]]
        file.create_dataset("data/cells", data=cells, dtype=h5py.ref_dtype)
        file["data/cells"].attrs["MATLAB_class"] = np.bytes_("cell")
        file["data/far"] = h5py.ExternalLink("other.mat", "x")
        make_virtual(file["#refs#"], tmp_path / "other.h5")
        file.create_dataset("others", data=[[file["#refs#/x"].ref]], dtype=h5py.ref_dtype)
        file["others"].attrs["MATLAB_class"] = np.bytes_("cell")
    unwritten = Unwritten()
    cells = load_variable(path, "data.cells", unwritten=unwritten)
    np.testing.assert_array_equal(cells, [VALUES.T, np.full((3, 4), np.nan)])
    assert (unwritten.number, unwritten.size) == (12, 24)
    for name in ("data", "data.far", "others"):
        with pytest.raises(UserError, match="does not exist; copy the values"):
            load_variable(path, name, unwritten=unwritten)
