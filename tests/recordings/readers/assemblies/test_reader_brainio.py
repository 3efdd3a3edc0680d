"""The reader of local BrainIO files: made ones, and the fixtures of the brainio package."""

import zipfile

import netCDF4
import numpy as np
import pytest
import xarray as xr

from tgas_neuro.runtime.errors import UserError

EDGES = np.arange(0, 200, 20)


def as_brainio(source, bins=EDGES):
    """The form of Brain-Score's files: any name, sites first, old labels, time bins."""
    assembly = source.assembly.rename({"stimulus_id": "image_id", "animal": "subject"})
    assembly = assembly.rename("dicarlo.Mine").astype(float).T
    factors = xr.DataArray(np.arange(1.0, len(bins) + 1), dims="time_bin")
    assembly = assembly * factors
    assembly.attrs.clear()  # newer xarray keeps them
    source.assembly = assembly.assign_coords(
        time_bin_start=("time_bin", bins),
        time_bin_end=("time_bin", bins + 20),
        arr=("neuroid", ["M", "M", "P", "P"]),
    ).rename("dicarlo.Mine")
    source.table = source.table.rename(columns={"stimulus_id": "image_id"})
    return source


def test_one_time_bin_and_old_names(source):
    before = source.assembly
    as_brainio(source, np.array([70]))
    assembly, stimuli, _ = source.ingest("brainio")
    np.testing.assert_array_equal(assembly.values, before.values)
    assert list(assembly["stimulus_id"].values) == list(before["stimulus_id"].values)
    assert list(assembly["animal"].values) == ["A", "B", "A", "B"]
    assert list(assembly["array"].values) == ["M", "M", "P", "P"]
    assert list(assembly.attrs["time_window_ms"]) == [70, 90]
    assert assembly.attrs["unit"] == "not stated by the source"
    assert list(stimuli["stimulus_id"]) == [f"s{k}" for k in range(5)]


@pytest.mark.parametrize(
    ("unit", "factor"), [("spikes", 3 + 4 + 5), ("Hz", (3 + 4 + 5) / 3)], ids=["counts", "rates"]
)
def test_time_bins_of_a_window(source, unit, factor):
    before = source.assembly
    as_brainio(source)
    source.options |= {"window_ms": [40, 100], "unit": unit}
    assembly, *_ = source.ingest("brainio")
    np.testing.assert_allclose(assembly.values, before.values * factor, rtol=1e-6)
    assert list(assembly.attrs["time_window_ms"]) == [40, 100]


def test_stimuli_without_responses_are_left_out(source):
    source.assembly = source.assembly[source.assembly["stimulus_id"].values != "s3"]
    as_brainio(source, np.array([70]))
    assembly, stimuli, folder = source.ingest("brainio")
    assert list(stimuli["stimulus_id"]) == ["s0", "s1", "s2", "s4"]
    assert assembly.attrs["stimuli_without_responses"] == 1
    assert not (folder / "stimuli" / "s3.png").exists()


def test_images_in_a_folder_beside_other_files(source):
    files = as_brainio(source, np.array([70])).write()
    with zipfile.ZipFile(files["i.zip"]) as archive:
        archive.extractall(source.folder / "images")
    (source.folder / "images" / "readme.txt").write_text("not an image")
    _, _, folder = source.ingest("brainio", files | {"i.zip": source.folder / "images"})
    found = {path.name: path.read_bytes() for path in (folder / "stimuli").iterdir()}
    assert found == source.images


def test_without_repetitions_presentations_are_numbered(source):
    source.assembly = source.assembly.drop_vars("repetition")
    as_brainio(source, np.array([70]))
    assembly, *_ = source.ingest("brainio")
    for stimulus in ("s0", "s1", "s2", "s3", "s4"):
        repetition = assembly["repetition"].values[assembly["stimulus_id"].values == stimulus]
        assert list(repetition) == list(range(len(repetition)))


def change_label(name, dim, values):
    return lambda source: source.assembly.__setitem__(name, (dim, values))


def test_handled_identifiers_that_are_numbers_in_one_file_and_text_in_the_other(source):
    source.table["stimulus_id"] = ["0", "1", "2", "3", "4"]
    number = np.char.lstrip(source.assembly["stimulus_id"].values.astype(str), "s").astype(float)
    source.assembly["stimulus_id"] = ("presentation", number)  # 0.0, 1.0, ...
    as_brainio(source, np.array([70]))
    assembly, stimuli, _ = source.ingest("brainio")
    assert set(assembly["stimulus_id"].values) == {"0", "1", "2", "3", "4"}
    assert list(stimuli["stimulus_id"]) == ["0", "1", "2", "3", "4"]


