"""Data sets of Brain-Score with local images, their widths, and published reliabilities."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from support.recordings import describe, read_recordings

from tgas_neuro.inspection.report import describe_reliability
from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.readers.brainscore_stimuli import WIDTHS, find_width
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError

bs = pytest.importorskip("brainscore_vision", reason="needs the extra brainscore")

PROJECT = Path(__file__).parents[4]
STIMULI = ["cat_02", "cat_01", "Zebra_03", "ice_cream_04"]


@pytest.fixture
def things(brainscore, source, monkeypatch):
    """Papale2025's form, small: stimuli that only the user has, channels numbered by monkey."""
    import brainscore_vision.data.hebart2023_fmri
    import brainscore_vision.data.li2026
    import brainscore_vision.data.papale2025  # noqa: F401
    from brainscore_core.supported_data_standards.brainio.assemblies import (
        NeuroidAssembly,
        StimulusMergeAssemblyLoader,
    )

    values = np.random.default_rng(5).normal(size=(12, 4, 1))

    def load(stimulus_set, label):
        coords = {
            "stimulus_id": ("presentation", np.repeat(STIMULI, 3)),
            "object_name": ("presentation", np.repeat(["cat", "cat", "zebra", "ice"], 3)),
            "repetition": ("presentation", np.tile(np.arange(3), 4)),
            "region": ("neuroid", ["V4", "IT", "V4", "IT"]),
            "subject": ("neuroid", ["monkeyF", "monkeyF", "monkeyN", "monkeyN"]),
            "neuroid_id": ("neuroid", [0, 1, 0, 1]),
            "time_bin_start": ("time_bin", [70]),
            "time_bin_end": ("time_bin", [170]),
        }
        for name in label:
            coords[name] = ("neuroid", [0.6, -0.1, 0.3, np.nan])
        dims = ("presentation", "neuroid", "time_bin")
        path = source.folder / "assembly.nc"
        path.unlink(missing_ok=True)
        xr.Dataset({"x": xr.DataArray(values, dims=dims, coords=coords)}).to_netcdf(path)
        stimuli = brainscore.load_stimulus_set(stimulus_set)
        return StimulusMergeAssemblyLoader(
            cls=NeuroidAssembly,
            file_path=str(path),
            stimulus_set_identifier=stimuli.identifier,
            stimulus_set=stimuli,
        ).load()

    for split in ("train", "test"):
        for name in ("Papale2025", "Hebart2023_fmri"):
            stimuli = f"{name}_stim_{split}"
            loader = _bind(load, stimuli, ("reliability", "splithalf_corrected"))
            module = f"brainscore_vision.data.{name.lower()}"
            monkeypatch.setattr(loader, "__module__", module, raising=False)
            monkeypatch.setitem(brainscore.data_registry, f"{name}_{split}", loader)
    loader = _bind(load, "Li2026", ("reliability_window", "reliability"))
    loader.__module__ = "brainscore_vision.data.li2026"
    monkeypatch.setitem(brainscore.data_registry, "Li2026", loader)
    images = source.folder / "images"
    for place, name in enumerate([*STIMULI, "dog_01"]):
        (images / name[:3]).mkdir(parents=True, exist_ok=True)
        content = source.images[f"s{place}.png"]
        (images / name[:3] / f"{name}.png").write_bytes(content)
    source.values = values
    return source


def _bind(load, *arguments):
    def bound():
        return load(*arguments)

    return bound


def read(things, options, files):
    description = describe("brainscore", {"unit": "MUA", **options})
    folder = things.folder / "results"
    ingest_recordings(description, files, folder)
    assembly = load_assembly(folder / "assembly.nc")
    stimuli = load_stimuli(folder / "stimuli.csv").set_index("stimulus_id")
    shown = {
        str(name): (folder / "stimuli" / filename).read_bytes()
        for name, filename in stimuli["filename"].items()
    }
    return assembly, shown, dict(stimuli["degrees"])


OPTIONS = {"identifier": "Papale2025_test", "neuroid_id": ["subject", "neuroid_id"]}


def check_pairing(things, assembly, shown):
    """Responses and pictures belong to the stimulus of their name."""
    np.testing.assert_allclose(assembly.values, things.values[..., 0], rtol=1e-6)
    assert list(assembly["stimulus_id"].values) == list(np.repeat(STIMULI, 3))
    ids = [str(site) for site in assembly["neuroid_id"].values]
    assert ids == ["monkeyF_0", "monkeyF_1", "monkeyN_0", "monkeyN_1"]
    assert shown == {name: things.images[f"s{place}.png"] for place, name in enumerate(STIMULI)}


