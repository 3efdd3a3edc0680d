"""Activations against single passes, projected ones against the whole computation and a formula."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from torch import nn

from tgas_neuro.architecture.network import find_overwritten
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.rdm.distances import calc_patterns
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.scoring.activations import (
    LEAST_WIDTH,
    choose_width,
    draw_projection,
    record_activations,
)

CPU = torch.device("cpu")
OBJECTS = np.array([2, 0, 1, 2, 0, 1, 2, 3, 3, 4, 3, 3, 3])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, size=(13, 9, 9, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network():
    torch_generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3, generator=torch_generator)
    return network.eval()


@pytest.fixture(scope="module")
def layers(network):
    return {"relu": network[1], "conv": network[2], "flat": network[3]}


def pass_through(module, images):
    """Outputs for all images at once, float64, normalised by hand."""
    x = (images / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    with torch.no_grad():
        return module(torch.from_numpy(x.transpose(0, 3, 1, 2)).float()).double().numpy()


def average_rows(values, row):
    return np.stack([values[row == number].mean(axis=0) for number in range(row.max() + 1)])


@pytest.mark.parametrize("row", [np.arange(13), OBJECTS], ids=["image", "object"])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 64])
def test_unprojected_layers_are_means_of_single_passes(images, network, layers, row, batch_size):
    found = record_activations(network, layers, images, row, CPU, batch_size=batch_size)
    for name, module in (("relu", network[:2]), ("conv", network[:3]), ("flat", network)):
        expected = average_rows(pass_through(module, images).reshape(13, -1), row)
        np.testing.assert_allclose(found[name].features, expected, rtol=1e-5, atol=1e-5)
        assert (found[name].distance, found[name].projected) == ("correlation", False)
        assert found[name].n_units == expected.shape[1]
    assert not any(module._forward_hooks for module in network)


def scale_by_hand(means, distance):
    if distance == "correlation":
        means = means - means.mean(axis=1, keepdims=True)
    if distance in ("correlation", "cosine"):
        means = means / np.linalg.norm(means, axis=1, keepdims=True)
    return means


@pytest.mark.parametrize("distance", ["correlation", "cosine", "euclidean", "patterns"])
@pytest.mark.parametrize("row", [np.arange(13), OBJECTS], ids=["image", "object"])
@pytest.mark.parametrize("batch_size", [3, 64])
def test_projected_rows_are_averaged_then_scaled_then_projected(
    images, network, layers, distance, row, batch_size
):
    """By its exact length, whether a row is of one stimulus or of many and batches cut it."""
    found = record_activations(
        network, layers, images, row, CPU, distance, max_units=100, seed=5, batch_size=batch_size
    )
    means = average_rows(pass_through(network[:2], images).reshape(13, -1), row)
    projection = draw_projection(392, 100, derive_generator(5, "projection", 392))
    matrix = projection.apply(torch.eye(392)).T.double().numpy()
    expected = scale_by_hand(means, distance) @ matrix.T
    np.testing.assert_allclose(found["relu"].features, expected, atol=2e-5)
    assert (found["relu"].n_units, found["relu"].projected) == (392, True)
    assert found["relu"].distance == ("euclidean" if distance == "euclidean" else "patterns")
    # 100 units are not more than 100
    assert (found["conv"].n_units, found["conv"].projected) == (100, False)
    assert found["conv"].distance == distance


@pytest.mark.parametrize("distance", ["correlation", "cosine"])
def test_half_squared_distances_of_a_projected_layer_are_the_dissimilarities(
    images, network, distance
):
    """As many sums as a unit less than all: nearly nothing is lost, and nothing scaled twice."""
    layers = {"relu": network[1]}
    found = record_activations(
        network, layers, images, np.arange(13), CPU, distance, max_units=391, seed=0
    )["relu"]
    patterns = calc_patterns(found.features, found.distance)
    estimate = pdist(patterns.double(), "sqeuclidean") / 2
    exact = pdist(pass_through(network[:2], images).reshape(13, -1), distance)
    np.testing.assert_allclose(estimate, exact, rtol=0.1)
    assert spearmanr(estimate, exact)[0] > 0.999


class InPlace(nn.Module):
    """Writes into outputs: after a normalisation, through a view, and by adding a branch."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(True)
        self.side, self.view = nn.Conv2d(3, 4, 3), nn.Flatten()

    def forward(self, x):
        out = self.norm(self.conv(x))
        out += self.side(x)
        flat = self.view(out)
        return self.relu(flat.unflatten(1, (4, -1)))


