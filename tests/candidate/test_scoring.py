"""Layers mapped onto regions, against scipy and by hand."""

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from torch import nn

from tgas_neuro.candidate.activations import record_activations
from tgas_neuro.candidate.scoring import (
    calc_layer_rdms,
    calc_teacher_guidance,
    choose_layers,
    score_region,
)

CPU = torch.device("cpu")


def build_region(rdm, half, corrected=1, ceilings=(0.8, 0.7, 0.9)):
    return xr.Dataset(
        {"rdm": ("pair", rdm.astype(np.float32)), "half": ("row_name", half.astype(np.int8))},
        attrs={
            "corrected_for_noise": corrected,
            "ceiling": ceilings[0],
            "ceiling_half_0": ceilings[1],
            "ceiling_half_1": ceilings[2],
        },
    )


@pytest.fixture
def case():
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(24, 10))
    layers = {
        name: torch.from_numpy(truth + noise * generator.normal(size=truth.shape))
        for name, noise in (("stem", 3.0), ("cell_0", 0.6), ("cell_1", 1.0))
    }
    half = generator.permutation(24) % 2
    return layers, build_region(pdist(truth, "correlation"), half), half


def calc_expected(features, region, keep):
    model = squareform(pdist(features, "correlation"))[np.ix_(keep, keep)]
    brain = squareform(region["rdm"].values)[np.ix_(keep, keep)]
    return spearmanr(squareform(model, checks=False), squareform(brain, checks=False))[0]


def test_similarities_equal_scipy(case):
    layers, region, half = case
    score = score_region(calc_layer_rdms(layers), region)
    for name, features in layers.items():
        for subset, keep in (
            ("all", half >= 0),
            ("half_0", half == 0),
            ("half_1", half == 1),
        ):
            expected = calc_expected(features, region, keep)
            assert score["layers"][name][subset] == pytest.approx(expected, abs=1e-4)


def test_crossed_choice_by_hand():
    layers = {
        "a": {"all": 0.5, "half_0": 0.6, "half_1": 0.2},
        "b": {"all": 0.4, "half_0": 0.3, "half_1": 0.4},
        "dead": None,
    }
    ceilings = {"all": 0.8, "half_0": 0.75, "half_1": 0.5}
    choice = choose_layers(layers, ceilings)
    assert choice["crossed"]["layers"] == ["a", "b"]
    assert choice["crossed"]["raw"] == pytest.approx((0.2 + 0.3) / 2)
    assert choice["crossed"]["corrected"] == pytest.approx((0.2 / 0.5 + 0.3 / 0.75) / 2)
    assert choice["plain"] == {"raw": 0.5, "corrected": pytest.approx(0.5 / 0.8), "layer": "a"}


def test_without_a_ceiling_the_raw_value_counts(case):
    layers, region, _ = case
    region.attrs["corrected_for_noise"] = 0
    score = score_region(calc_layer_rdms(layers), region)
    assert score["ceiling"] is None
    assert score["crossed"]["corrected"] == score["crossed"]["raw"]
    assert score["plain"]["corrected"] == score["plain"]["raw"]


def test_the_plain_maximum_is_optimistic_and_the_crossed_choice_is_not():
    """Layers that say nothing about the brain: the maximum grows with their number."""
    generator = np.random.default_rng(1)
    crossed, plain = [], []
    for _ in range(40):
        region = build_region(generator.random(20 * 19 // 2), np.arange(20) % 2)
        layers = {str(k): torch.from_numpy(generator.normal(size=(20, 30))) for k in range(30)}
        score = score_region(calc_layer_rdms(layers), region)
        crossed.append(score["crossed"]["raw"])
        plain.append(score["plain"]["raw"])
    assert np.mean(plain) > 0.1
    assert abs(np.mean(crossed)) < 3 * np.std(crossed) / np.sqrt(40)


def test_a_layer_without_variance_is_reported_and_never_chosen(case):
    layers, region, _ = case
    layers["dead"] = torch.zeros(24, 10)
    score = score_region(calc_layer_rdms(layers), region)
    assert score["layers"]["dead"] is None
    assert "dead" not in score["crossed"]["layers"]
    only_dead = score_region(calc_layer_rdms({"dead": layers["dead"]}), region)
    assert only_dead["crossed"] is None
    assert only_dead["plain"] is None
    guidance = calc_teacher_guidance({"V4": score, "IT": only_dead})
    assert guidance == {"crossed": None, "paper": None}


def test_guidance_is_the_mean_over_regions():
    regions = {
        "V4": {"crossed": {"corrected": 0.2}, "plain": {"corrected": 0.4}},
        "IT": {"crossed": {"corrected": 0.6}, "plain": {"corrected": 0.5}},
    }
    assert calc_teacher_guidance(regions) == pytest.approx({"crossed": 0.4, "paper": 0.45})


def test_activations_equal_single_passes_and_rows_are_means():
    images = np.random.default_rng(2).integers(0, 256, size=(10, 6, 6, 3), dtype=np.uint8)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    layers = {"conv": network[0], "relu": network[2]}
    row = np.array([0, 1, 2, 0, 1, 2, 3, 3, 3, 4])
    found = record_activations(network, layers, images, row, CPU, batch_size=4)
    x = (images / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    outputs = network[0](torch.from_numpy(x.transpose(0, 3, 1, 2)).float()).detach()
    expected = torch.stack([outputs[row == number].mean(dim=0) for number in range(5)])
    np.testing.assert_allclose(found["conv"], expected.flatten(1), atol=1e-5)
    assert found["relu"].shape == (5, 4 * 4 * 4)
    assert not network[0]._forward_hooks  # hooks are gone afterwards
