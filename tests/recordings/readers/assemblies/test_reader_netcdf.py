"""The reader of the project's own assembly file: bring your own recordings."""

import hashlib
import shutil
import unicodedata

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tgas_neuro.recordings.assembly import write_assembly
from tgas_neuro.runtime.errors import UserError

READERS = "tgas_neuro.recordings.readers"


def as_table(assembly) -> dict:
    """Response of each (stimulus, repetition, site), a form in which order does not matter."""
    return {
        (str(stimulus), int(repetition), str(site)): float(value)
        for row, stimulus, repetition in zip(
            assembly.transpose("presentation", "neuroid").values,
            assembly["stimulus_id"].values,
            assembly["repetition"].values,
            strict=True,
        )
        for value, site in zip(row, assembly["neuroid_id"].values, strict=True)
    }


def test_what_is_written_is_read(source):
    assembly, stimuli, folder = source.ingest("netcdf")
    assert assembly.dtype == np.float32
    assert as_table(assembly) == as_table(source.assembly)
    for label in ("region", "animal", "stimulus_id"):
        assert list(assembly[label].values) == list(source.assembly[label].values)
    assert list(assembly.attrs["time_window_ms"]) == [70, 170]
    assert assembly.attrs["unit"] == "spikes"
    pd.testing.assert_frame_equal(
        stimuli.drop(columns="sha256"),
        source.table,
        check_dtype=False,
        check_column_type=False,
    )
    for row in stimuli.itertuples():
        content = (folder / "stimuli" / row.filename).read_bytes()
        assert content == source.images[row.filename]
        assert row.sha256 == hashlib.sha256(content).hexdigest()


def test_metadata_of_the_table_reach_the_presentations(source):
    assembly, *_ = source.ingest("netcdf")
    variation = dict(zip(source.table["stimulus_id"], source.table["variation"], strict=True))
    shown = assembly["stimulus_id"].values
    assert list(assembly["variation"].values) == [variation[str(one)] for one in shown]


def test_results_of_the_recordings_stage_are_read_again(source):
    first, stimuli, folder = source.ingest("netcdf")
    files = {
        "assembly.nc": folder / "assembly.nc",
        "stimuli.csv": folder / "stimuli.csv",
        "stimuli": folder / "stimuli",
    }
    for name, path in files.items():
        shutil.move(path, source.folder / name)
        files[name] = source.folder / name
    second, again, _ = source.ingest("netcdf", files)
    xr.testing.assert_identical(first, second)
    pd.testing.assert_frame_equal(stimuli, again)


def test_write_assembly_makes_what_this_reader_reads(source):
    write_assembly(source.folder / "a.nc", source.assembly)
    assembly, *_ = source.ingest("netcdf")
    assert as_table(assembly) == as_table(source.assembly)


@pytest.mark.parametrize("dtype", ["float64", "int16", "uint8", "int64", ">f4"])
def test_types_of_numbers(source, dtype):
    source.assembly = source.assembly.astype(dtype)
    assembly, *_ = source.ingest("netcdf")
    assert assembly.dtype == np.float32
    assert as_table(assembly) == as_table(source.assembly)


def test_handled_transposed_unsorted_constant_single(source):
    """Documented: dims in either order; one site, constant; one repetition of each stimulus."""
    one = source.assembly.isel(neuroid=[0]).sortby("repetition")
    one = one[one["repetition"].values == 0] * 0 + 3
    source.assembly = one.rename("response").assign_attrs(source.assembly.attrs).T
    assembly, *_ = source.ingest("netcdf")
    assert assembly.dims == ("presentation", "neuroid")
    assert assembly.shape == (5, 1)
    assert (assembly.values == 3).all()


def test_handled_a_presentation_without_any_response_is_an_absent_row(source):
    source.assembly[3] = np.nan
    assembly, *_ = source.ingest("netcdf")
    expected = source.assembly.isel(presentation=[k for k in range(12) if k != 3])
    assert as_table(assembly) == as_table(expected)


@pytest.mark.parametrize(
    ("choice", "rows", "sites"),
    [
        ("drop_sites", list(range(12)), [0, 3]),
        ("drop_presentations", [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11], [0, 1, 3]),
    ],
)
def test_handled_missing_responses(source, choice, rows, sites):
    source.assembly[2, 1] = np.nan
    source.assembly[:, 2] = np.nan
    source.options["missing"] = choice
    assembly, *_ = source.ingest("netcdf")
    expected = source.assembly.isel(presentation=rows, neuroid=sites)
    assert as_table(assembly) == as_table(expected)