@pytest.mark.parametrize("infer", [False, True])
def test_layers_are_recorded_before_the_network_writes_into_them(images, infer):
    network = InPlace().eval()
    layers = dict(network.named_children())
    x = load_batch(images, np.arange(13), CPU)
    assert find_overwritten(network, layers, x[:2]) == {"norm", "view"}
    with torch.no_grad():
        conv, side = network.conv(x), network.side(x)
        norm = network.norm(conv)
        total = (norm + side).flatten(1)
        expected = {"conv": conv, "norm": norm, "side": side, "view": total, "relu": total.relu()}
    with torch.inference_mode(infer):
        found = record_activations(
            network, layers, images, np.arange(13), CPU, max_units=None, batch_size=5
        )
    for name, values in expected.items():
        torch.testing.assert_close(found[name].features, values.flatten(1), msg=name)


def test_the_projection_follows_from_seed_and_width_alone(images, network):
    """Two layers of the same width, in different networks, beside other layers."""
    double = nn.Sequential(nn.Identity(), *network)
    row = np.arange(13)
    one = record_activations(network, {"a": network[1]}, images, row, CPU, max_units=50, seed=1)
    two = record_activations(
        double, {"x": double[1], "y": double[2]}, images, row, CPU, max_units=50, seed=1
    )
    assert torch.equal(one["a"].features, two["y"].features)
    other = record_activations(network, {"a": network[1]}, images, row, CPU, max_units=50, seed=2)
    assert not torch.equal(one["a"].features, other["a"].features)


@pytest.mark.parametrize("max_units", [40, None])
def test_a_constant_row_is_not_defined(images, network, max_units):
    images = images.copy()
    images[[2, 5]] = 128
    flat = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    with torch.no_grad():
        flat[0].weight.copy_(network[0].weight)
        flat[0].weight[1:] = flat[0].weight[:1]
        flat[0].bias.fill_(0.1)
    row = np.array([0, 1, 2, 3, 4, 2, 5, 6, 7, 8, 9, 10, 11])
    found = record_activations(flat, {"relu": flat[1]}, images, row, CPU, max_units=max_units)[
        "relu"
    ]
    patterns = calc_patterns(found.features, found.distance)
    np.testing.assert_array_equal(patterns.isnan().all(dim=1), np.arange(12) == 2)
    assert not patterns[np.arange(12) != 2].isnan().any()


@pytest.mark.parametrize("max_units", [4, None])
def test_a_row_without_stimuli_is_not_defined(images, network, layers, max_units):
    row = np.arange(13)
    row[7:] += 1
    found = record_activations(network, layers, images, row, CPU, max_units=max_units)
    for name in layers:
        np.testing.assert_array_equal(
            found[name].features.isnan().all(dim=1), np.arange(14) == 7, err_msg=name
        )


class Tokens(nn.Module):
    """(stimulus, token, channel) of (stimulus, channel, y, x), as in a transformer."""

    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


def test_spatial_mean_of_maps_and_tokens(images, network):
    tokens = nn.Sequential(*network[:3], Tokens(), nn.Flatten())
    layers = {"map": tokens[2], "tokens": tokens[3], "flat": tokens[4]}
    found = record_activations(tokens, layers, images, np.arange(13), CPU, spatial_mean=True)
    maps = pass_through(network[:3], images)
    np.testing.assert_allclose(found["map"].features, maps.mean(axis=(2, 3)), atol=1e-5)
    np.testing.assert_allclose(found["tokens"].features, maps.mean(axis=(2, 3)), atol=1e-5)
    expected = maps.transpose(0, 2, 3, 1).reshape(13, -1)
    np.testing.assert_allclose(found["flat"].features, expected, rtol=1e-5, atol=1e-5)


def test_auto_is_the_width_for_so_many_rows(images, network, layers, monkeypatch):
    found = record_activations(network, layers, images, OBJECTS, CPU)
    assert not any(layer.projected for layer in found.values())
    assert choose_width(OBJECTS.max() + 1) >= 392
    monkeypatch.setattr("tgas_neuro.scoring.activations.LEAST_WIDTH", 30)
    monkeypatch.setattr("tgas_neuro.scoring.activations.MOST_VALUES", 5 * 60)
    found = record_activations(network, layers, images, OBJECTS, CPU)
    assert found["relu"].features.shape == (5, 60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_units": 0}, "max_units: 0; expected a number of at least 1, auto, or null"),
        ({"max_units": "all"}, "max_units: 'all'; expected"),
        ({"distance": "corelation"}, "'corelation' is not one of: correlation"),
    ],
)
def test_wrong_arguments_name_what_is_allowed(images, network, layers, arguments, message):
    with pytest.raises(UserError, match=message):
        record_activations(network, layers, images, OBJECTS, CPU, **arguments)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def test_a_layer_that_puts_out_no_tensor_is_named(images):
    pair = Pair()
    with pytest.raises(UserError, match="layer 'pair' puts out a tuple, not a tensor"):
        record_activations(pair, {"pair": pair}, images, np.arange(13), CPU)


