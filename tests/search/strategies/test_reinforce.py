"""REINFORCE: what a policy learns from, and that replays are the same however they are made."""

import numpy as np
import pytest
import torch
from support.simulated_search import SEARCHED, build_entry, draw_history

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.strategies.policy import Policy
from tgas_neuro.search.strategies.reinforce import ReinforceStrategy

SPACE = SEARCHED["nasbench201"]
OPTIONS = {
    "hidden": 8,
    "learning_rate": 0.05,
    "entropy": 0.0,
    "baseline_decay": 0.5,
    "clip": None,
    "passes": 1,
}


def get_probability(policy, values):
    logs, _ = policy.controller.calc_log_probabilities(torch.tensor([values]))
    return logs.exp().item()


def test_baseline_and_advantages_by_hand():
    """Baseline: the first mean, 2; then half way to 6. Unit: all differences so far."""
    policy = Policy([2, 2], 0, **OPTIONS)
    np.testing.assert_allclose(policy._calc_advantages(np.array([1.0, 3.0])), [-1.0, 1.0])
    found = policy._calc_advantages(np.array([4.0, 6.0, 8.0]))
    unit = ((1 + 1 + 4 + 16 + 36) / 5) ** 0.5
    np.testing.assert_allclose(found, np.array([2.0, 4.0, 6.0]) / unit)
    assert policy.baseline == 4.0
    np.testing.assert_array_equal(Policy([2], 0, **OPTIONS)._calc_advantages(np.ones(3)), 0)


def test_one_step_is_adams_along_the_policy_gradient():
    """Adam's first step is the learning rate times the gradient's sign."""
    policy, before = Policy([2, 3], 0, **OPTIONS), Policy([2, 3], 0, **OPTIONS)
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
    policy = Policy([2, 3], 0, **OPTIONS)
    for _ in range(60):
        policy.update(np.array([[0, 2], [1, 1]]), [0.0, 1.0])
    assert get_probability(policy, [1, 1]) > 0.9


def test_without_differences_entropy_stays():
    policy = Policy([2, 3], 0, **(OPTIONS | {"entropy": 0.5}))
    for _ in range(60):
        policy.update(np.array([[0, 2], [1, 1]]), [1.0, 1.0])
    assert get_probability(policy, [1, 1]) == pytest.approx(1 / 6, abs=0.02)


def test_a_failure_stands_at_the_worst_reward():
    one, other = Policy([2, 3], 0, **OPTIONS), Policy([2, 3], 0, **OPTIONS)
    values = np.array([[0, 2], [1, 1], [0, 0]])
    one.update(values, [2.0, None, 1.0])
    other.update(values, [2.0, 1.0, 1.0])
    torch.testing.assert_close(one.controller.state_dict(), other.controller.state_dict())
    one.update(values, [None, None, 3.0])
    other.update(values, [1.0, 1.0, 3.0])
    torch.testing.assert_close(one.controller.state_dict(), other.controller.state_dict())


def test_nothing_is_learnt_before_there_is_a_reward():
    policy, fresh = Policy([2, 3], 0, **OPTIONS), Policy([2, 3], 0, **OPTIONS)
    policy.update(np.array([[0, 2], [1, 1]]), [None, None])
    torch.testing.assert_close(policy.controller.state_dict(), fresh.controller.state_dict())
    policy.update(np.array([[0, 2], [1, 1]]), [0.0, 1.0])
    assert not torch.equal(policy.controller.bias, fresh.controller.bias)


def train(strategy, history):
    """Propose, and give the weights of the controller that did."""
    strategy.propose(history, [], 2, np.random.default_rng(0))
    return strategy._train(history).controller.state_dict()


@pytest.mark.parametrize("options", [{}, {"clip": 0.2, "passes": 3}])
def test_going_on_is_the_same_as_replaying(options):
    """A strategy asked along the way, back and forth, has the controller of a new one."""
    history = draw_history(SPACE, 60)
    strategy = ReinforceStrategy(SPACE, 1, hidden=8, **options)
    weights = []
    for n in (0, 20, 20, 35, 60, 40):
        weights.append(
            {name: value.clone() for name, value in train(strategy, history[:n]).items()}
        )
        fresh = train(ReinforceStrategy(SPACE, 1, hidden=8, **options), history[:n])
        torch.testing.assert_close(weights[-1], fresh, rtol=0, atol=0)
    assert not torch.equal(weights[3]["bias"], weights[4]["bias"])
    changed = [*history[:10], build_entry(0, history[10].genotype, 9.0, generation=1)]
    fresh = train(ReinforceStrategy(SPACE, 1, hidden=8, **options), changed)
    torch.testing.assert_close(train(strategy, changed), fresh, rtol=0, atol=0)


def test_a_generation_is_one_update():
    rng = np.random.default_rng(0)
    entries = [build_entry(k % 3, SPACE.sample(rng), float(k), generation=k // 3) for k in range(9)]
    strategy = ReinforceStrategy(SPACE, hidden=8)
    assert [len(group) for group in strategy._list_generations(entries)] == [3, 3, 3]
    policy = Policy([5] * 6, 0, **(OPTIONS | {"learning_rate": 0.01}))
    for start in (0, 3, 6):
        group = entries[start : start + 3]
        policy.update(strategy._read_choices(group), [entry.reward for entry in group])
    # the strategy's: its own seed, the same updates
    trained = strategy._train(entries)
    assert trained.baseline == pytest.approx(0.9 * (0.9 * 1 + 0.1 * 4) + 0.1 * 7)
    assert policy.baseline == pytest.approx(0.5 * (0.5 * 1 + 0.5 * 4) + 0.5 * 7)
    steps = trained.optimizer.state[trained.controller.bias]["step"]
    assert steps.item() == 3


def test_the_seed_changes_the_controller():
    one, other = (train(ReinforceStrategy(SPACE, seed), [])["bias"] for seed in (0, 1))
    assert not torch.equal(one, other)


def test_threads_are_given_back():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(ReinforceStrategy(SPACE, hidden=8), draw_history(SPACE, 20))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "search.reinforce.hidden: 0 is not an integer of at least 1"),
        ({"learning_rate": 0}, "search.reinforce.learning_rate: 0 is not a number above 0"),
        ({"entropy": -1}, "search.reinforce.entropy: -1 is not a number of at least 0"),
        ({"baseline_decay": 1}, "baseline_decay: 1 is not a number of at least 0 and below 1"),
        ({"clip": "x"}, "search.reinforce.clip: 'x' is not a number above 0 and below 1"),
        ({"passes": 2}, "search.reinforce.passes: 2 needs search.reinforce.clip"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        ReinforceStrategy(SPACE, **options)
