"""RMSprop as the papers' code computes it."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tgas_neuro.final.training.optimizers import build_optimizer
from tgas_neuro.runtime.errors import UserError

CONFIG = {"optimizer": "rmsprop", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01}


def test_rmsprop_follows_its_formula():
    """Oracle: TensorFlow's documented update, in numpy."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Linear(3, 2, dtype=torch.float64)
    optimizer = build_optimizer(network, CONFIG)
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
    optimizer = build_optimizer(network, CONFIG)
    gradient = torch.ones(2, 3)
    network.weight.grad = gradient
    optimizer.step()
    assert torch.equal(gradient, torch.ones(2, 3))


def test_state_comes_back():
    networks = [nn.Linear(3, 2) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    one, two = (build_optimizer(network, CONFIG) for network in networks)
    for network in networks:
        network.weight.grad = torch.full((2, 3), 0.5)
    one.step()
    networks[1].load_state_dict(networks[0].state_dict())
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for optimizer in (one, two):
        optimizer.step()
    assert torch.equal(networks[0].weight, networks[1].weight)


def test_unknown_optimizer():
    with pytest.raises(UserError, match=r"final\.optimizer: 'adam' is not one of: sgd, rmsprop"):
        build_optimizer(nn.Linear(1, 1), CONFIG | {"optimizer": "adam"})
