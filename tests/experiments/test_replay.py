"""Replayed searches: known truth, closed forms, and what a search of the package would do."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.config.premature import Probes
from tgas_neuro.config.search import Search
from tgas_neuro.experiments.measured import MeasuredCells
from tgas_neuro.experiments.replay import Guided, replay_search
from tgas_neuro.search.candidate.probe import is_probed
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, find_best
from tgas_neuro.search.rewards import rate_together

N = 240
WORTH = np.array([0.0, 0.5, 0.6, 1.0, 0.3])  # of operations


@pytest.fixture(scope="module")
def cells():
    space, rng = NASBench201Space(), np.random.default_rng(1)
    found = {}
    while len(found) < N:
        genotype = space.sample(rng)
        found[genotype.hash] = genotype
    return MeasuredCells(space, list(found.values()))


@pytest.fixture(scope="module")
def truth(cells):
    """The sum of what the operations are worth, and a little noise so that no two are equal."""
    values = [list(NASBench201Space().to_choices(one).values()) for one in cells.genotypes]
    return WORTH[np.array(values)].sum(axis=1) + np.random.default_rng(2).normal(0, 0.01, N)


def list_candidates(cells, P, TG, params=None):
    return [
        Entry(
            id="",
            genotype=genotype,
            hash=genotype.hash,
            state="ok",
            original=None,
            P=float(P[number]),
            TG=float(TG[number]),
            regions={"IT": float(TG[number])},
            regions_untrained={"IT": 0.0},
            reward=float(P[number]),
            params=1000 if params is None else int(params[number]),
            macs=1,
        )
        for number, genotype in enumerate(cells.genotypes)
    ]


def replay(cells, guided, strategy, seeds, budgets=(600,), candidates=5):
    searches = (
        Search(strategy=strategy, candidates=candidates, seed=seed) for seed in range(seeds)
    )
    return np.array([replay_search(cells, guided, search, budgets) for search in searches])


def test_random_searches_find_what_the_closed_form_says(cells, truth):
    guided = Guided(Rating("p"), list_candidates(cells, truth, truth), images=10)
    picks = replay(cells, guided, "random", 1000, (50, 300, 600))
    ranked = np.sort(truth)[::-1]
    for column, number in zip(picks.T, (5, 30, 60), strict=True):
        weights = [comb(N - k - 1, number - 1) for k in range(N)]
        expected = np.dot(ranked, weights) / comb(N, number)
        assert truth[column].mean() == pytest.approx(expected, abs=4 * truth.std() / 1000**0.5)


def test_a_search_ends_when_it_has_seen_all_cells(cells, truth):
    guided = Guided(Rating("p"), list_candidates(cells, truth, truth), images=10)
    search = Search(strategy="random", candidates=70, seed=0)
    assert replay_search(cells, guided, search, [10**9]) == [int(np.argmax(truth))]


@pytest.mark.parametrize("strategy", ["evolution", "tpe", "reinforce", "progressive"])
def test_strategies_that_learn_beat_random_search_where_p_is_the_truth(cells, truth, strategy):
    guided = Guided(Rating("p"), list_candidates(cells, truth, truth), images=10)
    guess = truth[replay(cells, guided, "random", 20)[:, 0]]
    found = truth[replay(cells, guided, strategy, 20)[:, 0]]
    gain = found - guess
    # reinforce learns least from 12 updates
    assert gain.mean() > (1 if strategy == "reinforce" else 3) * gain.std(ddof=1) / 20**0.5


def test_nothing_is_learned_from_a_p_that_is_noise(cells, truth):
    noise = np.random.default_rng(3).normal(size=N)
    guided = Guided(Rating("p"), list_candidates(cells, noise, noise), images=10)
    found = truth[replay(cells, guided, "evolution", 100)[:, 0]]
    assert found.mean() == pytest.approx(truth.mean(), abs=0.5 * truth.std())


def build_learning(cells, truth, share=0.5):
    rng = np.random.default_rng(4)
    TG, P, later = (truth + rng.normal(0, scale, N) for scale in (0.3, 3.0, 0.1))
    return Guided(
        Rating("learned"),
        list_candidates(cells, P, TG),
        images=10,
        probes=Probes(share=share, epochs=4),
        later=later,
        images_of_probe=30,
    )


def test_learned_is_what_rate_together_gives_of_what_was_paid_for(cells, truth):
    """One generation of random candidates, rated by hand for each budget."""
    guided = build_learning(cells, truth)
    budgets = [100, 400, 750, 1200]
    for seed in range(10):
        search = Search(strategy="random", candidates=60, seed=seed)
        picks = replay_search(cells, guided, search, budgets)
        order = list_order(cells, guided, search, budgets)
        entries, cost = [], []
        for place, number in enumerate(order):
            entry = replace(guided.entries[number], id=str(place))
            probed = is_probed(guided.probes, seed, entry.hash)
            if probed:
                entry = replace(entry, probe_accuracy=float(guided.later[number]))
            entries.append(entry)
            cost.append(40 if probed else 10)
        assert 10 < sum(entry.probe_accuracy is not None for entry in entries) < 50
        for budget, pick in zip(budgets, picks, strict=True):
            known = int(np.sum(np.cumsum(cost) <= budget))
            rated, _ = rate_together(entries[:known], guided.rating)
            assert pick == order[int(find_best(rated).id)]


def list_order(cells, guided, search, budgets):
    """The cells in the order in which a search sees them."""
    spy = Spy(guided)
    replay_search(cells, spy, search, budgets)
    return spy.numbers


class Spy:
    """A guidance that notes which cells are evaluated."""

    def __init__(self, guided):
        self.guided, self.rating, self.numbers = guided, guided.rating, []

    def evaluate(self, number, name, seed):
        self.numbers.append(number)
        return self.guided.evaluate(number, name, seed)


@pytest.mark.parametrize("strategy", ["random", "evolution", "tpe", "reinforce", "progressive"])
def test_no_cell_is_seen_twice_and_searches_repeat(cells, truth, strategy):
    guided = build_learning(cells, truth)
    search = Search(strategy=strategy, candidates=7, seed=3)
    order = list_order(cells, guided, search, [600])
    assert len(set(order)) == len(order) > 20
    assert order == list_order(cells, guided, search, [600])
    longer = list_order(cells, guided, search, [900])
    assert longer[: len(order)] == order and len(longer) > len(order)
    picks = replay_search(cells, guided, search, [300, 600])
    assert picks == replay_search(cells, guided, search, [300, 600])
    assert picks[0] in order


def test_failures_have_no_reward_and_are_paid_for(cells, truth):
    """A search whose candidates all failed returns its first; others never return a failure."""
    entries = list_candidates(cells, truth, truth)
    failed = [
        replace(one, state="diverged", P=None, TG=None, regions=None, reward=None)
        for one in entries
    ]
    search = Search(strategy="evolution", candidates=5, seed=0)
    guided = Guided(Rating("p"), failed, images=10)
    order = list_order(cells, guided, search, [200])
    assert len(order) == 20
    assert replay_search(cells, guided, search, [200]) == [order[0]]
    best_fail = [
        bad if value > np.median(truth) else good
        for good, bad, value in zip(entries, failed, truth, strict=True)
    ]
    guided = Guided(Rating("p"), best_fail, images=10)
    assert truth[replay(cells, guided, "evolution", 10, (200,))].max() <= np.median(truth)
