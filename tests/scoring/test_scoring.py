"""Layers mapped onto regions, against scipy and by hand."""

from typing import get_args

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau, pearsonr, spearmanr
from torch import nn

from tgas_neuro.api.teachers import WITHOUT_CEILING
from tgas_neuro.config.teacher import OF_RESPONSES, PREDICTIVITIES, Comparison
from tgas_neuro.rdm.streaming.ranked import Sample, rank_rdms
from tgas_neuro.rdm.streaming.streaming import compare_features
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import calc_teacher_guidance, choose_layers
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.scoring.scoring import (
    COMPARISONS,
    build_targets,
    group_regions,
    score_region,
    write_ranks,
)
from tgas_neuro.teacher.region import CEILING_METHODS
from tgas_neuro.teacher.teacher import Teacher, load_teacher, write_teacher

CPU = torch.device("cpu")


def test_every_comparison_that_can_be_configured_is_there():
    named = set(get_args(Comparison))
    assert named == {*COMPARISONS, "spearman", "pearson"}  # these two are of ranks and products
    assert set(OF_RESPONSES) <= named
    assert set(WITHOUT_CEILING) == named - {CEILING_METHODS[1], *PREDICTIVITIES}


N = 24


def build_region(rdm, half, corrected=1, ceilings=(0.8, 0.7, 0.9), images=None, **changes):
    variables = {
        "rdm": ("pair", rdm.astype(np.float32)),
        "half": ("row_name", half.astype(np.int8)),
    }
    if images is not None:
        variables["images"] = (("stimulus", "y", "x", "rgb"), images)
        variables["row"] = ("stimulus", np.arange(len(images)))
    attrs = {
        "corrected_for_noise": corrected,
        "ceiling": ceilings[0],
        "ceiling_half_0": ceilings[1],
        "ceiling_half_1": ceilings[2],
        "distance": "correlation",
        "comparison": "spearman",
    }
    return xr.Dataset(variables, attrs=attrs | changes)


def compare_layers(layers, region):
    ranked = rank_rdms({"IT": region["rdm"].values}, region["half"].values)
    return {name: compare_features(found, ranked)["IT"] for name, found in layers.items()}


@pytest.fixture
def case():
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(N, 10))
    layers = {
        name: torch.from_numpy(truth + noise * generator.normal(size=truth.shape))
        for name, noise in (("stem", 3.0), ("cell_0", 0.6), ("cell_1", 1.0))
    }
    half = generator.permutation(N) % 2
    return layers, build_region(pdist(truth, "correlation"), half), half


def calc_expected(features, region, keep, distance="correlation", correlate=spearmanr):
    model = squareform(pdist(features, distance))[np.ix_(keep, keep)]
    brain = squareform(region["rdm"].values.astype(float))[np.ix_(keep, keep)]
    return correlate(squareform(model, checks=False), squareform(brain, checks=False))[0]


def test_similarities_equal_scipy(case):
    layers, region, half = case
    score = score_region(compare_layers(layers, region), region)
    for name, features in layers.items():
        for subset, keep in (("all", half >= 0), ("half_0", half == 0), ("half_1", half == 1)):
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
    assert choice["paper"] == {"raw": 0.5, "corrected": pytest.approx(0.5 / 0.8), "layer": "a"}


def test_without_a_ceiling_the_raw_value_counts(case):
    layers, region, _ = case
    region.attrs["corrected_for_noise"] = 0
    score = score_region(compare_layers(layers, region), region)
    assert score["ceiling"] is None
    assert score["crossed"]["corrected"] == score["crossed"]["raw"]
    assert score["paper"]["corrected"] == score["paper"]["raw"]


