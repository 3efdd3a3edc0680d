"""REINFORCE: one update for each generation, and replays that are always the same."""

import numpy as np
import pytest
import torch
from support.simulated_search import SEARCHED, build, build_entry, draw_history

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.strategies import ReinforceOptions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.strategies.policy import Policy

SPACE = SEARCHED["nasbench201"]
OPTIONS = ReinforceOptions(hidden=8, learning_rate=0.01, entropy=0.0, baseline_decay=0.5)


def train(strategy, history):
    """Propose, and give the weights of the controller that did."""
    strategy.propose(history, [], 2, np.random.default_rng(0))
    return strategy._train(history).controller.state_dict()


@pytest.mark.parametrize("options", [{}, {"clip": 0.2, "passes": 3}])
def test_going_on_is_the_same_as_replaying(options):
    """A strategy asked along the way, back and forth, has the controller of a new one."""
    history = draw_history(SPACE, 60)
    strategy = build("reinforce", SPACE, 1, hidden=8, **options)
    weights = []
    for n in (0, 20, 20, 35, 60, 40):
        weights.append(
            {name: value.clone() for name, value in train(strategy, history[:n]).items()}
        )
        fresh = train(build("reinforce", SPACE, 1, hidden=8, **options), history[:n])
        torch.testing.assert_close(weights[-1], fresh, rtol=0, atol=0)
    assert not torch.equal(weights[3]["bias"], weights[4]["bias"])
    changed = [*history[:10], build_entry(0, history[10].genotype, 9.0, generation=1)]
    fresh = train(build("reinforce", SPACE, 1, hidden=8, **options), changed)
    torch.testing.assert_close(train(strategy, changed), fresh, rtol=0, atol=0)


def test_a_generation_is_one_update():
    rng = np.random.default_rng(0)
    entries = [build_entry(k % 3, SPACE.sample(rng), float(k), generation=k // 3) for k in range(9)]
    strategy = build("reinforce", SPACE, hidden=8)
    assert [len(group) for group in strategy._list_generations(entries)] == [3, 3, 3]
    policy = Policy([5] * 6, 0, OPTIONS)
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
    one, other = (train(build("reinforce", SPACE, seed), [])["bias"] for seed in (0, 1))
    assert not torch.equal(one, other)


def test_threads_are_given_back():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(build("reinforce", SPACE, hidden=8), draw_history(SPACE, 20))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "search.reinforce.hidden: 0 is too small; the least allowed is 1"),
        (
            {"learning_rate": 0},
            "search.reinforce.learning_rate: 0 is too small; it must be above 0",
        ),
        ({"entropy": -1}, "search.reinforce.entropy: -1 is too small; the least allowed is 0"),
        ({"baseline_decay": 1}, "baseline_decay: 1 is too large; it must be below 1"),
        ({"clip": "x"}, "search.reinforce.clip: expected a number or null, got 'x'"),
        ({"passes": 2}, "search.reinforce.passes: 2 needs search.reinforce.clip"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        check_section(ReinforceOptions, options, "config.yaml", ["search", "reinforce"])
