"""Proposals of one generation: what a strategy proposes, freed of what is known already."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.search.history import Entry
from tgas_neuro.search.strategies.contract import Strategy

# Each round asks twice as often for what is missing, so that a strategy replays the history seldom:
# up to 63 draws for one proposal. A small space may have nothing else left.
ROUNDS = 6


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
        Draws in its place that were thrown away, because they equalled a proposal in flight or
        a finished candidate.
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
        `n` of them. What equals a finished candidate or a proposal in flight is thrown away and
        drawn again, in at most `ROUNDS` rounds: a strategy that only repeats itself finds nothing.
        After that, as in a space without any other network, a finished candidate is proposed: it
        is named, and nothing is trained. Only where all draws equalled proposals in flight does
        one of them stand twice.
    """
    originals: dict[str, str] = {}
    for entry in history:
        originals.setdefault(entry.hash, entry.original or entry.id)
    in_flight = {genotype.hash: genotype for genotype in pending}
    accepted: dict[int, Genotype] = {}
    redraws = [0] * n
    finished: dict[str, Genotype] = {}
    missing = deque(range(n))
    for round_ in range(ROUNDS):
        if not missing:
            break
        taken = [*pending, *(accepted[place] for place in sorted(accepted))]
        for genotype in strategy.propose(history, taken, 2**round_ * len(missing), rng):
            place = missing.popleft()
            if genotype.hash not in originals and genotype.hash not in in_flight:
                in_flight[genotype.hash] = accepted[place] = genotype.canonical()
                if not missing:
                    break
                continue
            redraws[place] += 1
            missing.append(place)
            if genotype.hash in originals:
                finished.setdefault(genotype.hash, genotype.canonical())
    spare = cycle((finished or in_flight).values())
    accepted |= {place: next(spare) for place in sorted(missing)}
    return [
        Proposal(accepted[place], originals.get(accepted[place].hash), redraws[place])
        for place in range(n)
    ]