def test_images_of_a_folder_stand_in_for_private_ones(things, brainscore):
    registered = brainscore.stimulus_set_registry["Papale2025_stim_test"]
    assembly, shown, _ = read(
        things, OPTIONS | {"images": "images"}, {"images": things.folder / "images"}
    )
    check_pairing(things, assembly, shown)
    files = {"images": things.folder / "images"}
    notes = "\n".join(read_recordings("brainscore", OPTIONS | {"images": "images"}, files).notes)
    assert "1 of 5 images of" in notes
    assert "18 degrees wide" in notes
    assert "papale2025/benchmark.py:25" in notes
    assert brainscore.stimulus_set_registry["Papale2025_stim_test"] is registered


def test_images_of_an_archive(things):
    with zipfile.ZipFile(things.folder / "things.zip", "w") as archive:
        for path in (things.folder / "images").rglob("*.png"):
            archive.write(path, f"object_images/{path.parent.name}/{path.name}")
    files = {"things.zip": things.folder / "things.zip"}
    assembly, shown, _ = read(things, OPTIONS | {"images": "things.zip"}, files)
    check_pairing(things, assembly, shown)


def test_images_of_other_names_by_a_table(things):
    rows = ["stimulus_id,filename,degrees"]
    for place, name in enumerate(STIMULI):
        path = things.folder / "images" / name[:3] / f"{name}.png"
        path.rename(path.with_name(f"{place}.png"))
        rows.append(f"{name},{name[:3]}/{place}.png,{5 + place}")
    (things.folder / "t.csv").write_text("\n".join(rows) + "\n")
    files = {"images": things.folder / "images", "t.csv": things.folder / "t.csv"}
    options = OPTIONS | {"images": "images", "stimuli": "t.csv"}
    assembly, shown, degrees = read(things, options, files)
    check_pairing(things, assembly, shown)
    widths = [degrees[name] for name in STIMULI]
    assert widths == [5, 6, 7, 8]  # the table's come before the benchmark's


