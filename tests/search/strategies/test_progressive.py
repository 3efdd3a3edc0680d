"""Progressive search: growth by hand, the beam, the surrogate, and budgets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from support.simulated_search import SEARCHED, HiddenReward, build, build_entry, run_search

from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.search import Search
from tgas_neuro.config.strategies import ProgressiveOptions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.strategies import build_strategy, check_search
from tgas_neuro.search.strategies.progressive import rank_candidates

CELL = SPACES["cell"](blocks=3)


def propose(strategy, history, n, pending=(), seed=0):
    return strategy.propose(history, list(pending), n, np.random.default_rng(seed))


def list_stages(genotypes, space=CELL):
    return [space.get_stage(genotype) for genotype in genotypes]


def read(cell, block):
    return cell.normal.blocks[block]


def test_growth_by_hand():
    """Stage 1 by chance; the best two of it grow; then the best of stage 2; then it stays."""
    strategy = build("progressive", CELL, beam=2, candidates_per_stage=4)
    first = propose(strategy, [], 4)
    assert list_stages(first) == [1] * 4
    history = [
        build_entry(k, g, r) for k, (g, r) in enumerate(zip(first, (1, 4, 3, 2), strict=True))
    ]
    second = propose(strategy, history, 4)
    assert list_stages(second) == [2] * 4
    beam = {first[1].canonical(), first[2].canonical()}
    for genotype in second:
        # one of the two blocks is the parent's
        assert any(grown.hash == genotype.hash for parent in beam for grown in CELL.grow(parent))
    history += [build_entry(4 + k, g, float(k)) for k, g in enumerate(second)]
    third = propose(strategy, history, 6)
    assert list_stages(third) == [3] * 6
    grown = {g.hash for parent in second[2:] for g in CELL.grow(parent)}
    assert {genotype.hash for genotype in third} <= grown
    history += [build_entry(8 + k, g, 9.0 + k) for k, g in enumerate(third)]
    near = grown | {g.hash for parent in third[4:] for g in CELL.neighbours(parent)}
    later = propose(strategy, history, 20)
    assert {genotype.hash for genotype in later} <= near - {g.hash for g in third}


def test_the_surrogate_chooses_the_expansions():
    """Rewards say that one operation is good: what is grown has as much of it as possible."""
    strategy = build("progressive", CELL, beam=3, candidates_per_stage=40)
    cells = list(CELL.grow(None))
    rewards = [float(sum(op == "identity" for op in read(g, 0).operations)) for g in cells]
    history = [build_entry(k, g, r) for k, (g, r) in enumerate(zip(cells, rewards, strict=True))]
    parents = {g.hash for g, r in zip(cells, rewards, strict=True) if r == 2}
    assert len(parents) == 3  # of inputs (0, 0), (0, 1), (1, 1)
    code = np.mean([CELL.encode(g) for g in propose(strategy, history, 20)], axis=0)
    names = [f"{name}={v}" for name, size in CELL.choices().items() for v in range(size)]
    share = dict(zip(names, code, strict=True))
    assert share["block0.operation1=4"] == share["block0.operation2=4"] == 1.0


def test_a_generation_larger_than_a_stage_runs_ahead():
    strategy = build("progressive", CELL, candidates_per_stage=3)
    assert list_stages(propose(strategy, [], 8)) == [1] * 3 + [2] * 3 + [3] * 2


@settings(max_examples=12)
@given(st.integers(0, 12), st.integers(1, 5), st.integers(0, 3))
def test_stages_advance_by_numbers_of_proposals(n_pending, n, seed):
    """However they are cut into generations, finished or in flight, failed or not."""
    strategy = build("progressive", CELL, beam=2, candidates_per_stage=4, expansions=30)
    rng = np.random.default_rng(seed)
    history, pending, stages = [], [], []
    while len(stages) < 12:
        found = propose(strategy, history, n, pending, seed)
        stages += list_stages(found)
        pending += found
        while len(pending) > n_pending:
            reward = None if rng.random() < 0.5 else rng.random()
            history.append(build_entry(len(history), pending.pop(0), reward))
    assert stages[:12] == [1] * 4 + [2] * 4 + [3] * 4


def test_failures_are_grown_only_while_nothing_has_a_reward():
    strategy = build("progressive", CELL, beam=3, candidates_per_stage=3)
    first = propose(strategy, [], 3)
    grown = [{g.hash for g in CELL.grow(parent)} for parent in first]
    history = [build_entry(k, g, None, "timeout") for k, g in enumerate(first)]
    assert all(any(g.hash in one for one in grown) for g in propose(strategy, history, 3))
    history[1] = build_entry(1, first[1], 0.5)
    assert all(g.hash in grown[1] for g in propose(strategy, history, 3))


def test_all_of_a_small_stage_then_the_next():
    """NAS-Bench-201 has 5 topologies of stage 1, so that the sixth is of stage 2."""
    space = SEARCHED["nasbench201"]
    strategy = build("progressive", space, candidates_per_stage=20)
    found = propose(strategy, [], 12)
    assert list_stages(found, space) == [1] * 5 + [2] * 7
    assert len({genotype.hash for genotype in found}) == 12


def test_the_answer_is_a_full_size_cell():
    _, history = run_search("progressive", CELL, 0, 60, candidates_per_stage=10)
    best = max((e for e in history if e.complete), key=lambda entry: entry.reward)
    assert len(best.genotype.normal.blocks) == 3
    assert list_stages(e.genotype for e in history) == [1] * 10 + [2] * 10 + [3] * 40


@pytest.mark.parametrize(("candidates", "needed"), [(2, 13), (3, None)])
def test_a_search_too_short_is_refused(candidates, needed):
    """Five blocks, three candidates for each of stages 1 to 4: the thirteenth is complete."""
    search = Search(
        strategy="progressive",
        progressive={"candidates_per_stage": 3},
        generations=5,
        candidates=candidates,
    )
    if needed is None:
        check_search(search)
        assert 5 in list_stages(propose(build_strategy(search), [], 15), SPACES["cell"]())
    else:
        with pytest.raises(
            UserError, match=r"10 candidates .* stay partial, as 3 go to each of 4 .* at least 13"
        ):
            check_search(search)


def test_in_spaces_without_partial_networks_no_search_is_too_short():
    for space in ("nasbench201", "chain"):
        build("progressive", SPACES[space](), candidates_per_stage=100).check_budget(1)
    build("progressive", SPACES["cell"](blocks=1), candidates_per_stage=100).check_budget(1)
    # stage 1 has but 136 cells
    strategy = build("progressive", SPACES["cell"](blocks=2), candidates_per_stage=500)
    strategy.check_budget(137)
    with pytest.raises(UserError, match="at least 137"):
        strategy.check_budget(136)


def test_the_surrogate_is_ridge_regression_with_the_evidences_strength():
    """With its own precisions, the ranking is that of ridge regression in closed form."""
    from sklearn.linear_model import BayesianRidge

    rng = np.random.default_rng(0)
    codes, new = rng.integers(0, 2, (60, 12)).astype(np.float32), rng.normal(size=(30, 12))
    rewards = codes @ rng.normal(size=12) + 0.3 * rng.normal(size=60)
    fitted = BayesianRidge().fit(codes.astype(float), rewards)
    centred = codes - codes.mean(axis=0)
    strength = fitted.lambda_ / fitted.alpha_ * np.eye(12)
    moments = centred.T @ (rewards - rewards.mean())
    weights = np.linalg.solve(centred.T @ centred + strength, moments)
    np.testing.assert_array_equal(rank_candidates(codes, rewards, new), np.argsort(-new @ weights))


def test_the_surrogate_learns_across_stages():
    """From 60 cells of one and two blocks it ranks cells of three, on a noisy additive reward."""
    rng, scores = np.random.default_rng(0), []
    for seed in range(5):
        reward = HiddenReward.draw(CELL, np.random.default_rng(seed))
        ones = list(CELL.grow(None))
        twos = [rng.choice(list(CELL.grow(ones[rng.integers(136)]))) for _ in range(40)]
        known = [*twos, *(ones[k] for k in rng.permutation(136)[:20])]
        new = [next(iter(CELL.grow(two))) for two in twos]
        order = rank_candidates(
            np.stack([CELL.encode(g) for g in known]),
            [reward(g) + 0.5 * rng.normal() for g in known],
            np.stack([CELL.encode(g) for g in new]),
        )
        scores.append(spearmanr(-np.argsort(order), [reward(g) for g in new]).statistic)
    assert np.mean(scores) > 0.5


def test_one_network_and_equal_rewards():
    np.testing.assert_array_equal(rank_candidates(np.ones((1, 3)), [0.5], np.eye(3)), [0, 1, 2])
    np.testing.assert_array_equal(rank_candidates(np.eye(3), [0.5] * 3, np.eye(3)), [0, 1, 2])


@pytest.mark.parametrize("option", ["beam", "candidates_per_stage", "expansions"])
def test_options_are_checked(option):
    message = f"search.progressive.{option}: 0 is too small; the least allowed is 1"
    with pytest.raises(UserError, match=message):
        check_section(ProgressiveOptions, {option: 0}, "config.yaml", ["search", "progressive"])
