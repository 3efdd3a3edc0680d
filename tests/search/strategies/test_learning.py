"""Guided strategies beat random search at equal budget on hidden rewards that can be learnt."""

import numpy as np
import pytest
from scipy.stats import ttest_rel
from support.simulated_search import SEARCHED, HiddenReward, run_search

GUIDED = ("tpe", "evolution", "reinforce", "progressive")


def compare(name, where, seeds, evaluations, **options):
    """One-sided p-value of the paired gain over random search, and both means."""
    space = SEARCHED[where]
    found = [run_search(name, space, seed, evaluations, **options)[0] for seed in range(seeds)]
    random = [run_search("random", space, seed, evaluations)[0] for seed in range(seeds)]
    p_value = ttest_rel(found, random, alternative="greater").pvalue
    print(f"{name} {where}: {np.mean(found):.2f}, random {np.mean(random):.2f}, p {p_value:.1e}")
    return p_value


@pytest.mark.slow
@pytest.mark.parametrize("where", ["cell", "nasbench201"])
@pytest.mark.parametrize("name", GUIDED)
def test_guided_strategies_learn(name, where):
    assert compare(name, where, 20, 1000 if name == "reinforce" else 300) < 0.01


SOON = {
    "tpe": (120, {}),
    "evolution": (200, {}),
    "reinforce": (400, {}),
    "progressive": (80, {"beam": 2}),
}


@pytest.mark.parametrize("name", GUIDED)
def test_guided_strategies_learn_soon(name):
    """The same with fewer seeds and evaluations, in the space that leaves more to gain."""
    evaluations, options = SOON[name]
    assert compare(name, "cell", 8, evaluations, **options) < 0.01


def test_the_hidden_reward_is_additive_and_the_same_for_equal_networks():
    space = SEARCHED["cell"]
    reward = HiddenReward.draw(space, np.random.default_rng(0))
    genotype = space.sample(np.random.default_rng(1))
    assert reward(genotype) == reward(genotype.canonical())
    assert reward(genotype) == pytest.approx(
        float(space.encode(genotype) @ np.concatenate(list(reward.weights.values())))
    )
