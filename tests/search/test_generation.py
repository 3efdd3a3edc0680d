"""Generations: nothing known is proposed while there is anything else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.simulated_search import SEARCHED, build_entry

from tgas_neuro.search.generation import ROUNDS, propose_generation

SPACE = SEARCHED["nasbench201"]


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    while len(found) < n:
        genotype = SPACE.sample(rng)
        found[genotype.hash] = genotype
    return list(found.values())


class Script:
    """Proposes a fixed sequence, the last one for ever."""

    def __init__(self, genotypes):
        self.genotypes, self.calls, self.drawn = list(genotypes), [], 0

    def propose(self, history, pending, n, rng):
        self.calls.append((n, [genotype.hash for genotype in pending]))
        found = []
        for _ in range(n):
            found.append(self.genotypes[min(self.drawn, len(self.genotypes) - 1)])
            self.drawn += 1
        return found


def propose(genotypes, n, history=(), pending=()):
    script = Script(genotypes)
    return script, propose_generation(script, history, pending, n, np.random.default_rng(0))


def test_redraws_by_hand():
    """Wanted are three; B is finished, C in flight: places 1 and 2 are drawn again."""
    A, B, C, D, E = draw(5)
    script, proposals = propose([A, B, C, A, D, E], 3, [build_entry(0, B, 0.5)], [C])
    assert [proposal.genotype for proposal in proposals] == [A, E, D]
    assert [proposal.redraws for proposal in proposals] == [0, 2, 1]
    assert [proposal.original for proposal in proposals] == [None] * 3
    assert script.calls == [(3, [C.hash]), (4, [C.hash, A.hash])]


def test_a_stubborn_strategy_ends_in_a_named_duplicate():
    A, B = draw(2)
    history = [build_entry(3, A, 0.5)]
    script, proposals = propose([B, A], 2, history)
    assert [(p.genotype, p.original) for p in proposals] == [(B, None), (A, "g000_c03")]
    assert [proposal.redraws for proposal in proposals] == [
        0,
        1 + sum(2**k for k in range(1, ROUNDS)),
    ]
    assert len(script.calls) == ROUNDS


def test_a_duplicate_names_the_first_original():
    A, B = draw(2)
    history = [build_entry(3, A, 0.5), build_entry(4, A, 0.5, "duplicate", "run-1/g000_c03")]
    _, proposals = propose([A], 1, history[1:])
    assert proposals[0].original == "run-1/g000_c03"
    _, proposals = propose([B, A], 2, history)
    assert proposals[1].original == "g000_c03"


def test_with_nothing_else_one_in_flight_stands_twice():
    (A,) = draw(1)
    _, proposals = propose([A], 3)
    assert [proposal.genotype for proposal in proposals] == [A] * 3
    assert proposals[0].redraws == 0
    assert all(proposal.redraws > 0 for proposal in proposals[1:])


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=60),
    st.sets(st.integers(0, 7), max_size=4),
    st.sets(st.integers(0, 7), max_size=4),
    st.integers(1, 6),
)
def test_invariants(sequence, finished, in_flight, n):
    """Draws are bounded, all those thrown away are counted, and what is new is taken first."""
    pool = draw(8)
    history = [build_entry(k, pool[k], 0.5) for k in sorted(finished)]
    pending = [pool[k] for k in sorted(in_flight - finished)]
    script, proposals = propose([pool[k] for k in sequence], n, history, pending)
    assert len(proposals) == n
    new = {p.genotype.hash for p in proposals if p.original is None}
    new -= {genotype.hash for genotype in pending}
    used = len(new) + sum(proposal.redraws for proposal in proposals)
    assert used <= script.drawn <= n * (2**ROUNDS - 1)
    names = {entry.hash: entry.id for entry in history}
    for proposal in proposals:
        assert proposal.original == names.get(proposal.genotype.hash)
    drawn = {pool[sequence[min(k, len(sequence) - 1)]].hash for k in range(script.drawn)}
    fresh = drawn - set(names) - {genotype.hash for genotype in pending}
    assert len(new & fresh) == min(len(fresh), n)


def test_the_canonical_genotype_is_proposed():
    cells = SEARCHED["cell"]
    rng = np.random.default_rng(0)
    genotypes = [cells.sample(rng) for _ in range(20)]
    moved = [genotype for genotype in genotypes if genotype.canonical() != genotype]
    assert moved
    _, proposals = propose(moved[:1], 1)
    assert proposals[0].genotype == moved[0].canonical()