def build_matrix(projection, n_units):
    """(sum, unit): what the projection does to each unit alone."""
    return projection.apply(torch.eye(n_units)).T.double().numpy()


def calc_shared(n_units, n_sums):
    """Probability that two units share a sum, by counting pairs."""
    sizes = [len(group) for group in np.array_split(np.arange(n_units), n_sums)]
    return sum(size * (size - 1) for size in sizes) / (n_units * (n_units - 1))


def draw_many(x, n_sums, count):
    """Projections of the rows of x, (draw, row, sum), float64."""
    generator = np.random.default_rng(1)
    return torch.stack(
        [draw_projection(x.shape[1], n_sums, generator).apply(x) for _ in range(count)]
    ).double()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_unit_is_in_one_sum_and_sums_are_of_equal_size(n_units, n_sums, rows, seed):
    generator = np.random.default_rng(seed)
    projection = draw_projection(n_units, n_sums, generator)
    matrix = build_matrix(projection, n_units)
    assert matrix.shape == (min(n_sums, n_units), n_units)
    np.testing.assert_array_equal(np.abs(matrix).sum(axis=0), 1)
    sizes = np.abs(matrix).sum(axis=1)
    assert sizes.min() >= 1
    assert sizes.max() - sizes.min() <= 1
    x = generator.normal(size=(rows, n_units)).astype(np.float32)
    np.testing.assert_allclose(projection.apply(torch.from_numpy(x)), x @ matrix.T, atol=1e-5)


def test_as_many_sums_as_units_keep_all_distances():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 50)).astype(np.float32))
    for n_sums in (50, 80):
        projected = draw_projection(50, n_sums, np.random.default_rng(1)).apply(x)
        np.testing.assert_allclose(projected @ projected.T, x @ x.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("n_units", "n_sums"), [(60, 12), (60, 40), (97, 10)])
def test_inner_products_are_unbiased_with_the_variance_of_the_formula(n_units, n_sums):
    generator = np.random.default_rng(0)
    x = generator.exponential(size=(2, n_units)) * [[1], [0.3]] + [[0], [0.5]]
    x, y = x.astype(np.float32).astype(float)
    draws = draw_many(torch.from_numpy(np.stack([x, y]).astype(np.float32)), n_sums, 6000)
    products = (draws[:, 0] * draws[:, 1]).sum(dim=1).numpy()
    expected = calc_shared(n_units, n_sums) * (
        x @ x * (y @ y) + (x @ y) ** 2 - 2 * np.sum(x**2 * y**2)
    )
    assert abs(products.mean() - x @ y) < 4 * np.sqrt(expected / 6000)
    assert products.var() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("n_units", "n_sums"), [(400, 20), (400, 200)])
def test_relative_error_of_squared_distances(n_units, n_sums):
    """At most sqrt(2 / k), half as large a variance when two units share a sum."""
    x = np.random.default_rng(2).normal(size=(2, n_units)).astype(np.float32)
    draws = draw_many(torch.from_numpy(x), n_sums, 4000)
    ratio = (draws[:, 0] - draws[:, 1]).square().sum(dim=1).numpy() / np.sum((x[0] - x[1]) ** 2.0)
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() <= np.sqrt(2 / n_sums)
    assert ratio.std() == pytest.approx(np.sqrt(2 * calc_shared(n_units, n_sums)), rel=0.1)


def test_the_docstring_s_probability_of_a_shared_sum():
    assert calc_shared(400, 20) == pytest.approx((400 / 20 - 1) / 399)
    for n_units in range(2, 40):
        for n_sums in range(2, n_units + 1):
            assert calc_shared(n_units, n_sums) < 1 / n_sums


def test_an_undefined_row_stays_undefined():
    x = torch.ones(3, 20)
    x[1] = torch.nan
    projected = draw_projection(20, 6, np.random.default_rng(0)).apply(x)
    np.testing.assert_array_equal(projected.isnan().all(dim=1), [False, True, False])
    assert not projected[[0, 2]].isnan().any()


def test_rows_do_not_depend_on_each_other():
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(70, 90)).astype(np.float32))
    projection = draw_projection(90, 7, np.random.default_rng(4))
    together = projection.apply(x)
    assert torch.equal(together[37:38], projection.apply(x[37:38]))


def test_width_is_large_for_few_rows_and_bounded_in_memory():
    assert choose_width(5760) == LEAST_WIDTH
    assert choose_width(100_000) == LEAST_WIDTH
    assert choose_width(92) > 401_408  # an early layer of 32 x 112 x 112 units is kept whole
    assert all(4 * rows * choose_width(rows) <= 190e6 for rows in (64, 640, 3200, 5760))
