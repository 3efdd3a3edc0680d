"""Recorded activations against single passes, and projected ones against the whole computation."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from torch import nn

from tgas_neuro.rdm.patterns import calc_patterns
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.seeds import derive_generator
from tgas_neuro.scoring.activations import record_layers
from tgas_neuro.scoring.projection import choose_width, draw_projection

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
    found = record_layers(network, layers, images, row, CPU, batch_size=batch_size)
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
    found = record_layers(
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
    found = record_layers(
        network, layers, images, np.arange(13), CPU, distance, max_units=391, seed=0
    )["relu"]
    patterns = calc_patterns(found.features, found.distance)
    estimate = pdist(patterns.double(), "sqeuclidean") / 2
    exact = pdist(pass_through(network[:2], images).reshape(13, -1), distance)
    np.testing.assert_allclose(estimate, exact, rtol=0.1)
    assert spearmanr(estimate, exact)[0] > 0.999


def test_the_projection_follows_from_seed_and_width_alone(images, network):
    """Two layers of the same width, in different networks, beside other layers."""
    double = nn.Sequential(nn.Identity(), *network)
    row = np.arange(13)
    one = record_layers(network, {"a": network[1]}, images, row, CPU, max_units=50, seed=1)
    two = record_layers(
        double, {"x": double[1], "y": double[2]}, images, row, CPU, max_units=50, seed=1
    )
    assert torch.equal(one["a"].features, two["y"].features)
    other = record_layers(network, {"a": network[1]}, images, row, CPU, max_units=50, seed=2)
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
    found = record_layers(flat, {"relu": flat[1]}, images, row, CPU, max_units=max_units)["relu"]
    patterns = calc_patterns(found.features, found.distance)
    np.testing.assert_array_equal(patterns.isnan().all(dim=1), np.arange(12) == 2)
    assert not patterns[np.arange(12) != 2].isnan().any()


@pytest.mark.parametrize("max_units", [4, None])
def test_a_row_without_stimuli_is_not_defined(images, network, layers, max_units):
    row = np.arange(13)
    row[7:] += 1
    found = record_layers(network, layers, images, row, CPU, max_units=max_units)
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
    found = record_layers(tokens, layers, images, np.arange(13), CPU, spatial_mean=True)
    maps = pass_through(network[:3], images)
    np.testing.assert_allclose(found["map"].features, maps.mean(axis=(2, 3)), atol=1e-5)
    np.testing.assert_allclose(found["tokens"].features, maps.mean(axis=(2, 3)), atol=1e-5)
    expected = maps.transpose(0, 2, 3, 1).reshape(13, -1)
    np.testing.assert_allclose(found["flat"].features, expected, rtol=1e-5, atol=1e-5)


def test_auto_is_the_width_for_so_many_rows(images, network, layers, monkeypatch):
    found = record_layers(network, layers, images, OBJECTS, CPU)
    assert not any(layer.projected for layer in found.values())
    assert choose_width(OBJECTS.max() + 1) >= 392
    monkeypatch.setattr("tgas_neuro.scoring.projection.LEAST_WIDTH", 30)
    monkeypatch.setattr("tgas_neuro.scoring.projection.MOST_VALUES", 5 * 60)
    found = record_layers(network, layers, images, OBJECTS, CPU)
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
        record_layers(network, layers, images, OBJECTS, CPU, **arguments)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def test_a_layer_that_puts_out_no_tensor_is_named(images):
    pair = Pair()
    with pytest.raises(UserError, match="layer 'pair' puts out a tuple, not a tensor"):
        record_layers(pair, {"pair": pair}, images, np.arange(13), CPU)
