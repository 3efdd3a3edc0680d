"""`load_recordings`: values of the teacher that the workflow builds, and of scipy."""

import copy
import gc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from scipy.spatial.distance import pdist
from scipy.stats import zscore

import tgas_neuro as tgas
from tgas_neuro.recordings.readers.kriegeskorte2008_it import read_kriegeskorte2008_it
from tgas_neuro.runtime.errors import UserError


def silent(line):
    pass


def load(*arguments, **options):
    return tgas.load_recordings(*arguments, report=silent, **options)


@pytest.fixture(scope="module")
def recordings(small):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small)
        return load("simulated", min_site_reliability=0)


def test_rdms_and_ceilings_are_those_of_a_teacher(inside):
    found = load("simulated", seed=5)
    teacher = tgas.load_teacher(
        data={"V4": "simulated", "IT": "simulated"}, splits=6, seed=5, report=silent
    ).at(16)
    assert found.regions == ("V4", "IT")
    for name, region in teacher.regions.items():
        rdm, ceiling = found.rdm(name), found.ceiling(name, splits=6, seed=5)
        np.testing.assert_array_equal(rdm.values, region["rdm"].values)
        assert list(rdm.names) == list(region["row_name"].values)
        attrs = region.attrs
        assert ceiling.value == attrs["ceiling"]
        assert ceiling.interval == (attrs["ceiling_low"], attrs["ceiling_high"])
        assert ceiling.halves == (attrs["ceiling_half_0"], attrs["ceiling_half_1"])
        assert (ceiling.split_half, ceiling.reliability) == (
            attrs["split_half"],
            attrs["reliability"],
        )
    assert (
        found.ceiling("IT", splits=6, seed=6).value != found.ceiling("IT", splits=6, seed=5).value
    )


def test_rdms_are_scipys(recordings):
    responses = recordings.to_xarray()
    for name in recordings.regions:
        sites = responses.values[:, responses["region"].values == name].astype(float)
        shown = responses["stimulus_id"].values
        means = np.stack([sites[shown == one].mean(0) for one in recordings.stimuli["stimulus_id"]])
        kept = recordings._measure(name).concatenate("neuroid_id")
        of_region = responses["neuroid_id"].values[responses["region"].values == name]
        z = zscore(means[:, np.isin(of_region, kept)])
        for distance in ("correlation", "cosine"):
            found = recordings.rdm(name, distance)
            np.testing.assert_allclose(found.values, pdist(z, distance), atol=1e-6)


def test_stimuli_are_attached(recordings):
    stimuli = recordings.stimuli
    assert all(Path(path).is_file() for path in stimuli["path"])
    assert list(stimuli["row_name"]) == list(recordings.rdm("IT").names)
    assert set(recordings.rdm("V4").categories) == set(stimuli["category_name"])


def test_objects_are_rows(inside):
    found = load("simulated", region="IT", level="object")
    rdm = found.rdm()
    assert len(rdm) == found.stimuli["object_name"].nunique()
    assert set(rdm.names) == set(found.stimuli["row_name"]) == set(found.stimuli["object_name"])


def test_the_images_last_as_long_as_the_recordings_or_an_rdm(inside):
    found = load("simulated", region="IT")
    path = Path(found.stimuli["path"][0])
    rdm = found.rdm()
    del found
    gc.collect()
    assert path.is_file() and rdm.region == "IT"
    del rdm
    gc.collect()
    assert not path.exists()


def test_regions_and_sites_are_selected(inside):
    every = load("simulated").to_xarray()
    animal = str(every["animal"].values[0])
    found = load("simulated", region=["IT"], select={"animal": [animal]})
    responses = found.to_xarray()
    assert found.regions == ("IT",) and set(responses["animal"].values) == {animal}
    assert set(responses["region"].values) == {"IT"}
    expected = every[:, (every["region"].values == "IT") & (every["animal"].values == animal)]
    np.testing.assert_array_equal(responses.values, expected.values)


