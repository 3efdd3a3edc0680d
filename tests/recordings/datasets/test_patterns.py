"""Many files as one data set: a site a file, and a session a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from support.recordings import describe

from tgas_neuro.inspection.check import check_target
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.datasets.data_set import convert_data_set
from tgas_neuro.recordings.datasets.description import expand_patterns
from tgas_neuro.recordings.datasets.files import check_planned_files
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import read_sources

OPTIONS = {
    "responses": {"file": "units", "axes": ["stimulus", "repetition"]},
    "unit": "Hz",
    "degrees": 5,
    "simultaneous": False,
    "neuroids": {"region": "IT", "animal": "m"},
}


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(6):
        Image.new("L", (4, 4), 30 * number).save(tmp_path / "images" / f"{number}.png")
    return {"name": "images", "path": str(tmp_path / "images")}


def write_units(folder, names, repetitions):
    values = {}
    for name, n in zip(names, repetitions, strict=True):
        values[name] = np.random.default_rng(len(values)).normal(size=(6, n)).astype(np.float32)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, values[name])
    return values


def read(tmp_path, images, path, options=None):
    files = [{"name": "units", "path": path}, images]
    ((name, found),) = expand_patterns(describe("arrays", options or OPTIONS, files=files)).items()
    assert name == "mine"
    paths = {file.name: Path(file.path) for file in found.files}
    ingest_recordings(found, paths, tmp_path / "out")
    return load_assembly(tmp_path / "out" / "assembly.nc")


def test_a_file_a_neuron(tmp_path, images):
    """Units 2 and 10 stay in the order of their numbers; the fewest repetitions are used of all."""
    values = write_units(tmp_path, ["u/unit_2.npy", "u/unit_10.npy", "u/unit_1.npy"], [4, 3, 5])
    found = read(tmp_path, images, str(tmp_path / "u" / "unit_*.npy"))
    assert list(found["neuroid_id"].values) == ["unit_1", "unit_2", "unit_10"]
    assert found.shape == (6 * 3, 3)
    for number, name in enumerate(["unit_1", "unit_2", "unit_10"]):
        expected = values[f"u/{name}.npy"][:, :3].ravel()
        np.testing.assert_array_equal(found.values[:, number], expected)


def test_files_in_folders_of_animals(tmp_path, images):
    write_units(tmp_path, ["sub-a/u1.npy", "sub-b/u1.npy"], [2, 2])
    found = read(tmp_path, images, str(tmp_path / "sub-*" / "u?.npy"))
    assert list(found["neuroid_id"].values) == ["sub-a_u1", "sub-b_u1"]


def test_labels_in_an_order_that_is_not_clear_are_refused(tmp_path, images):
    write_units(tmp_path, ["u/unit_2.npy", "u/unit_10.npy"], [2, 2])
    np.save(tmp_path / "regions.npy", np.array(["V4", "IT"]))
    options = OPTIONS | {"neuroids": {"region": {"ranges": {"IT": [1, 2]}}, "animal": "m"}}
    with pytest.raises(UserError, match="the order of the files is not clear"):
        read(tmp_path, images, str(tmp_path / "u" / "*.npy"), options)


def test_files_of_other_shapes_are_one_line(tmp_path, images):
    write_units(tmp_path, ["u/unit_1.npy"], [2])
    np.save(tmp_path / "u" / "unit_2.npy", np.zeros((5, 2)))
    with pytest.raises(UserError, match=r"unit_2.npy: shape \(5, 2\), .*unit_1.npy has \(6, 2\)"):
        read(tmp_path, images, str(tmp_path / "u" / "*.npy"))


def test_a_pattern_that_matches_nothing_is_one_line(tmp_path, images):
    with pytest.raises(UserError, match="no file matches"):
        read(tmp_path, images, str(tmp_path / "u" / "*.npy"))


@pytest.fixture
def sessions(tmp_path, images, monkeypatch):
    """Two netCDF sessions of 4 and 3 sites, which show the same images, and their description."""
    monkeypatch.chdir(tmp_path)
    for number, n_sites in ((1, 4), (2, 3)):
        path = tmp_path / f"sub-m{number}" / "ses-1.nc"
        path.parent.mkdir()
        xr.DataArray(
            np.random.default_rng(number).normal(size=(12, n_sites)),
            name="response",
            dims=("presentation", "neuroid"),
            coords={
                "stimulus_id": ("presentation", np.tile(list("012345"), 2)),
                "repetition": ("presentation", np.repeat([0, 1], 6)),
                "neuroid_id": ("neuroid", [f"s{k}" for k in range(n_sites)]),
                "region": ("neuroid", ["IT"] * n_sites),
                "animal": ("neuroid", [f"m{number}"] * n_sites),
            },
            attrs={"unit": "Hz", "time_window_ms": [70, 170]},
        ).to_netcdf(path)
    names = list("012345")
    table = pd.DataFrame({"stimulus_id": names, "filename": [f"{one}.png" for one in names]})
    table.assign(degrees=8).to_csv(tmp_path / "stimuli.csv", index=False)
    (tmp_path / "neural_data").mkdir()
    (tmp_path / "neural_data" / "mine.yaml").write_text(
        "{name: mine, title: t, source: s, license: l, citation: c, provides: responses, "
        "reader: netcdf, files: [{name: r.nc, path: 'sub-*/ses-*.nc'}, "
        "{name: stimuli.csv, path: stimuli.csv}, {name: images, path: images}]}"
    )
    return tmp_path


def test_each_session_is_a_data_set_of_its_own(sessions, capsys):
    import copy

    from soak.soak import TOY

    config = copy.deepcopy(TOY)
    config["recordings"] = {"regions": {"IT": {"datasets": ["mine"]}}}
    plan = build_plan(config, [sessions / "neural_data"])
    assert plan.regions == {"IT": ["mine+sub-m1_ses-1", "mine+sub-m2_ses-1"]}
    check_planned_files(plan.descriptions.values())
    section = {"regions": {"IT": {"datasets": ["mine"], "select": {}}}}
    source = read_sources(section, plan.regions)["IT"]
    assert list(source.folders) == plan.regions["IT"]
    assert not source.ceilings
    assert check_target("mine", n_splits=2) == 0
    shown = capsys.readouterr().out
    assert "Session      mine+sub-m1_ses-1" in shown
    assert "Region IT, 4 sites" in shown
    assert "Region IT, 3 sites" in shown
    with pytest.raises(UserError, match="2 sessions, an assembly each"):
        convert_data_set("mine", sessions / "out" / "a.nc")