MALFORMED = {
    "no window": (
        lambda s: s.options.clear(),
        r"a.nc: options.window_ms is missing and there are 10 time bins \(0-20, 20-40, 40-60, ... "
        r"180-200 ms\); name the window"),
    "window inside bins": (
        lambda s: s.options.update(window_ms=[70, 170]),
        r"a.nc: options.window_ms: \[70, 170\] is not made up of whole time bins"),
    "bins without edges": (
        lambda s: setattr(s, "assembly", s.assembly.drop_vars(["time_bin_start", "time_bin_end"])),
        r"a.nc: 'time_bin_start and time_bin_end' on 'time_bin' is missing"),
    "edges are text": (
        lambda s: change_label("time_bin_start", "time_bin", list("abcdefghij"))(s),
        r"a.nc: time_bin_start and time_bin_end are not numbers"),
    "region missing": (
        lambda s: setattr(s, "assembly", s.assembly.drop_vars("region")),
        r"a.nc: 'region' on 'neuroid' is missing; there are: arr, neuroid_id, subject; add it, one "
        r"value for each neuroid, or set options.region"),
    "region twice": (
        lambda s: s.options.update(region="IT"),
        r"a.nc: options.region: 'IT' is given, but the source says itself"),
    "no stimulus identifiers": (
        lambda s: setattr(s, "assembly", s.assembly.drop_vars("image_id")),
        r"a.nc: 'stimulus_id' on 'presentation' is missing; there are: repetition"),
    "no given repetitions": (
        lambda s: (setattr(s, "assembly", s.assembly.drop_vars("repetition")),
                   s.options.update(repetition="given")),
        r"a.nc: 'repetition' on 'presentation' is missing"),
    "unknown part of names": (
        lambda s: s.options.update(neuroid_id=["animal", "probe"]),
        r"a.nc: 'probe' on 'neuroid' is missing; there are: arr, neuroid_id, region"),
    "wrong choice": (
        lambda s: s.options.update(missing="drop"), r"mine.yaml: options.missing: 'drop' is not"),
    "another dim": (
        lambda s: setattr(s, "assembly", s.assembly.rename(neuroid="voxel")),
        r"a.nc: dims of the responses are \('voxel', 'presentation', 'time_bin'\), expected"),
    "unknown version of netCDF": (
        lambda s: (s.folder / "a.nc").write_bytes(b"CDF\x09" + bytes(40)),
        r"a.nc: not a readable netCDF file"),
    "table of another set": (
        lambda s: s.table.__setitem__("image_id", [f"x{k}" for k in range(5)]),
        r"s.csv: stimulus_id 's0' has responses but no row \(5 such\); the table has 5 stimuli, 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(source, case):
    change, message = MALFORMED[case]
    as_brainio(source)
    source.options["window_ms"] = [40, 100]
    change(source)
    with pytest.raises(UserError, match=message) as caught:
        source.ingest("brainio")
    assert "\n" not in str(caught.value)


def test_two_variables_could_be_the_responses(source):
    dataset = xr.Dataset({"a": source.assembly, "b": source.assembly})
    dataset.to_netcdf(source.folder / "a.nc")
    with pytest.raises(UserError, match=r"a.nc: 2 variables could be the responses: a, b"):
        source.ingest("brainio")


@pytest.mark.real_data
class TestBrainioFixtures:
    """Toy values, true form: written by the brainio package itself."""

    @pytest.fixture
    def read(self, source, real_data):
        folder = real_data / "brainio"

        def read(assembly, **options):
            source.options = {"region": "IT", "animal": "X", "degrees": 8} | options
            files = [folder / assembly, folder / "image_test_ten_images.csv", folder]
            return source.ingest("brainio", {path.name: path for path in files})

        read.folder = folder
        return read

    @pytest.mark.parametrize(
        ("file", "variable", "label"),
        [
            ("assy_test_package_assembly.nc", "__xarray_dataarray_variable__", "image_id"),
            ("assy_test_TestMe.nc", "data", "stimulus_id"),
        ],
    )
    def test_values_are_those_of_netcdf4(self, read, file, variable, label):
        with netCDF4.Dataset(read.folder / file) as raw:
            expected = np.asarray(raw[variable][:]).reshape(6, 3)
            ids, sites = list(raw[label][:]), list(raw["neuroid_id"][:])
        assembly, stimuli, folder = read(file, repetition="numbered")
        np.testing.assert_array_equal(assembly.values, expected)
        assert list(assembly["stimulus_id"].values) == ids
        assert list(assembly["neuroid_id"].values) == sites
        assert list(stimuli["stimulus_id"]) == sorted(set(ids))
        for row in stimuli.itertuples():
            copied = (folder / "stimuli" / row.filename).read_bytes()
            assert copied == (read.folder / row.filename).read_bytes()

    def test_the_window_of_its_one_bin(self, read):
        assembly, *_ = read("assy_test_package_assembly.nc")
        assert list(assembly.attrs["time_window_ms"]) == [0, 10]
        with pytest.raises(UserError, match=r"\[70, 170\] is not made up .* there are 1: 0-10 ms"):
            read("assy_test_package_assembly.nc", window_ms=[70, 170])

    def test_a_repetition_that_is_there_twice_is_named(self, read):
        with pytest.raises(UserError, match=r"TestMe.nc: repetition \d of stimulus_id 'n"):
            read("assy_test_TestMe.nc")

    def test_spike_times_are_no_responses(self, read):
        with pytest.raises(UserError, match=r"extras.nc: it holds events \(dim 'event', 1000"):
            read("assy_test_package_assembly_extras.nc")
