"""The policy: a proper distribution, gradients against finite differences, and what it learns."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from tgas_neuro.config.strategies import ReinforceOptions
from tgas_neuro.search.strategies.policy import Controller, Policy, calc_policy_loss

SIZES = (2, 3, 2)
ALL = torch.tensor(list(product(*map(range, SIZES))))


def build(sizes=SIZES, hidden=4, seed=0, scale=1.0):
    controller = Controller(sizes, hidden, torch.Generator().manual_seed(seed)).double()
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(scale)
    return controller


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 9))
def test_probabilities_of_all_sequences_sum_to_one(sizes, seed):
    controller = build(sizes, seed=seed, scale=20.0)
    every = torch.tensor(list(product(*map(range, sizes))))
    logs, entropies = controller.calc_log_probabilities(every)
    assert logs.exp().sum().item() == pytest.approx(1.0)
    # chain rule: the entropies met, weighted by how often they are met, are the joint entropy
    joint = -(logs.exp() * logs).sum().item()
    assert (logs.exp() * entropies).sum().item() == pytest.approx(joint, abs=1e-9)


def test_samples_come_as_often_as_they_are_probable():
    controller = build(scale=15.0)
    drawn = controller.sample(6000, np.random.default_rng(0))
    place = np.ravel_multi_index(tuple(drawn.T), SIZES)
    expected = controller.calc_log_probabilities(ALL)[0].exp().detach().numpy() * 6000
    assert expected.max() > 3 * expected.min()  # far from uniform
    assert chisquare(np.bincount(place, minlength=12), expected).pvalue > 1e-3


def test_samples_follow_the_generator_and_weights_the_seed():
    one, same, other = build(seed=1), build(seed=1), build(seed=2)
    torch.testing.assert_close(one.state_dict(), same.state_dict(), rtol=0, atol=0)
    assert not torch.equal(one.weight, other.weight)
    draws = [one.sample(5, np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_choices_of_one_value_are_certain():
    logs, entropies = build((1, 1)).calc_log_probabilities(torch.zeros(1, 2, dtype=torch.int64))
    assert (logs.item(), entropies.item()) == (0.0, 0.0)


@pytest.mark.parametrize("clip", [None, 0.2])
def test_gradient_of_the_loss_against_finite_differences(clip):
    controller = build(scale=5.0)
    values = ALL[[0, 5, 7, 11, 5]]
    advantages = torch.tensor([1.0, -0.5, 0.3, 2.0, -1.0], dtype=torch.float64)
    # before: probabilities a little different, so that some ratios are beyond the clip
    old = controller.calc_log_probabilities(values)[0].detach()
    old = old + torch.tensor([0.0, 0.5, -0.5, 0.1, -0.3], dtype=torch.float64)

    def loss():
        found = controller.calc_log_probabilities(values)
        return calc_policy_loss(*found, advantages, 0.1, old, clip)

    loss().backward()
    step, rng = 1e-6, np.random.default_rng(0)
    for parameter in controller.parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for i in rng.integers(len(flat), size=12):
            before = flat[i].item()
            ends = []
            for sign in (1, -1):
                flat[i] = before + sign * step
                ends.append(loss().item())
            flat[i] = before
            assert gradient[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)


def test_policy_gradient_is_that_of_the_expected_reward():
    """Over all sequences, weighted by probability, it is exact (Williams 1992)."""
    controller = build(scale=5.0)
    rewards = torch.tensor(np.random.default_rng(0).normal(size=12))
    logs, _ = controller.calc_log_probabilities(ALL)
    exact = torch.autograd.grad((logs.exp() * rewards).sum(), list(controller.parameters()))
    logs, entropies = controller.calc_log_probabilities(ALL)
    # any constant baseline; mean over 12 sequences, so that probabilities are weights of 12 p
    weighted = (rewards - 0.7) * logs.detach().exp() * 12
    loss = calc_policy_loss(logs, entropies, weighted, 0.0)
    estimate = torch.autograd.grad(-loss, list(controller.parameters()))
    torch.testing.assert_close(estimate, exact)


def test_clipped_surrogate_by_hand():
    logs = torch.log(torch.tensor([0.3, 0.3, 0.1, 0.1]))
    old = torch.log(torch.tensor([0.2, 0.2, 0.2, 0.2]))  # ratios 1.5, 1.5, 0.5, 0.5
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss = calc_policy_loss(logs, torch.zeros(4), advantages, 0.0, old, 0.2)
    # min(1.5, 1.2), min(-1.5, -1.2), min(0.5, 0.8), min(-0.5, -0.8)
    assert loss.item() == pytest.approx(-(1.2 - 1.5 + 0.5 - 0.8) / 4)
    bonus = calc_policy_loss(logs, torch.full((4,), 2.0), advantages, 0.1, old, 0.2)
    assert (loss - bonus).item() == pytest.approx(0.2)


OPTIONS = ReinforceOptions(hidden=8, learning_rate=0.05, entropy=0.0, baseline_decay=0.5)


def get_probability(policy, values):
    logs, _ = policy.controller.calc_log_probabilities(torch.tensor([values]))
    return logs.exp().item()


def test_baseline_and_advantages_by_hand():
    """Baseline: the first mean, 2; then half way to 6. Unit: all differences so far."""
    policy = Policy([2, 2], 0, OPTIONS)
    np.testing.assert_allclose(policy._calc_advantages(np.array([1.0, 3.0])), [-1.0, 1.0])
    found = policy._calc_advantages(np.array([4.0, 6.0, 8.0]))
    unit = ((1 + 1 + 4 + 16 + 36) / 5) ** 0.5
    np.testing.assert_allclose(found, np.array([2.0, 4.0, 6.0]) / unit)
    assert policy.baseline == 4.0
    np.testing.assert_array_equal(Policy([2], 0, OPTIONS)._calc_advantages(np.ones(3)), 0)


def test_one_step_is_adams_along_the_policy_gradient():
    """Adam's first step is the learning rate times the gradient's sign."""
    policy, before = Policy([2, 3], 0, OPTIONS), Policy([2, 3], 0, OPTIONS)
    values, rewards = np.array([[0, 2], [1, 1]]), [0.0, 1.0]
    policy.update(values, rewards)
    logs, _ = before.controller.calc_log_probabilities(torch.from_numpy(values))
    gain = (logs * torch.tensor([-1.0, 1.0])).mean()
    gradient = torch.autograd.grad(gain, before.controller.bias)[0]
    change = policy.controller.bias - before.controller.bias
    clear = gradient.abs() > 1e-4
    assert clear.sum() == 4
    torch.testing.assert_close(change[clear], 0.05 * gradient[clear].sign(), rtol=1e-3, atol=0)
    assert change[0, 2] == 0  # a value that the choice does not have


def test_the_better_sequence_becomes_certain():
    policy = Policy([2, 3], 0, OPTIONS)
    for _ in range(60):
        policy.update(np.array([[0, 2], [1, 1]]), [0.0, 1.0])
    assert get_probability(policy, [1, 1]) > 0.9


def test_without_differences_entropy_stays():
    policy = Policy([2, 3], 0, OPTIONS.model_copy(update={"entropy": 0.5}))
    for _ in range(60):
        policy.update(np.array([[0, 2], [1, 1]]), [1.0, 1.0])
    assert get_probability(policy, [1, 1]) == pytest.approx(1 / 6, abs=0.02)


def test_a_failure_stands_at_the_worst_reward():
    one, other = Policy([2, 3], 0, OPTIONS), Policy([2, 3], 0, OPTIONS)
    values = np.array([[0, 2], [1, 1], [0, 0]])
    one.update(values, [2.0, None, 1.0])
    other.update(values, [2.0, 1.0, 1.0])
    torch.testing.assert_close(one.controller.state_dict(), other.controller.state_dict())
    one.update(values, [None, None, 3.0])
    other.update(values, [1.0, 1.0, 3.0])
    torch.testing.assert_close(one.controller.state_dict(), other.controller.state_dict())


def test_nothing_is_learnt_before_there_is_a_reward():
    policy, fresh = Policy([2, 3], 0, OPTIONS), Policy([2, 3], 0, OPTIONS)
    policy.update(np.array([[0, 2], [1, 1]]), [None, None])
    torch.testing.assert_close(policy.controller.state_dict(), fresh.controller.state_dict())
    policy.update(np.array([[0, 2], [1, 1]]), [0.0, 1.0])
    assert not torch.equal(policy.controller.bias, fresh.controller.bias)