def test_handled_numbered_anew_and_joined_names(source):
    source.assembly["repetition"] = ("presentation", np.zeros(12, dtype=int))
    source.assembly["neuroid_id"] = ("neuroid", ["1", "1", "2", "2"])
    source.options |= {"repetition": "numbered", "neuroid_id": ["animal", "neuroid_id"]}
    assembly, *_ = source.ingest("netcdf")
    assert list(assembly["neuroid_id"].values) == ["A_1", "B_1", "A_2", "B_2"]
    seen = {}
    for stimulus, repetition in zip(
        assembly["stimulus_id"].values, assembly["repetition"].values, strict=True
    ):
        assert repetition == seen.get(stimulus, 0)
        seen[stimulus] = repetition + 1


def test_handled_unicode_names_composed_and_not(source):
    """macOS writes names decomposed, tables hold them composed."""
    table, images = source.table, source.images
    table.loc[0, ["stimulus_id", "filename"]] = ["Löwe 獅子", "Löwe.png"]
    renamed = np.where(
        source.assembly["stimulus_id"] == "s0", "Löwe 獅子", source.assembly["stimulus_id"]
    )
    source.assembly["stimulus_id"] = ("presentation", renamed.astype(object))
    images[unicodedata.normalize("NFD", "Löwe.png")] = images.pop("s0.png")
    assembly, stimuli, folder = source.ingest("netcdf")
    assert "Löwe 獅子" in assembly["stimulus_id"].values
    assert stimuli["stimulus_id"][0] == "Löwe 獅子"
    assert (folder / "stimuli" / "Löwe.png").is_file()


def test_handled_images_in_folders_whose_names_are_not_unique(source):
    source.table["filename"] = [f"{k}/image.png" for k in range(5)]
    source.images = {f"top/{k}/image.png": c for k, c in enumerate(source.images.values())}
    _, stimuli, folder = source.ingest("netcdf")
    assert list(stimuli["filename"]) == [f"{k}_image.png" for k in range(5)]
    contents = [(folder / "stimuli" / name).read_bytes() for name in stimuli["filename"]]
    assert contents == list(source.images.values())


def test_a_large_file_is_read_in_blocks(source, monkeypatch):
    monkeypatch.setattr(f"{READERS}.convert_source.BLOCK", 5 * 4 * 4)
    assembly, *_ = source.ingest("netcdf")  # blocks of 5, 5 and 2 presentations
    assert as_table(assembly) == as_table(source.assembly)


def test_a_folder_of_images(source):
    folder = source.folder / "images" / "deeper"
    folder.mkdir(parents=True)
    source.table.loc[0, "filename"] = "deeper/Löwe.png"
    source.images["deeper/" + unicodedata.normalize("NFD", "Löwe.png")] = source.images["s0.png"]
    for name, content in source.images.items():
        (source.folder / "images" / name).write_bytes(content)
    files = source.write() | {"i.zip": source.folder / "images"}
    _, stimuli, results = source.ingest("netcdf", files)
    assert stimuli["filename"][0] == "Löwe.png"
    assert (results / "stimuli" / "Löwe.png").read_bytes() == source.images["s0.png"]
    (source.folder / "images" / "s4.png").unlink()
    with pytest.raises(UserError, match=r"images/s4.png: image of stimulus_id 's4' cannot be read"):
        source.ingest("netcdf", files)


def drop(label):
    return lambda source: setattr(source, "assembly", source.assembly.drop_vars(label))


def put(row, site, value):
    def change(source):
        source.assembly[row, site] = value

    return change


def label(name, dim, values):
    def change(source):
        source.assembly[name] = (dim, values)

    return change


def column(name, row, value):
    def change(source):
        source.table[name] = source.table[name].astype(object)
        source.table.loc[row, name] = value

    return change


def text(file, content):
    return lambda source: (source.folder / file).write_bytes(content)


def truncate(file, part):
    def change(source):
        path = source.write()[file]
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])

    return change


def change_all(*changes):
    return lambda source: [change(source) for change in changes]


def rename(source):
    source.assembly = source.assembly.rename("data")


def keep(**indexers):
    return lambda source: setattr(source, "assembly", source.assembly.isel(**indexers))


def add_time(source):
    source.assembly = source.assembly.expand_dims(time_bin=3)


