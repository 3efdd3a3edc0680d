"""Teachers for neural predictivity: held-out stimuli, ceilings of sites, units of a layer."""

from shutil import copytree
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from tgas_neuro.config.teacher import ControlOptions, NetworkOptions
from tgas_neuro.recordings.assembly import load_assembly, write_assembly
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.held_out import (
    MOST_ROWS,
    MOST_UNITS,
    build_held_out,
    choose_predicted,
    draw_held_out,
    get_site_ceilings,
)
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.region import describe_region
from tgas_neuro.teacher.teacher import get_ceiling, load_teacher, write_teacher

PIXELS = {"kind": "control", "control": ControlOptions(type="pixels", seed=0)}


@pytest.fixture(scope="module")
def teacher(simulated, build):
    return build(simulated, comparison="ridge")


def test_splits_are_those_of_brainscore():
    """Brain-Score's defaults: ten splits of nine tenths, random_state 1."""
    objects = np.repeat(["a", "b", "c"], 20)
    for strata, kind in ((objects, StratifiedShuffleSplit), (None, ShuffleSplit)):
        splits = kind(n_splits=10, train_size=0.9, random_state=1).split(np.zeros(60), objects)
        found = draw_held_out(60, strata)
        for held_out, (train, test) in zip(found, splits, strict=True):
            np.testing.assert_array_equal(np.flatnonzero(held_out), np.sort(test))
            np.testing.assert_array_equal(np.flatnonzero(~held_out), np.sort(train))


def test_each_half_has_splits_of_its_own(teacher, simulated):
    region = teacher.regions["IT"]
    half, flags = region["half"].values, region["held_out"].values
    table = pd.read_csv(simulated / "stimuli.csv")
    categories = table["category_name"].to_numpy(str)
    # 64 objects of one stimulus cannot be balanced, nor 8 categories by 7 or by 4
    assert region["held_out"].attrs["strata"] == ", , "
    np.testing.assert_array_equal(flags[0] == 1, draw_held_out(64))
    for number in (0, 1):
        assert (flags[1 + number][:, half != number] == -1).all()
        np.testing.assert_array_equal(flags[1 + number][:, half == number], draw_held_out(32))
    assert len(np.unique(categories)) == 8
    np.testing.assert_array_equal(flags, teacher.regions["V4"]["held_out"].values)


