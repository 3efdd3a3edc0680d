"""One conformance class over every strategy, and that a guided one learns."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from tgas_neuro.architecture.space import SPACES
from tgas_neuro.search.history import Entry
from tgas_neuro.search.proposals import MAX_REDRAWS, propose_generation
from tgas_neuro.search.strategies import STRATEGIES

SPACE = SPACES["cell"](blocks=5)
STATES = ("diverged", "oversized", "out_of_memory", "timeout", "crashed")


def build_entry(number, genotype, reward, state="ok", original=None):
    return Entry(
        id=f"g000_c{number:02d}",
        genotype=genotype,
        hash=genotype.hash,
        state=state,
        original=original,
        P=reward,
        TG=None if reward is None else 0.0,
        regions=None if reward is None else {"IT": 0.0},
        reward=reward,
        params=1,
        macs=1,
    )


def draw_history(n, seed=0, failures=True):
    rng = np.random.default_rng(seed)
    entries = []
    for number in range(n):
        failed = failures and number % 4 == 3
        state = STATES[number % len(STATES)] if failed else "ok"
        reward = None if failed else float(rng.random())
        entries.append(build_entry(number, SPACE.sample(rng), reward, state))
    return entries


def propose_hashes(strategy, seed):
    """What another process proposes for the same arguments."""
    history = draw_history(20)
    pending = [SPACE.sample(np.random.default_rng(5))]
    rng = np.random.default_rng(seed)
    return [
        genotype.hash for genotype in STRATEGIES[strategy](SPACE).propose(history, pending, 4, rng)
    ]


@pytest.mark.parametrize("name", STRATEGIES)
class TestEveryStrategy:
    def test_proposals_are_valid(self, name):
        for history in ([], draw_history(3), draw_history(25)):
            found = STRATEGIES[name](SPACE).propose(history, [], 3, np.random.default_rng(0))
            assert len(found) == 3
            for genotype in found:
                SPACE.validate(genotype)

    def test_copes_with_nothing_but_failures(self, name):
        rng = np.random.default_rng(1)
        history = [build_entry(k, SPACE.sample(rng), None, STATES[k % 5]) for k in range(15)]
        assert len(STRATEGIES[name](SPACE).propose(history, [], 2, rng)) == 2

    def test_is_a_pure_function(self, name):
        first, second = propose_hashes(name, 3), propose_hashes(name, 3)
        assert first == second
        assert propose_hashes(name, 4) != first

    def test_same_proposals_in_another_process(self, name):
        code = (
            "import json, sys; sys.path.insert(0, sys.argv[1]);"
            "from test_strategies import propose_hashes;"
            "print(json.dumps(propose_hashes(sys.argv[2], 3)))"
        )
        folder = __file__.rpartition("/")[0]
        found = subprocess.run(
            [sys.executable, "-c", code, folder, name], capture_output=True, text=True, check=True
        )
        assert json.loads(found.stdout) == propose_hashes(name, 3)

    def test_does_not_touch_the_global_generators(self, name):
        np.random.seed(0)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        propose_hashes(name, 0)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    def test_generations_hold_no_equal_networks(self, name):
        small = SPACES["cell"](blocks=1)
        strategy = STRATEGIES[name](small)
        rng = np.random.default_rng(2)
        pending = [small.sample(rng) for _ in range(4)]
        proposals = propose_generation(strategy, [], pending, 12, rng)
        hashes = [proposal.genotype.hash for proposal in proposals]
        assert len(set(hashes)) == 12
        assert not set(hashes) & {genotype.hash for genotype in pending}


def test_a_finished_network_is_named_and_not_trained_again():
    rng = np.random.default_rng(0)
    small = SPACES["cell"](blocks=1)
    history = [build_entry(k, small.sample(rng), 0.5) for k in range(200)]
    first = {}
    for entry in history:
        first.setdefault(entry.hash, entry.id)
    proposals = propose_generation(STRATEGIES["random"](small), history, [], 50, rng)
    known = [proposal for proposal in proposals if proposal.genotype.hash in first]
    assert len(known) > 10
    for proposal in proposals:
        assert proposal.original == first.get(proposal.genotype.hash)


def test_redraws_are_bounded_and_counted():
    class Stubborn:
        calls = 0

        def propose(self, history, pending, n, rng):
            Stubborn.calls += 1
            return [SPACE.sample(np.random.default_rng(7))] * n

    proposals = propose_generation(Stubborn(), [], [], 2, np.random.default_rng(0))
    assert [proposal.redraws for proposal in proposals] == [0, MAX_REDRAWS]
    assert Stubborn.calls == 1 + MAX_REDRAWS


def calc_hidden_reward(genotype, weights):
    values = SPACE.to_choices(genotype)
    return sum(weights[name][value] for name, value in values.items())


def search(name, seed, weights, evaluations=150):
    """Noise-free reward of the pick after so many noisy evaluations, 10 a generation."""
    strategy, history = STRATEGIES[name](SPACE), []
    noise = np.random.default_rng([seed, 1])
    for generation in range(evaluations // 10):
        rng = np.random.default_rng([seed, 2, generation])
        for genotype in strategy.propose(history, [], 10, rng):
            reward = calc_hidden_reward(genotype, weights) + 0.3 * noise.normal()
            history.append(build_entry(len(history), genotype, float(reward)))
    best = max(history, key=lambda entry: entry.reward)
    return calc_hidden_reward(best.genotype, weights)


def test_tpe_learns():
    """Better than random at equal budget on a hidden additive reward, 8 seeds, one-sided."""
    gains = []
    for seed in range(8):
        rng = np.random.default_rng([seed, 3])
        weights = {name: rng.normal(size=size) for name, size in SPACE.choices().items()}
        gains.append(search("tpe", seed, weights) - search("random", seed, weights))
    assert ttest_1samp(gains, 0, alternative="greater").pvalue < 0.01
