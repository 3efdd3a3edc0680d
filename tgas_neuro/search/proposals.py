"""Proposals of one generation: what a strategy proposes, freed of what is in flight already."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.search.history import Entry
from tgas_neuro.search.strategies.contract import Strategy

MAX_REDRAWS = 50  # for one proposal; a small space may have nothing else left


@dataclass(frozen=True)
class Proposal:
    """One proposed genotype.

    Attributes
    ----------
    genotype
        The canonical one, so that equal hashes are equal networks.
    original
        Id of the finished candidate that it equals, whose record is reused; else None.
    redraws
        How often it was drawn again because it equalled one in flight.
    """

    genotype: Genotype
    original: str | None
    redraws: int


def propose_generation(
    strategy: Strategy,
    history: Sequence[Entry],
    pending: Sequence[Genotype],
    n: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """Propose the candidates of one generation.

    Parameters
    ----------
    strategy
        See `Strategy`.
    history
        Finished candidates that the generation may know.
    pending
        Proposals of earlier generations that are still in flight.
    n
        Candidates of the generation.
    rng
        The only source of randomness.

    Returns
    -------
    proposals
        `n` of them. One that equals a finished candidate names it and will not be trained. One
        that equals a proposal in flight is drawn again, at most `MAX_REDRAWS` times.
    """
    originals = {}
    for entry in history:
        originals.setdefault(entry.hash, entry.original or entry.id)
    in_flight = {genotype.hash for genotype in pending}
    proposals: list[Proposal] = []
    for genotype in strategy.propose(history, pending, n, rng):
        redraws = 0
        while genotype.hash in in_flight and redraws < MAX_REDRAWS:
            redraws += 1
            taken = [*pending, *(proposal.genotype for proposal in proposals)]
            genotype = strategy.propose(history, taken, 1, rng)[0]
        in_flight.add(genotype.hash)
        proposals.append(Proposal(genotype.canonical(), originals.get(genotype.hash), redraws))
    return proposals
