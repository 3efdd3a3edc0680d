"""The parts of a step: RMSprop, the moving average of the weights, the running statistics."""

import copy
import itertools

import numpy as np
import pytest
import torch
from support.final_settings import build_settings
from torch import nn

from tgas_neuro.final.launch.processes import Group
from tgas_neuro.final.training.step import RunningStatistics, build_average, build_optimizer

ALONE = Group(0, 1, torch.device("cpu"))
RMSPROP = build_settings(optimizer="rmsprop", learning_rate=0.1, momentum=0.9, weight_decay=0.01)


def test_rmsprop_follows_its_formula():
    """Oracle: TensorFlow's documented update, in numpy."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Linear(3, 2, dtype=torch.float64)
    optimizer = build_optimizer(network, RMSPROP)
    weight = network.weight.detach().numpy().copy()
    bias = network.bias.detach().numpy().copy()
    state = {"weight": (np.ones((2, 3)), np.zeros((2, 3))), "bias": (np.ones(2), np.zeros(2))}
    current = {"weight": weight, "bias": bias}
    for step in range(5):
        rate = 0.1 / (step + 1)
        for group in optimizer.param_groups:
            group["lr"] = rate
        for name, value in network.named_parameters():
            value.grad = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            decay = 0.01 if name == "weight" else 0.0
            gradient = value.grad.numpy() + decay * current[name]
            square, move = state[name]
            square = 0.9 * square + 0.1 * gradient**2
            move = 0.9 * move + rate * gradient / np.sqrt(square + 1.0)
            state[name] = square, move
            current[name] = current[name] - move
        optimizer.step()
    np.testing.assert_allclose(network.weight.detach().numpy(), current["weight"], rtol=1e-12)
    np.testing.assert_allclose(network.bias.detach().numpy(), current["bias"], rtol=1e-12)


def test_gradients_are_left_as_they_are():
    network = nn.Linear(3, 2)
    optimizer = build_optimizer(network, RMSPROP)
    gradient = torch.ones(2, 3)
    network.weight.grad = gradient
    optimizer.step()
    assert torch.equal(gradient, torch.ones(2, 3))


def test_state_of_the_optimizer_comes_back():
    networks = [nn.Linear(3, 2) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    one, two = (build_optimizer(network, RMSPROP) for network in networks)
    for network in networks:
        network.weight.grad = torch.full((2, 3), 0.5)
    one.step()
    networks[1].load_state_dict(networks[0].state_dict())
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for optimizer in (one, two):
        optimizer.step()
    assert torch.equal(networks[0].weight, networks[1].weight)


def test_weight_decay_spares_biases_and_batch_norm():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    optimizer = build_optimizer(
        network, build_settings(optimizer="sgd", momentum=0.9, weight_decay=0.1)
    )
    decayed, spared = optimizer.param_groups
    assert [tuple(weight.shape) for weight in decayed["params"]] == [(4, 3, 3, 3), (2, 4)]
    assert [tuple(weight.shape) for weight in spared["params"]] == [(4,), (4,), (4,), (2,)]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0)


@pytest.fixture
def small():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_average_follows_the_formula_in_weights_and_running_statistics(small):
    """Oracle: the recursion in float64, of every value that has a fraction."""
    average = build_average(small, 0.6)
    generator = torch.Generator().manual_seed(0)
    expected = {key: v.double().numpy() for key, v in small.state_dict().items()}
    for step in range(1, 8):
        for value in small.state_dict().values():
            if value.is_floating_point():
                value.normal_(generator=generator)
            else:
                value.add_(1)
        average.update_parameters(small)
        decay = min(0.6, step / (step + 9))
        for key, value in small.state_dict().items():
            current = value.double().numpy()
            counts = not value.is_floating_point()
            expected[key] = current if counts else decay * expected[key] + (1 - decay) * current
    for key, value in average.module.state_dict().items():
        np.testing.assert_allclose(value.double().numpy(), expected[key], rtol=1e-5, atol=1e-6)


def test_average_is_another_network_that_does_not_learn(small):
    average = build_average(small, 0.9)
    assert not average.module.training
    assert not any(value.requires_grad for value in average.module.parameters())
    before = {key: value.clone() for key, value in average.module.state_dict().items()}
    with torch.no_grad():
        small[0].weight.add_(1)
    assert all(torch.equal(v, before[k]) for k, v in average.module.state_dict().items())


def test_average_goes_on_from_its_state(small):
    one, two = build_average(small, 0.9), build_average(small, 0.9)
    with torch.no_grad():
        small[0].weight.add_(1)
    one.update_parameters(small)
    two.load_state_dict(one.state_dict())
    with torch.no_grad():
        small[0].weight.mul_(2)
    for average in (one, two):
        average.update_parameters(small)
    assert torch.equal(one.module[0].weight, two.module[0].weight)
    assert one.n_averaged == two.n_averaged == 3


def take_step(network, batches, statistics):
    statistics.begin_step()
    for batch in batches:
        network(batch)
        statistics.end_micro_batch()
    statistics.end_step()


@pytest.fixture
def batches():
    return list(torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0)))


def test_moves_by_the_mean_of_the_batches_statistics(batches):
    """Oracle: the formula of batch normalisation with the means of means and variances."""
    network = nn.BatchNorm1d(4, momentum=0.3)
    statistics = RunningStatistics(network, len(batches), ALONE)
    mean, variance = torch.zeros(4), torch.ones(4)
    for step in range(1, 4):
        take_step(network, batches, statistics)
        mean = 0.7 * mean + 0.3 * torch.stack([b.mean(0) for b in batches]).mean(0)
        variance = 0.7 * variance + 0.3 * torch.stack([b.var(0) for b in batches]).mean(0)
        torch.testing.assert_close(network.running_mean, mean)
        torch.testing.assert_close(network.running_var, variance)
        assert int(network.num_batches_tracked) == step


def test_order_of_micro_batches_does_not_matter(batches):
    found = []
    for order in itertools.permutations(batches):
        network = nn.BatchNorm1d(4)
        take_step(network, order, RunningStatistics(network, len(batches), ALONE))
        found.append(network.running_mean.clone())
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-6, atol=1e-7)


def test_one_micro_batch_is_left_to_batch_normalisation(batches):
    network, plain = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    statistics = RunningStatistics(network, 1, ALONE)
    for batch in batches:
        take_step(network, [batch], statistics)
        plain(batch)
    for key, value in plain.state_dict().items():
        assert torch.equal(network.state_dict()[key], value)


def test_counts_go_on_from_what_was_loaded(batches):
    network = nn.BatchNorm1d(4)
    network.num_batches_tracked.fill_(7)
    take_step(network, batches, RunningStatistics(network, len(batches), ALONE))
    assert int(network.num_batches_tracked) == 8


def test_a_network_without_batch_normalisation(batches):
    network = nn.Linear(4, 2)
    take_step(network, batches, RunningStatistics(network, len(batches), ALONE))