def test_a_description_file_outside(inside, tmp_path):
    description = yaml.safe_load((inside / "neural_data/simulated.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(description | {"name": "mine"}))
    found = load(path, region="V4")
    assert found.dataset == "mine" and found.simulated
    np.testing.assert_array_equal(found.rdm().values, load("simulated", region="V4").rdm().values)


def test_what_a_run_has_read_is_taken_from_there(inside, tmp_path, monkeypatch):
    from tgas_neuro.recordings.datasets.data_set import find_description, read_data_set

    (tmp_path / "neural_data").symlink_to(inside / "neural_data")
    monkeypatch.chdir(tmp_path)
    place = Path("results/recordings/simulated")
    assert not list(read_data_set(find_description("simulated"), place))
    (place / "stimuli/extra.txt").write_text("of this folder")
    found = load("simulated", region="V4")
    assert (Path(found.stimuli["path"][0]).parent / "extra.txt").is_file()
    del found
    gc.collect()
    assert (place / "stimuli/extra.txt").is_file()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"data": "nothing"}, "data set 'nothing': no nothing.yaml"),
        ({"region": "V1"}, "region: of data set simulated: 'V1' is not one of: V4, IT"),
        ({"select": {"animals": ["a"]}}, "unknown key 'animals', did you mean 'animal'"),
        ({"level": "pixel"}, "teacher.level: 'pixel' is not one of: image, object"),
        ({"normalise": "rank"}, "recordings.normalise: 'rank' is not one of: zscore, none"),
        ({"joint": "sites"}, "unknown key 'joint', did you mean 'join'"),
        ({"data": None}, "data: None; expected the name of one data set, or a file"),
        ({"data": ["simulated"]}, r"data: \['simulated'\]; expected the name of one data set"),
        ({"region": []}, r"region: \[\]; expected one or several names, or None for all"),
        ({"region": 3}, "region: 3; expected one or several names"),
        ({"select": ["V3"]}, r"select: \['V3'\]; expected labels to values"),
    ],
)
def test_mistakes_are_one_line(inside, arguments, message):
    with pytest.raises(UserError, match=message) as raised:
        load(**({"data": "simulated"} | arguments))
    assert "every_region" not in str(raised.value) and "\n" not in str(raised.value)


def test_what_is_handed_out_may_be_changed(recordings):
    responses, names = recordings.to_xarray(), recordings.rdm("V4").names
    recordings.stimuli["stimulus_id"] = "mine"
    recordings.rdm("V4").values[:] = 0
    recordings.rdm("V4").stimuli["row_name"] = "mine"
    assert recordings.to_xarray().identical(responses)
    assert list(recordings.rdm("V4").names) == list(names) and recordings.rdm("V4").values.any()


def test_a_copy_has_its_images(small, monkeypatch):
    monkeypatch.chdir(small)
    found = load("simulated", region="V4")
    copied = copy.deepcopy(found)
    values = found.rdm().values
    del found
    gc.collect()
    np.testing.assert_array_equal(copied.rdm().values, values)
    assert Path(copied.stimuli["path"][0]).is_file()


def test_mistakes_in_calls_are_one_line(recordings):
    with pytest.raises(UserError, match="region: is missing; there are: V4, IT"):
        recordings.rdm()
    with pytest.raises(UserError, match="'TE' is not one of: V4, IT"):
        recordings.ceiling("TE")
    with pytest.raises(UserError, match="distance: 'manhattan' is not one of: correlation"):
        recordings.rdm("IT", "manhattan")
    with pytest.raises(UserError, match="splits: 1; expected a whole number, 2 to 10,000"):
        recordings.ceiling("IT", splits=1)
    for options in ({"splits": 2.5}, {"splits": None}, {"seed": -1}, {"seed": 0.5}):
        key, value = next(iter(options.items()))
        with pytest.raises(UserError, match=f"{key}: {value}; expected a whole number"):
            recordings.ceiling("IT", **{"splits": 2} | options)


def test_ceilings_and_recordings_print_themselves(recordings):
    assert repr(recordings) == "<Recordings simulated (simulated): V4, IT; 64 stimuli>"
    assert repr(recordings.rdm("IT")) == "<RDM of simulated IT: 64 rows, correlation>"
    frame = recordings.ceiling("IT", splits=2).to_frame()
    assert frame.shape == (1, 6) and frame["low"][0] <= frame["high"][0]


@pytest.mark.real_data
def test_macaque_v4(real_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load("cowley2023_v4", mirror=real_data)
    assert found.regions == ("V4",) and not found.simulated
    assert found.to_xarray().shape == (4840, 50)
    assert found.ceiling().value == pytest.approx(0.8546, abs=2e-4)


@pytest.mark.real_data
def test_a_published_rdm_has_no_responses(real_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load("kriegeskorte2008_it", mirror=real_data)
    name = "Kriegeskorte_Neuron2008_supplementalData.mat"
    path = real_data / "kriegeskorte2008_it" / name
    published = read_kriegeskorte2008_it("x", SimpleNamespace(degrees=3), {name: path}).rdms
    np.testing.assert_array_equal(found.rdm("IT").values, published.sel(region="IT").values)
    for call in (found.ceiling, found.to_xarray, lambda: found.rdm(distance="cosine")):
        with pytest.raises(UserError, match="needs responses, but only RDMs were published"):
            call()