def write_text_responses(source):
    words = source.assembly.astype(str).astype(object)
    words.to_dataset(name="response").to_netcdf(source.folder / "a.nc")


def write_pickled_objects(source):
    np.save(source.folder / "a.nc", np.array([{}], dtype=object), allow_pickle=True)
    (source.folder / "a.nc.npy").rename(source.folder / "a.nc")


MALFORMED = {
    "truncated netCDF": (truncate("a.nc", 0.5), r"a.nc: not a readable netCDF file \(.*again"),
    "empty netCDF": (text("a.nc", b""), r"a.nc: not a readable netCDF file"),
    "pickled objects": (write_pickled_objects, r"a.nc: not a readable netCDF file"),
    "responses are text": (
        write_text_responses, r"a.nc: responses are of type (object|<U\d+), expected real numbers"),
    "another variable": (rename, r"a.nc: variable 'response' is missing; there are: data; name"),
    "lacks much": (
        change_all(drop(["region", "animal"]), lambda s: s.assembly.attrs.pop("unit")),
        r"a.nc: coordinate 'region' on 'neuroid', coordinate 'animal' on 'neuroid', attribute "
        r"'unit' missing; add with xarray: response.coords\['region'\] = \('neuroid', \[...\]\); "),
    "no repetition": (drop("repetition"), r"a.nc: coordinate 'repetition' on 'presentation' miss"),
    "time bins": (add_time, r"a.nc: dims of response are \('time_bin', 'presentation', 'neuroid'"),
    "empty dimension": (keep(neuroid=[]), r"a.nc: dimension 'neuroid' is empty"),
    "label on the wrong dim": (
        label("region", "presentation", ["V4"] * 12),
        r"a.nc: 'region' lies on \('presentation',\), expected \('neuroid',\)"),
    "doubled repetition": (
        label("repetition", "presentation", [0] * 12),
        r"a.nc: repetition 0 of stimulus_id 's\d' appears more than once \(7 such\); correct it, "
        r"or set options.repetition: numbered"),
    "doubled site": (
        label("neuroid_id", "neuroid", ["x", "y", "x", "z"]),
        r"a.nc: neuroid_id 'x' appears more than once \(1 such\); rename .* options.neuroid_id"),
    "repetition not whole": (
        label("repetition", "presentation", np.arange(12) + 0.5),
        r"a.nc: repetition of presentation 0 is 0.5; it must be a whole number"),
    "repetition is text": (
        label("repetition", "presentation", ["1", "first"] + ["2"] * 10),
        r"a.nc: repetition of presentation 1 is 'first'; it must be a whole number"),
    "site without a name": (
        label("neuroid_id", "neuroid", ["a", "", "c", "d"]),
        r"a.nc: neuroid_id of neuroid 1 is '': it is missing; give every neuroid one"),
    "identifier is a fraction": (
        label("stimulus_id", "presentation", np.arange(12) / 4),
        r"a.nc: stimulus_id of presentation 1 is 0.25; identifiers are text or whole numbers"),
    "some responses missing": (
        put(4, 1, np.nan),
        r"a.nc: response of neuroid_id 'a2' to stimulus_id 's\d' is missing \(NaN\); 1 such values "
        r"in 1 of 4 sites, 0 of them without any response; set options.missing"),
    "a site without responses": (
        put(slice(None), 2, np.nan),
        r"a.nc: response of neuroid_id 'b1' .* 12 such values in 1 of 4 sites, 1 of them"),
    "all missing": (put(slice(None), slice(None), np.nan), r"a.nc: every response is missing"),
    "nothing is left": (
        change_all(*(put(k, k % 4, np.nan) for k in range(4)),
                   lambda s: s.options.update(missing="drop_sites")),
        r"a.nc: options.missing: 'drop_sites' leaves 12 presentations and 0 sites"),
    "infinite": (
        put(1, 1, np.inf),
        r"a.nc: response of neuroid_id 'a2' to stimulus_id 's\d' is inf; responses are finite"),
    "too large for float32": (
        lambda s: setattr(s, "assembly", (s.assembly.astype("float64") * 1e300).assign_attrs(
            s.assembly.attrs)),
        r"a.nc: response of neuroid_id .* is inf; responses are finite numbers"),
    "negative count": (
        put(2, 3, -1), r"a.nc: response of neuroid_id 'b2' to stimulus_id 's\d' is -1; unit 'spik"),
    "another window": (
        lambda s: s.options.update(window_ms=[0, 100]),
        r"a.nc: options.window_ms: \[0, 100\] is not the window .* \[70, 170\]"),
    "window backwards": (
        lambda s: s.options.update(window_ms=[170, 70]), r"\[170, 70\] ends before it begins"),
    "window of three": (
        lambda s: s.options.update(window_ms=[1, 2, 3]), r"mine.yaml: options.window_ms: "),
    "unknown option": (
        lambda s: s.options.update(unitt="x"), r"mine.yaml: options: unknown key 'unitt'"),
    "response without stimulus": (
        lambda s: setattr(s, "table", s.table.iloc[1:]),
        r"s.csv: stimulus_id 's0' has responses but no row \(1 such\); the table has 4 stimuli, 5"),
    "no presentations": (
        keep(presentation=slice(0, 0)), r"a.nc: dimension 'presentation' is empty"),
    "table truncated": (text("s.csv", b'stimulus_id,filename\n"s0,'), r"s.csv: not a CSV table"),
    "table is no text": (text("s.csv", b"\xff\xfe\x00\x01"), r"s.csv: not a CSV table in UTF-8"),
    "table empty": (text("s.csv", b""), r"s.csv: not a CSV table"),
    "semicolons": (
        text("s.csv", b"stimulus_id;filename;degrees\ns0;s0.png;8\n"),
        r"s.csv: not a CSV table .*separated by semicolons, as in 'stimulus_id;filename;degrees'"),
    "no degrees": (
        lambda s: s.table.drop(columns="degrees", inplace=True),
        r"s.csv: column 'degrees' is missing .* or set options.degrees"),
    "degrees is text": (column("degrees", 1, "wide"), r"s.csv: row 3: degrees is 'wide'"),
    "doubled stimulus": (
        column("stimulus_id", 1, "s0"), r"s.csv: stimulus_id 's0' appears more than once"),
    "stimulus without a name": (
        column("stimulus_id", 2, None), r"s.csv: row 4: 'stimulus_id' is empty"),
    "doubled file name": (
        column("filename", 1, "s0.png"), r"s.csv: filename 's0.png' appears more than once"),
    "image outside": (
        column("filename", 1, "../s1.png"), r"s.csv: filename '../s1.png' leads out of the folder"),
    "image absent": (
        lambda s: s.images.pop("s2.png"),
        r"i.zip: image 's2.png' of stimulus_id 's2' is missing \(1 such\)"),
    "image too many": (
        lambda s: s.images.update({"readme.txt": b"x"}),
        r"i.zip: file 'readme.txt' belongs to no stimulus; the stimulus table names 5 images"),
    "image damaged": (
        lambda s: s.images.update({"s1.png": s.images["s1.png"][:50]}),
        r"mine: image 's1.png' cannot be decoded"),
    "image changed": (
        lambda s: s.table.insert(1, "sha256", "0" * 64),
        r"i.zip: s0.png: sha256 of the image of stimulus_id 's0' is [0-9a-f]{64}, the stimulus t"),
    "archive truncated": (truncate("i.zip", 0.5), r"i.zip: not a readable zip or tar archive"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(source, case):
    change, message = MALFORMED[case]
    change(source)
    with pytest.raises(UserError, match=message) as caught:
        source.ingest("netcdf")
    assert "\n" not in str(caught.value)
    assert not (source.folder / "results" / "assembly.nc").exists()


def test_stimuli_without_responses_are_refused(source):
    source.assembly = source.assembly[source.assembly["stimulus_id"].values != "s3"]
    with pytest.raises(UserError, match=r"s.csv: stimulus_id 's3' has no responses \(1 such\)"):
        source.ingest("netcdf")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.nc", "s.csv"], r"mine.yaml: files: this reader needs one file with images \(.zip"),
        (["s.csv", "i.zip"], r"needs one file with an assembly \(.nc, .nc4, .cdf\), there are 0"),
        (["a.nc", "s.csv", "i.zip", "b.nc"], r"b.nc: no such file or folder: .* correct the path"),
        (["a.nc", "s.csv", "i.zip", "x.doc"], r"x.doc: its ending does not say what"),
    ],
)
def test_files_of_a_description(source, names, message):
    (source.folder / "x.doc").write_text("x")
    files = source.write()
    with pytest.raises(UserError, match=message):
        source.ingest("netcdf", {name: files.get(name, source.folder / name) for name in names})
