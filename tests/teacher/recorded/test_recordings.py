"""A teacher from recordings, against independent reckoning and against the simulation's truth."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

from tgas_neuro.rdm import calc_noise_ceiling
from tgas_neuro.recordings.assembly import load_assembly, write_assembly
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.datasets.files import fetch_files
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.readers.simulated import label_responses
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.stimuli import simulate_stimuli
from tgas_neuro.simulation.ventral_stream import simulate_responses
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.region import describe_region
from tgas_neuro.teacher.teacher import get_ceiling, load_teacher, write_teacher

PROJECT = Path(__file__).parents[3]
OPTIONS = TeacherOptions(
    level="image",
    splits=10,
    uncorrected=(),
    size=16,
    visual_degrees=8,
    min_site_reliability=0.2,
    normalise="zscore",
    threads=1,
    seed=0,
)


def ingest(folder, **options):
    description = load_description("simulated", [PROJECT / "neural_data"])
    small = {
        "image_size": 32,
        "images_per_object": {"V0": 1, "V3": 1, "V6": 0},
        "sites": {"V4": 40, "IT": 50},
    }
    description = description.change_options(**(small | options))
    ingest_recordings(description, {}, folder)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return ingest(tmp_path_factory.mktemp("recordings") / "simulated")


def build(folder, options=OPTIONS, regions=("V4", "IT"), select=None, lines=None):
    return build_teacher(
        {name: Source({"simulated": folder}, select or {}) for name in regions},
        options,
        {"made": "by a test"},
        (lines if lines is not None else []).append,
    )


@pytest.fixture(scope="module")
def teacher(recorded):
    return build(recorded)


def average(folder, region):
    """Mean responses by xarray alone, (stimulus, neuroid), in the table's order."""
    assembly = xr.open_dataset(folder / "assembly.nc")["response"].load()
    assembly = assembly.isel(neuroid=np.flatnonzero(assembly["region"].values == region))
    return assembly.astype(float).groupby("stimulus_id").mean("presentation")


def test_rdm_equals_scipy(recorded, teacher):
    for name, region in teacher.regions.items():
        responses = average(recorded, name).sel(stimulus_id=region["stimulus"].values)
        kept = np.isin(responses["neuroid_id"].values, region["neuroid_id"].values)
        expected = pdist(zscore(responses.values[:, kept], axis=0), "correlation")
        np.testing.assert_allclose(region["rdm"].values, expected, atol=1e-5)


def test_object_level(recorded):
    region = build(recorded, replace(OPTIONS, level="object"), ["IT"]).regions["IT"]
    assert region.sizes["row_name"] == 64
    assert region.sizes["stimulus"] == 128
    responses = average(recorded, "IT").sel(stimulus_id=region["stimulus"].values)
    kept = np.isin(responses["neuroid_id"].values, region["neuroid_id"].values)
    rows = region["row"].values
    means = np.stack([responses.values[rows == row][:, kept].mean(axis=0) for row in range(64)])
    expected = pdist(zscore(means, axis=0), "correlation")
    np.testing.assert_allclose(region["rdm"].values, expected, atol=1e-5)
    assert region.attrs["ceiling"] > 0.5


@pytest.mark.parametrize("reliability", [(0.2, 0.8), (0.2, 0.95), (0.6, 0.95)])
def test_ceilings_of_the_simulation_equal_the_truth(reliability):
    """sqrt(Spearman-Brown) against the RDM of the same noise-free sites, at three noise levels."""
    images, table = simulate_stimuli(0, {"V0": 1, "V3": 2, "V6": 1}, 32)
    responses = simulate_responses(images, table, 0, reliability=reliability)
    assembly, truth = label_responses(responses, table, 0)
    for name in ("V4", "IT"):
        chosen = np.flatnonzero(assembly["region"].values == name)
        measured = assembly.isel(neuroid=chosen)
        ids = table["stimulus_id"].to_numpy()
        responses = measured.astype(float).groupby("stimulus_id").mean("presentation")
        rates = truth.isel(neuroid=chosen).values.astype(float)
        expected = spearmanr(
            pdist(zscore(rates, axis=0), "correlation"),
            pdist(zscore(responses.sel(stimulus_id=ids).values, axis=0), "correlation"),
        )[0]
        ceiling = calc_noise_ceiling(measured, 20, np.random.default_rng(0), ids)
        assert ceiling.ceiling == pytest.approx(expected, abs=0.03), name


def test_unreliable_sites_are_left_out(recorded):
    region = build(recorded, replace(OPTIONS, min_site_reliability=0.7), ["IT"]).regions["IT"]
    assert 0 < region.attrs["n_sites"] < region.attrs["n_sites_measured"] == 50
    assert (region["site_reliability"].values >= 0.7).all()


def test_file_round_trip(teacher, tmp_path):
    write_teacher(tmp_path / "teacher.nc", teacher)
    loaded = load_teacher(tmp_path / "teacher.nc")
    assert loaded.provenance == {"made": "by a test"}
    for name, region in teacher.regions.items():
        xr.testing.assert_equal(loaded.regions[name], region)
        np.testing.assert_equal(loaded.regions[name].attrs, region.attrs)  # NaN equals NaN


def test_crossed_halves_are_stratified(teacher):
    region = teacher.regions["V4"]
    for category in np.unique(region["category_name"].values):
        inside = region["half"].values[region["category_name"].values == category]
        assert abs((inside == 0).sum() - (inside == 1).sum()) <= 1


