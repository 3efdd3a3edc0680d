"""One conformance class over every strategy and every space."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.simulated_search import (
    FAILURES,
    SEARCHED,
    build,
    build_entry,
    draw_history,
    propose_everywhere,
)

from tgas_neuro.config.search import Search
from tgas_neuro.search.generation import propose_generation
from tgas_neuro.search.strategies import STRATEGIES, build_strategy

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def elsewhere():
    """What another process proposes, with another hash seed, two threads, some time later."""
    code = (
        "import json, torch; torch.set_num_threads(2); from support.simulated_search import *;"
        "print(json.dumps(propose_everywhere()))"
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **threads, "PYTHONHASHSEED": "7", "PYTHONPATH": str(TESTS)},
    )
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def here():
    return propose_everywhere()


@pytest.mark.parametrize("where", SEARCHED)
@pytest.mark.parametrize("name", STRATEGIES)
class TestEveryStrategyInEverySpace:
    def test_proposals_are_of_the_space(self, name, where):
        space = SEARCHED[where]
        strategy = build(name, space)
        for history in ([], draw_history(space, 3), draw_history(space, 30)):
            for n in (1, 12):
                found = strategy.propose(history, [], n, np.random.default_rng(n))
                assert len(found) == n
                for genotype in found:
                    assert 1 <= space.get_stage(genotype) <= space.stages
                    if name != "progressive":
                        space.validate(genotype)

    def test_same_proposals_in_another_process(self, name, where, here, elsewhere):
        assert here[f"{name} {where}"] == elsewhere[f"{name} {where}"]

    def test_is_a_pure_function(self, name, where):
        space = SEARCHED[where]
        history, pending = draw_history(space, 20), [space.sample(np.random.default_rng(5))]
        before = copy.deepcopy((history, pending))
        strategy = build(name, space)
        one, same, other = (
            [g.hash for g in strategy.propose(history, pending, 4, np.random.default_rng(seed))]
            for seed in (3, 3, 4)
        )
        fresh = build(name, space).propose(history, pending, 4, np.random.default_rng(3))
        assert one == same == [genotype.hash for genotype in fresh]
        # the surrogate ranks alike, whatever is drawn
        assert name == "progressive" or other != one
        assert (history, pending) == before

    def test_draws_from_no_global_generator(self, name, where):
        space = SEARCHED[where]
        numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
        torch_before = torch.random.get_rng_state()
        build(name, space).propose(draw_history(space, 20), [], 2, np.random.default_rng(0))
        np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
        assert torch.equal(torch.random.get_rng_state(), torch_before)
        assert torch.get_num_threads() == 1

    @pytest.mark.parametrize("state", FAILURES)
    def test_copes_with_nothing_but_failures(self, name, where, state):
        space, rng = SEARCHED[where], np.random.default_rng(1)
        history = [build_entry(k, space.sample(rng), None, state) for k in range(12)]
        proposals = propose_generation(build(name, space), history, [], 2, rng)
        assert not {p.genotype.hash for p in proposals} & {entry.hash for entry in history}

    def test_passes_over_foreign_and_partial_genotypes(self, name, where):
        space, rng = SEARCHED[where], np.random.default_rng(2)
        foreign = SEARCHED["chain" if where != "chain" else "cell"]
        strange = [foreign.sample(rng), next(iter(space.grow(None)))]
        history = [build_entry(k, strange[k], float(k), generation=0) for k in range(2)]
        found = build(name, space).propose(history, strange, 3, rng)
        assert all(space.get_stage(genotype) is not None for genotype in found)

    def test_proposes_nothing_that_is_known_or_in_flight(self, name, where):
        space, rng = SEARCHED[where], np.random.default_rng(3)
        strategy, history = build(name, space), draw_history(space, 30)
        pending = [p.genotype for p in propose_generation(strategy, history, [], 5, rng)]
        proposals = propose_generation(strategy, history, pending, 5, rng)
        hashes = [proposal.genotype.hash for proposal in proposals]
        known = {entry.hash for entry in history} | {genotype.hash for genotype in pending}
        assert len(set(hashes)) == 5
        assert not set(hashes) & known
        assert all(proposal.original is None for proposal in proposals)

    def test_is_built_from_a_configuration(self, name, where):
        strategy = build_strategy(Search(strategy=name), SEARCHED[where])
        assert type(strategy) is type(build(name, SEARCHED[where]))
        assert strategy.space is SEARCHED[where]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_space_that_is_exhausted_ends_in_duplicates(name):
    """136 cells of one block: all are proposed, none of them twice, then none is new."""
    space, history, known = SEARCHED["cell"].__class__(blocks=1), [], {}
    strategy = build(name, space)
    for generation in range(15):
        rng = np.random.default_rng([0, generation])
        for k, proposal in enumerate(propose_generation(strategy, history, [], 10, rng)):
            state = {"state": "duplicate"} if proposal.original else {}
            entry = build_entry(
                k,
                proposal.genotype,
                float(int(proposal.genotype.hash, 16) % 97),
                original=proposal.original,
                generation=generation,
                **state,
            )
            if proposal.original is None:
                assert proposal.genotype.hash not in known
                known[proposal.genotype.hash] = entry.id
            assert known[proposal.genotype.hash] == (proposal.original or entry.id)
            history.append(entry)
    assert len(history) == 150
    # What a strategy that has settled cannot reach in 63 draws stays out.
    assert len(known) >= (136 if name in ("random", "progressive") else 120)


def test_the_light_rules_start_without_heavy_libraries():
    code = (
        "import sys; from tgas_neuro.config.search import Search;"
        "from tgas_neuro.search.strategies import STRATEGIES, build_strategy;"
        "[build_strategy(Search(strategy=name)) for name in STRATEGIES];"
        "print({'torch', 'optuna', 'sklearn'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
