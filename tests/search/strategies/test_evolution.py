"""Regularized evolution: tournaments, ageing and its options by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from support.simulated_search import SEARCHED, build, build_entry

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.strategies import EvolutionOptions
from tgas_neuro.runtime.errors import UserError

SPACE = SEARCHED["nasbench201"]


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(n)]


def count_changes(one, other):
    return sum(a != b for a, b in zip(one.operations, other.operations, strict=True))


def test_the_oldest_dies_not_the_worst():
    """Of five, a population of three keeps the last three; the best of all is dead."""
    rewards = (9.0, 8.0, 1.0, 3.0, 2.0)
    history = [build_entry(k, g, rewards[k]) for k, g in enumerate(draw(5))]
    strategy = build("evolution", SPACE, population=3, sample=3)
    counts = np.zeros(5)
    for mutant in strategy.propose(history, [], 200, np.random.default_rng(0)):
        near = [k for k in range(5) if count_changes(mutant, history[k].genotype) == 1]
        if len(near) == 1:  # of whom it was born for sure
            counts[near[0]] += 1
    assert counts.sum() > 150
    assert counts[:2].sum() == 0
    # the best of those alive wins most tournaments, the worst one in 27
    assert counts[3] > counts[4] > counts[2] > 0


@given(st.integers(1, 6), st.integers(0, 5))
def test_tournaments_win_as_often_as_they_should(sample, seed):
    """Of P the k-th worst wins with (k/P)^S - ((k-1)/P)^S, drawn with replacement."""
    alive = [build_entry(k, g, float(k)) for k, g in enumerate(draw(6))]
    strategy = build("evolution", SPACE, population=6, sample=sample)
    rng = np.random.default_rng(seed)
    wins = np.bincount(
        [int(strategy.choose_parent(alive, rng).reward) for _ in range(3000)], minlength=6
    )
    share = (np.arange(1, 7) / 6) ** sample
    assert chisquare(wins, 3000 * np.diff(share, prepend=0)).pvalue > 1e-4


def test_the_older_of_equals_wins():
    alive = [build_entry(k, g, 1.0) for k, g in enumerate(draw(2))]
    strategy = build("evolution", SPACE, population=2, sample=2)
    rng = np.random.default_rng(0)
    found = [strategy.choose_parent(alive, rng).id for _ in range(400)]
    assert 0.68 < found.count("g000_c00") / 400 < 0.82  # 3/4


def test_the_first_are_random_and_pending_ones_count():
    history, pending = [build_entry(0, draw(1)[0], 1.0)], draw(2, seed=1)
    strategy = build("evolution", SPACE, population=5, sample=1)
    draws = build("evolution", SPACE, population=1000, sample=1)
    found = strategy.propose(history, pending, 4, np.random.default_rng(0))
    random = draws.propose(history, pending, 4, np.random.default_rng(0))
    assert found[:2] == random[:2]  # born: 1 + 2 + 2
    parent = history[0].genotype
    assert [count_changes(genotype, parent) for genotype in found[2:]] == [1, 1]


def test_failures_and_duplicates_are_no_part_of_the_population():
    one, two, three = draw(3)
    history = [
        build_entry(0, one, 1.0),
        build_entry(1, two, 2.0),
        build_entry(2, three, None, "timeout"),
        build_entry(3, one, 1.0, "duplicate", "g000_c00"),
    ]
    strategy = build("evolution", SPACE, population=2, sample=2)
    assert strategy.propose(history, [], 9, np.random.default_rng(0)) == strategy.propose(
        history[:2], [], 9, np.random.default_rng(0)
    )
    # only failures: nobody to mutate
    found = strategy.propose(history[2:3], draw(9), 3, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    assert found == [SPACE.sample(rng) for _ in range(3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 1}, "search.evolution.population: 1 is too small; the least allowed is 2"),
        ({"sample": 0}, "search.evolution.sample: 0 is too small; the least allowed is 1"),
        ({"sample": 2.5}, "search.evolution.sample: expected a whole number, got 2.5"),
        ({"sample": 21}, "search.evolution.sample: 21 is more than the population of 20; lower"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        check_section(EvolutionOptions, options, "config.yaml", ["search", "evolution"])
