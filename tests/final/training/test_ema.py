"""The moving average of the weights."""

import numpy as np
import pytest
import torch
from torch import nn

from tgas_neuro.final.training.ema import MovingAverage


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_follows_the_formula_in_weights_and_running_statistics(network):
    """Oracle: the recursion in float64, of every value that has a fraction."""
    average = MovingAverage(network, 0.6)
    generator = torch.Generator().manual_seed(0)
    expected = {key: v.double().numpy() for key, v in network.state_dict().items()}
    for step in range(1, 8):
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.normal_(generator=generator)
            else:
                value.add_(1)
        average.update()
        decay = min(0.6, step / (step + 9))
        for key, value in network.state_dict().items():
            current = value.double().numpy()
            counts = not value.is_floating_point()
            expected[key] = current if counts else decay * expected[key] + (1 - decay) * current
    for key, value in average.network.state_dict().items():
        np.testing.assert_allclose(value.double().numpy(), expected[key], rtol=1e-5, atol=1e-6)


def test_is_another_network_that_does_not_learn(network):
    average = MovingAverage(network, 0.9)
    assert not average.network.training
    assert not any(value.requires_grad for value in average.network.parameters())
    before = {key: value.clone() for key, value in average.network.state_dict().items()}
    with torch.no_grad():
        network[0].weight.add_(1)
    assert all(torch.equal(v, before[k]) for k, v in average.network.state_dict().items())


def test_goes_on_from_its_state(network):
    one, two = MovingAverage(network, 0.9), MovingAverage(network, 0.9)
    with torch.no_grad():
        network[0].weight.add_(1)
    one.update()
    two.load_state_dict(one.state_dict())
    with torch.no_grad():
        network[0].weight.mul_(2)
    for average in (one, two):
        average.update()
    assert torch.equal(one.network[0].weight, two.network[0].weight)
    assert one.steps == two.steps == 2
