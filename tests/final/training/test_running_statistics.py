"""Running statistics that do not depend on who computed which micro-batch."""

import itertools

import pytest
import torch
from torch import nn

from tgas_neuro.final.launch.distributed import Group
from tgas_neuro.final.training.running_statistics import RunningStatistics

ALONE = Group(0, 1, torch.device("cpu"))


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
