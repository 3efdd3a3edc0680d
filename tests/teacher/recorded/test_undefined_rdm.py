"""A region whose RDM is not defined: of no account where responses are compared, else one line."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge
from soak.soak import build_toy
from support.toy_run import TOY

import tgas_neuro as tgas
from tgas_neuro.figures.pictures import draw_region
from tgas_neuro.figures.rdm import calc_percentiles
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.scoring import build_targets
from tgas_neuro.teacher.teacher import load_teacher, write_teacher


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder whose data set `simulated` has one site of V4."""
    folder = tmp_path_factory.mktemp("place")
    small = {"image_size": 16, "images_per_object": {"V0": 1, "V3": 1, "V6": 0}}
    build_toy(folder, TOY, small | {"sites": {"V4": 1, "IT": 6}, "repetitions": [8, 8]})
    return folder


@pytest.fixture
def inside(place, monkeypatch):
    monkeypatch.chdir(place)


def build(comparison, **options):
    return tgas.load_teacher(
        data={"V4": "simulated"}, comparison=comparison, report=lambda line: None, **options
    )


def predict_by_sklearn(features, responses, held_out):
    found = []
    for test in held_out == 1:
        fitted = Ridge(alpha=1).fit(features[~test], responses[~test])
        found.append(pearsonr(fitted.predict(features[test]).ravel(), responses[test].ravel())[0])
    return np.mean(found)


@pytest.mark.parametrize("comparison", ["ridge", "pls", "cka"])
def test_one_site_is_compared_by_its_responses(inside, comparison, tmp_path):
    teacher = build(comparison, uncorrected=["V4"]).at(16)
    write_teacher(tmp_path / "teacher.nc", teacher)
    for one in (teacher, load_teacher(tmp_path / "teacher.nc")):
        region = one.regions["V4"]
        assert region.sizes["neuroid"] == 1 and np.isnan(region["rdm"].values).all()
        (target,) = build_targets(one)
        features = np.random.default_rng(0).normal(size=(128, 7)).astype(np.float32)
        responses = region["responses"].values
        features[:, :1] += 2 * responses
        found = target.compare(torch.from_numpy(features), target.distance, True)["V4"]["all"]
        if comparison == "ridge":
            expected = predict_by_sklearn(features, responses, region["held_out"].values[0])
            assert found == pytest.approx(expected, abs=1e-6)
        assert 0.1 < found <= 1


def test_an_rdm_that_is_compared_is_refused_in_one_line(inside):
    with pytest.raises(UserError, match=r"region V4: 8128 of 8128 dissimilarities are not defined"):
        build("spearman").at(16)
    recordings = tgas.load_recordings("simulated", region="V4", report=lambda line: None)
    with pytest.raises(UserError, match=r"do not vary over sites; use more sites") as raised:
        recordings.rdm()
    assert "\n" not in str(raised.value)
    assert len(recordings.rdm(distance="euclidean")) == 128  # which is defined of one site


def test_its_picture_shows_what_is_defined(inside, tmp_path):
    region = build("cka", uncorrected=["V4"]).at(16).regions["V4"]
    draw_region("V4", region, tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0
    found = calc_percentiles(np.array([3.0, np.nan, 1.0, 2.0]))
    np.testing.assert_array_equal(found, [100, np.nan, 0, 50])