MISTAKES = {
    "not listed": ({"images": "pictures"}, ["images"], r"options.images: 'pictures' is not listed"),
    "not used": ({}, ["images"], r"files: images: reader 'brainscore' fetches by itself"),
    "table alone": ({"stimuli": "t.csv"}, ["t.csv"], r"name them in options.images"),
    "image missing": (
        {"images": "images"},
        ["images"],
        r"images: there is no image of stimulus_id 'cat_01' \(1 of 4 such\), for example",
    ),
    "unknown identifier": (
        {"images": "images", "identifier": "Papale2025_tset"},
        ["images"],
        r"'Papale2025_tset' is not a data set of brainscore_vision, did you mean",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(things, case):
    options, listed, message = MISTAKES[case]
    (things.folder / "t.csv").write_text("stimulus_id,filename\ncat_01,a.png\n")
    (things.folder / "images/cat/cat_01.png").unlink()
    files = {name: things.folder / name for name in listed}
    with pytest.raises(UserError, match=message) as caught:
        read(things, OPTIONS | options, files)
    assert "\n" not in str(caught.value)


def test_two_images_of_one_stimulus(things):
    (things.folder / "images/cat_01.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match=r"would both be stimulus 'cat_01'"):
        read(things, OPTIONS | {"images": "images"}, {"images": things.folder / "images"})


def test_published_reliability_chooses_sites(things):
    options = OPTIONS | {"images": "images", "site_reliability": "reliability"}
    assembly, *_ = read(things, options, {"images": things.folder / "images"})
    np.testing.assert_allclose(assembly["site_reliability"].values, [0.6, -0.1, 0.3, np.nan])
    once = assembly[::3]
    report = "\n".join(describe_reliability(once, 5))
    assert "reliability of the sites (published): median 0.450, 0 below 0.2" in report  # V4
    assert "no noise ceiling" in report


def test_a_reliability_of_means_becomes_that_of_single_presentations(things):
    """Of twelve equal parts, each with reliability r, the mean has 12 r / (1 + 11 r)."""
    options = OPTIONS | {"images": "images", "site_reliability": "reliability"}
    options |= {"reliability_presentations": 12}
    assembly, *_ = read(things, options, {"images": things.folder / "images"})
    single = assembly["site_reliability"].values
    np.testing.assert_allclose(12 * single / (1 + 11 * single), [0.6, -0.1, 0.3, np.nan])
    assert single[0] == pytest.approx(0.6 / (12 - 11 * 0.6))
    del options["site_reliability"]
    with pytest.raises(UserError, match=r"reliability_presentations: 12 is given without"):
        read(things, options, {"images": things.folder / "images"})


@pytest.mark.parametrize(
    "label, message",
    [
        ("reliabilty", r"'reliabilty' on 'neuroid' is missing; there are: .*reliability"),
        ("region", r"options.site_reliability: 'region': has values of type"),
        ("neuroid_id", r"options.site_reliability: 'neuroid_id': is 7 for a site \(1 of 4 outside"),
    ],
)
def test_a_reliability_that_is_none(things, brainscore, label, message):
    if label == "neuroid_id":
        loader = brainscore.data_registry["Papale2025_test"]

        def load():
            loaded = xr.DataArray(loader())
            loaded = loaded.reset_index(list(loaded.indexes))
            loaded["neuroid_id"] = ("neuroid", [0, 1, 0, 7])
            return loaded

        load.__module__ = loader.__module__
        brainscore.data_registry["Papale2025_test"] = load
    options = OPTIONS | {"images": "images", "site_reliability": label}
    with pytest.raises(UserError, match=message):
        read(things, options, {"images": things.folder / "images"})


@pytest.mark.parametrize(
    "dataset", ["papale2025_train", "papale2025_test", "hebart2023_fmri_train",
                "hebart2023_fmri_test", "li2026"],
)  # fmt: skip
def test_ready_descriptions(things, dataset):
    description = load_description(dataset, [PROJECT / "neural_data"])
    options = dict(description.options)
    files = {file.name: things.folder / file.name for file in description.files}
    if dataset == "li2026":  # whose images come with it; here they do not
        options |= {"images": "images", "neuroid_id": ["subject", "neuroid_id"]}
        files = {"images": things.folder / "images"}
    assembly, shown, degrees = read(things, options, files)
    check_pairing(things, assembly, shown)
    assert options["degrees"] == find_width(options["identifier"])[0]
    assert set(degrees.values()) == {options["degrees"]}
    repeated = dataset.endswith("_test")
    assert ("site_reliability" in assembly.coords) == (not repeated)


@pytest.mark.parametrize("name", WIDTHS)
def test_widths_are_those_of_the_benchmarks(name):
    degrees, place = WIDTHS[name]
    path, line = place.split(":")
    text = (Path(bs.__file__).parent / "benchmarks" / path).read_text().splitlines()
    found = re.search(r"degrees *= *([\d.]+)", text[int(line) - 1], re.I)
    assert float(found[1]) == degrees


def test_widths_of_names_that_begin_alike():
    assert find_width("SanghaviMurty2020") == WIDTHS["SanghaviMurty2020"]
    assert find_width("SanghaviMurty2020THINGS1") is None
    assert find_width("BashivanKar2019.synthetic") is None
    assert find_width("Allen2022_fmri_surface_train")[1].startswith("allen2022_fmri_surface/")
    assert find_width("Cowley2026.190923")[0] == 11.2
    assert find_width("FreemanZiemba2013_V1_properties") is None


def test_a_width_that_nobody_states_is_asked_for(local):
    local.options["identifier"] = "SanghaviMurty2020THINGS1"
    from brainscore_vision.data import sanghavi2020  # noqa: F401

    registry = bs.data_registry
    kept = registry["SanghaviMurty2020THINGS1"]
    registry["SanghaviMurty2020THINGS1"] = local.load_data
    try:
        with pytest.raises(UserError, match=r"options.degrees is missing: neither the stimulus"):
            local.ingest("brainscore", {})
        local.options["degrees"] = 5
        _, stimuli, _ = local.ingest("brainscore", {})
    finally:
        registry["SanghaviMurty2020THINGS1"] = kept
    assert set(stimuli["degrees"]) == {5}


PAGE = (PROJECT / "docs" / "your_own_recordings.md").read_text()
FORMS = re.findall(r"^\| ([^|]*) \| (`brainscore`[^|]*) \| (.*) \|$", PAGE, re.M)


@pytest.mark.parametrize("form, text", [(form, text) for form, _, text in FORMS])
def test_what_the_page_says_to_write(form, text, things, local):
    options = yaml.safe_load(re.search(r"`(\{.*?\})`", text)[1])
    files = {"images": things.folder / "images"} if "images" in options else {}
    if "stimuli" in options:
        rows = [f"{name},{name[:3]}/{name}.png" for name in STIMULI]
        (things.folder / "table.csv").write_text("\n".join(["stimulus_id,filename", *rows]))
        files["table.csv"] = things.folder / "table.csv"
    if "images" in options:  # channels of two monkeys
        assembly, shown, _ = read(things, options | {"neuroid_id": OPTIONS["neuroid_id"]}, files)
        check_pairing(things, assembly, shown)
        assert ("site_reliability" in options) == ("site_reliability" in assembly.coords)
        return
    import brainscore_vision.data.bashivankar2019  # noqa: F401

    kept = bs.data_registry[options["identifier"]]
    bs.data_registry[options["identifier"]] = local.load_data
    try:
        local.options = options
        assembly, stimuli, _ = local.ingest("brainscore", {})
    finally:
        bs.data_registry[options["identifier"]] = kept
    np.testing.assert_array_equal(assembly.values, local.assembly.values)
    assert set(stimuli["degrees"]) == {8}