def test_the_plain_maximum_is_optimistic_and_the_crossed_choice_is_not():
    """Layers that say nothing about the brain: the maximum grows with their number."""
    generator = np.random.default_rng(1)
    crossed, plain = [], []
    for _ in range(40):
        region = build_region(generator.random(20 * 19 // 2), np.arange(20) % 2)
        layers = {str(k): torch.from_numpy(generator.normal(size=(20, 30))) for k in range(30)}
        score = score_region(compare_layers(layers, region), region)
        crossed.append(score["crossed"]["raw"])
        plain.append(score["paper"]["raw"])
    assert np.mean(plain) > 0.1
    assert abs(np.mean(crossed)) < 3 * np.std(crossed) / np.sqrt(40)


def test_a_layer_without_variance_is_reported_and_never_chosen(case):
    layers, region, _ = case
    layers["dead"] = torch.zeros(24, 10)
    score = score_region(compare_layers(layers, region), region)
    assert score["layers"]["dead"] is None
    assert "dead" not in score["crossed"]["layers"]
    only_dead = score_region(compare_layers({"dead": layers["dead"]}, region), region)
    assert only_dead["crossed"] is None
    assert only_dead["paper"] is None
    guidance = calc_teacher_guidance({"V4": score, "IT": only_dead})
    assert guidance == {"crossed": None, "paper": None}


def test_guidance_is_the_mean_over_regions():
    regions = {
        "V4": {"crossed": {"corrected": 0.2}, "paper": {"corrected": 0.4}},
        "IT": {"crossed": {"corrected": 0.6}, "paper": {"corrected": 0.5}},
    }
    assert calc_teacher_guidance(regions) == pytest.approx({"crossed": 0.4, "paper": 0.45})


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 6, 3)

    def forward(self, images):
        return self.second(self.first(images).relu())


@pytest.fixture
def shown():
    """A network, images, and the outputs of its two layers."""
    images = np.random.default_rng(2).integers(0, 256, size=(N, 8, 8, 3), dtype=np.uint8)
    torch.manual_seed(0)
    network = Tiny().eval()
    x = (images / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    with torch.no_grad():
        first = network.first(torch.from_numpy(x.transpose(0, 3, 1, 2)).float())
        second = network.second(first.relu())
    outputs = {"first": first.flatten(1).numpy(), "second": second.flatten(1).numpy()}
    return network, {"first": network.first, "second": network.second}, images, outputs


def build_teacher(images, **changes):
    generator = np.random.default_rng(3)
    regions = {}
    for name in ("V4", "IT"):
        responses = generator.normal(size=(len(images), 7)).astype(np.float32)
        half = np.arange(len(images)) % 2
        regions[name] = build_region(
            pdist(responses, "correlation"), half, images=images, **changes
        )
        regions[name]["responses"] = (("row_name", "neuroid"), responses)
    return Teacher(regions, {"seed": 0})


@pytest.mark.parametrize(
    ("distance", "comparison", "scipy_distance", "correlate"),
    [
        ("correlation", "spearman", "correlation", spearmanr),
        ("cosine", "spearman", "cosine", spearmanr),
        ("correlation", "pearson", "correlation", pearsonr),
        ("euclidean", "pearson", "euclidean", pearsonr),
        ("crossnobis", "pearson", "sqeuclidean", pearsonr),
        ("crossnobis", "kendall", "sqeuclidean", kendalltau),
        ("correlation", "kendall", "correlation", kendalltau),
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_a_network_scored_by_each_distance_and_comparison(
    shown, distance, comparison, scipy_distance, correlate, exact
):
    network, layers, images, outputs = shown
    teacher = build_teacher(images, distance=distance, comparison=comparison)
    score = score_network(network, layers, teacher, None, CPU, seed=0, exact=exact)
    half = np.arange(N) % 2
    for name, region in teacher.regions.items():
        for layer, features in outputs.items():
            for subset, keep in (("all", half >= 0), ("half_0", half == 0), ("half_1", half == 1)):
                found = score["regions"][name]["layers"][layer][subset]
                expected = calc_expected(features, region, keep, scipy_distance, correlate)
                assert found == pytest.approx(expected, abs=2e-5)


def test_cka_is_that_of_the_responses(shown):
    network, layers, images, outputs = shown
    teacher = build_teacher(images, comparison="cka")
    score = score_network(network, layers, teacher, None, CPU, seed=0)
    found = score["regions"]["IT"]["layers"]["second"]["all"]
    assert found == pytest.approx(
        calc_naive_cka(outputs["second"], teacher.regions["IT"]["responses"].values), abs=1e-5
    )


def calc_naive_cka(features1, features2):
    """Song et al. 2012, equation 5, with N x N matrices."""

    def calc_hsic(kernel1, kernel2):
        n = len(kernel1)
        a, b = kernel1 - np.diag(np.diag(kernel1)), kernel2 - np.diag(np.diag(kernel2))
        ones = np.ones(n)
        trace = np.trace(a @ b)
        middle = (ones @ a @ ones) * (ones @ b @ ones) / ((n - 1) * (n - 2))
        return (trace + middle - 2 / (n - 2) * (ones @ a @ b @ ones)) / (n * (n - 3))

    kernels = [x.astype(float) @ x.astype(float).T for x in (features1, features2)]
    own = [calc_hsic(kernel, kernel) for kernel in kernels]
    return calc_hsic(*kernels) / np.sqrt(own[0] * own[1])


@pytest.mark.parametrize("comparison", ["spearman", "pearson", "kendall", "cka"])
def test_written_teacher_and_ranks_give_the_same_score(shown, comparison, tmp_path):
    network, layers, images, _ = shown
    teacher = build_teacher(images, comparison=comparison)
    write_teacher(tmp_path / "teacher.nc", teacher)
    write_ranks(tmp_path / "ranks", teacher)
    lean = load_teacher(tmp_path / "teacher.nc", for_scoring=True)
    assert ("rdm" in lean.regions["V4"]) == (comparison == "kendall")
    assert ("responses" in lean.regions["V4"]) == (comparison == "cka")
    found = score_network(network, layers, lean, tmp_path / "ranks", CPU, seed=0)
    assert found == score_network(network, layers, teacher, None, CPU, seed=0)


@pytest.mark.parametrize("comparison", ["spearman", "pearson"])
def test_a_sample_of_pairs_and_its_standard_error(shown, comparison, tmp_path):
    """The files hold the sample that is configured; another one is refused in one line."""
    network, layers, images, _ = shown
    images = np.concatenate([images, images // 2, 255 - images])  # enough for 1,000 pairs
    teacher = build_teacher(images, comparison=comparison)
    write_ranks(tmp_path, teacher, Sample(1000, 3))
    found = score_network(network, layers, teacher, tmp_path, CPU, seed=3, pairs=1000)
    assert found == score_network(network, layers, teacher, None, CPU, seed=3, pairs=1000)
    assert found != score_network(network, layers, teacher, None, CPU, seed=4, pairs=1000)
    every = score_network(network, layers, teacher, None, CPU, seed=3)
    for region, score in found["regions"].items():
        for name, values in score["layers"].items():
            for subset in ("all", "half_0", "half_1"):
                error = values[f"{subset}_standard_error"]
                assert 0 < error < 0.2
                truth = every["regions"][region]["layers"][name][subset]
                assert abs(values[subset] - truth) < 4 * error
    with pytest.raises(UserError, match=r"ranks of 1000 pairs, but search\.scoring.pairs is null"):
        score_network(network, layers, teacher, tmp_path, CPU, seed=3)
    with pytest.raises(UserError, match=r"ranks of 1000 pairs, but search\.scoring.pairs is 1200"):
        score_network(network, layers, teacher, tmp_path, CPU, seed=3, pairs=1200)
    write_ranks(tmp_path / "all", teacher)
    with pytest.raises(UserError, match=r"ranks of all pairs, but search\.scoring.pairs is 1000"):
        score_network(network, layers, teacher, tmp_path / "all", CPU, seed=3, pairs=1000)
    with pytest.raises(UserError, match=r"pairs: 10000, but \d+ stimuli have \d+ pairs; lower it"):
        write_ranks(tmp_path / "more", teacher, Sample(10_000, 3))


def test_a_comparison_without_pairs_takes_no_sample(shown):
    network, layers, images, _ = shown
    with pytest.raises(UserError, match=r"pairs: 1000, but teacher\.comparison 'kendall' takes no"):
        score_network(
            network, layers, build_teacher(images, comparison="kendall"), None, CPU, 3, pairs=1000
        )


def test_wide_layers_are_projected_and_alike(shown):
    network, layers, images, _ = shown
    teacher = build_teacher(images)
    exact = score_network(network, layers, teacher, None, CPU, seed=0, max_units=None)
    near = score_network(network, layers, teacher, None, CPU, seed=0, max_units=90)
    far = exact["regions"]["IT"]["layers"]["first"]["all"]
    assert near["regions"]["IT"]["layers"]["first"]["all"] != far
    assert near["regions"]["IT"]["layers"]["first"]["all"] == pytest.approx(far, abs=0.15)


def test_regions_on_the_same_stimuli_are_one_target(shown):
    _, _, images, _ = shown
    teacher = build_teacher(images)
    assert group_regions(teacher) == [("V4", "IT")]
    assert [target.regions for target in build_targets(teacher)] == [("V4", "IT")]
    teacher.regions["IT"]["half"] = 1 - teacher.regions["IT"]["half"]
    assert group_regions(teacher) == [("V4",), ("IT",)]