def test_seed_decides_and_simulated_is_said(recorded, teacher):
    again, other = build(recorded), build(recorded, replace(OPTIONS, seed=1))
    xr.testing.assert_identical(again.regions["IT"], teacher.regions["IT"])
    assert (other.regions["IT"]["half"].values != teacher.regions["IT"]["half"].values).any()
    assert "simulated" in describe_region("IT", teacher.regions["IT"])
    assert teacher.regions["IT"].attrs["simulated"] == 1


def test_select(recorded):
    region = build(
        recorded, regions=["IT"], select={"variation": ["V3"], "animal": ["simulated_1"]}
    )
    region = region.regions["IT"]
    assert region.sizes["stimulus"] == 64
    assert set(region["animal"].values) == {"simulated_1"}


@pytest.mark.parametrize(
    ("changes", "regions", "select", "message"),
    [
        ({}, ["V1"], {}, r"recordings.regions.V1: region 'V1' is not in .*there are: IT, V4"),
        ({"min_site_reliability": 0.99}, ["IT"], {}, r"min_site_reliability: 0.99 leaves no site"),
        (
            {},
            ["IT"],
            {"variation": ["V9"]},
            r"select.variation: 'V9' is not in simulated; there are: V0, V3",
        ),
        (
            {},
            ["IT"],
            {"array": ["M"]},
            r"select.array: the sites of simulated have no 'array'; remove",
        ),
    ],
)
def test_user_errors(recorded, changes, regions, select, message):
    with pytest.raises(UserError, match=message):
        build(recorded, replace(OPTIONS, **changes), regions, select)


class TestWithoutACeiling:
    def test_it_is_refused_unless_named(self, tmp_path):
        folder = ingest(tmp_path / "simulated", repetitions=[1, 1])
        with pytest.raises(UserError, match=r"teacher.uncorrected: region V4 .*no repetitions"):
            build(folder)
        lines = []
        options = replace(OPTIONS, uncorrected=("V4", "IT"))
        region = build(folder, options, lines=lines).regions["V4"]
        assert get_ceiling(region) is None
        assert np.isnan(region.attrs["ceiling"])
        assert region.attrs["n_sites"] == 40  # nothing repeats, so nothing can be filtered
        assert "used without a ceiling" in lines[0]

    def test_a_named_region_is_not_corrected_though_it_could_be(self, recorded, teacher):
        region = build(recorded, replace(OPTIONS, uncorrected=("IT",))).regions["IT"]
        assert get_ceiling(region) is None
        assert get_ceiling(teacher.regions["IT"]) == region.attrs["ceiling"] > 0.5

    @pytest.mark.real_data
    def test_a_published_rdm(self, real_data, tmp_path):
        description = load_description("kriegeskorte2008_it", [PROJECT / "neural_data"])
        files = fetch_files(description, tmp_path / "raw", real_data)
        folder = tmp_path / "kriegeskorte2008_it"
        ingest_recordings(description, files, folder)
        with pytest.raises(UserError, match=r"region IT has no noise ceiling: .*add IT to"):
            build(folder, regions=["IT"])
        uncorrected = replace(OPTIONS, uncorrected=("IT",))
        region = build(folder, uncorrected, ["IT"]).regions["IT"]
        assert region.sizes["pair"] == 92 * 91 // 2
        assert region.attrs["n_sites"] == 674
        with pytest.raises(UserError, match=r"teacher.level: 'object' needs responses"):
            build(folder, replace(uncorrected, level="object"), ["IT"])


def test_broken_files_are_named(recorded, teacher, tmp_path):
    path = tmp_path / "teacher.nc"
    write_teacher(path, teacher)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(UserError, match=r"teacher.nc: not a readable netCDF file"):
        load_teacher(path)
    with pytest.raises(UserError, match="no such file"):
        load_teacher(tmp_path / "absent.nc")


def test_sites_are_chosen_by_their_published_reliability(recorded, tmp_path):
    """Of presentations that were not repeated, which have none of their own."""
    folder = tmp_path / "once"
    shutil.copytree(recorded, folder)
    assembly = load_assembly(folder / "assembly.nc")
    once = assembly[np.flatnonzero(assembly["repetition"].values == 0)]
    of_it = once["region"].values == "IT"
    published = np.where(of_it, 0.1, 0.9)
    published[np.flatnonzero(of_it)[:7]] = [0.2, 0.5, 0.9, 1, 0.3, 0.4, 0.19]
    published[-1] = np.nan
    once = once.assign_coords(site_reliability=("neuroid", published))
    write_assembly(folder / "assembly.nc", once)
    region = build(folder, replace(OPTIONS, uncorrected=("IT",)), ["IT"]).regions["IT"]
    kept = of_it & (published >= 0.2)
    assert kept.sum() == 6
    assert list(region["neuroid_id"].values) == list(once["neuroid_id"].values[kept])
    np.testing.assert_array_equal(region["site_reliability"].values, published[kept])
    assert region.attrs["n_sites_measured"] == 50
    assert region.attrs["ceiling_from"].startswith("the published reliabilities of the sites")
    assert 0 < region.attrs["ceiling"] < 1
    again = build(recorded, regions=["IT"]).regions["IT"]
    assert "ceiling_from" not in again.attrs