def show(n_rows, object_name, category):
    rows = SimpleNamespace(categories=np.asarray(category, dtype=str))
    stimuli = pd.DataFrame({"object_name": object_name})
    return SimpleNamespace(half=np.arange(n_rows) // 32 % 2, rows=rows, stimuli=stimuli)


RIDGE = TeacherOptions("image", 10, (), 16, 8, 0.2, "none", 1, 0, comparison="ridge")


def test_splits_are_balanced_by_objects_else_by_categories():
    number = np.arange(384)
    objects, categories = number % 32, number % 4
    held_out = build_held_out(show(384, objects.astype(str), categories), RIDGE)["held_out"]
    assert held_out[2]["strata"] == "object_name, category_name, category_name"
    np.testing.assert_array_equal(held_out[1][0] == 1, draw_held_out(384, objects.astype(str)))
    for split in held_out[1][1]:
        np.testing.assert_array_equal(np.bincount(categories[split == 1]), [5, 5, 5, 5])
    unnamed = build_held_out(show(400, [None] * 400, [""] * 400), RIDGE)["held_out"]
    assert unnamed[2]["strata"] == ", , "


def test_too_many_stimuli():
    n_rows = MOST_ROWS + 1
    with pytest.raises(UserError, match=r"at most 20,000, but there are 20,001 stimuli"):
        build_held_out(show(n_rows, [""] * n_rows, [""] * n_rows), RIDGE)


def test_the_ceiling_is_the_median_over_sites(teacher, build, simulated):
    for name, region in teacher.regions.items():
        reliability = region["site_reliability"].values
        expected = np.median(np.sqrt(reliability))
        for key in ("ceiling", "ceiling_half_0", "ceiling_half_1"):
            assert get_ceiling(region, key) == pytest.approx(expected)
        np.testing.assert_allclose(get_site_ceilings(region) ** 2, reliability)
        assert f"ceiling {expected:.3f} from the reliabilities of" in describe_region(name, region)
    uncorrected = build(simulated, comparison="pls", uncorrected=("V4", "IT")).regions["V4"]
    assert get_site_ceilings(uncorrected) is None
    assert get_ceiling(uncorrected) is None


def test_a_site_without_a_ceiling_is_said(build, simulated, tmp_path):
    copytree(simulated, tmp_path / "simulated")
    assembly = load_assembly(simulated / "assembly.nc")
    sites = np.flatnonzero(assembly["region"].values == "IT")[:3]
    values = assembly.values.copy()
    values[:, sites] = np.random.default_rng(0).poisson(5, size=(len(values), 3))
    write_assembly(tmp_path / "simulated" / "assembly.nc", assembly.copy(data=values))
    keep = {"comparison": "ridge", "min_site_reliability": -1.0}
    with pytest.raises(UserError, match=r"reliability of [1-3] of 50 sites is below 0.09; leave"):
        build(tmp_path / "simulated", ["IT"], **keep)
    named = build(tmp_path / "simulated", ["IT"], uncorrected=("IT",), **keep)
    assert get_site_ceilings(named.regions["IT"]) is None


def test_too_few_stimuli_and_objects(build, published, simulated):
    with pytest.raises(UserError, match=r"'ridge' needs responses, but of published"):
        build(published, ["IT"], comparison="ridge")
    with pytest.raises(UserError, match=r"'pls' holds out a tenth .*at least 4, but there are 12"):
        build(published, ["IT"], comparison="pls", **PIXELS)
    with pytest.raises(UserError, match=r"the reliability of sites is that of rows of images"):
        build(simulated, ["IT"], comparison="ridge", level="object")


def test_units_of_a_layer_are_drawn(build, simulated, tiny_networks):
    network = NetworkOptions(
        model="tiny_networks:build_seeded", layers={"V4": "early", "IT": "late"}, size=24
    )
    found = build(simulated, comparison="ridge", kind="network", network=network).regions
    for name, region in found.items():
        assert region["responses"].shape == (64, min(MOST_UNITS, region.attrs["n_sites"]))
        assert "random units of" in region.attrs["description"] or name == "IT"
        np.testing.assert_array_equal(get_site_ceilings(region), np.ones(len(region["neuroid"])))
        assert get_ceiling(region) == 1.0
    few = torch.tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 3.0]])
    units, described = choose_predicted("IT", few, RIDGE)
    np.testing.assert_array_equal(units, [[2.0], [3.0]])
    assert described == ", 1 units that vary are predicted"


@pytest.mark.parametrize("control", ["shuffled", "matched"])
def test_controls_keep_what_is_held_out_and_their_ceilings(build, simulated, teacher, control):
    options = {"kind": "control", "control": ControlOptions(type=control, seed=0)}
    region = build(simulated, ["IT"], comparison="ridge", **options).regions["IT"]
    np.testing.assert_array_equal(region["held_out"], teacher.regions["IT"]["held_out"])
    recorded = get_ceiling(teacher.regions["IT"])
    assert get_ceiling(region) == pytest.approx(recorded, abs=0.02)
    shuffled = control == "shuffled"
    assert np.array_equal(region["responses"], teacher.regions["IT"]["responses"]) == shuffled
    assert (get_ceiling(region) == recorded) == shuffled


def test_written_and_loaded(teacher, tmp_path):
    write_teacher(tmp_path / "teacher.nc", teacher)
    loaded = load_teacher(tmp_path / "teacher.nc", for_scoring=True).regions["IT"]
    assert "rdm" not in loaded
    for name in ("held_out", "responses", "site_reliability"):
        np.testing.assert_array_equal(loaded[name], teacher.regions["IT"][name])
