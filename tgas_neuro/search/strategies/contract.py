"""What a strategy promises: proposals that follow from the history and a generator alone."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.search.history import Entry


class Strategy(Protocol):
    """Proposes genotypes; replayed from the history, so that nothing hidden survives a crash.

    A strategy is built as ``Strategy(space, seed, **options)`` once per generation; `seed` is the
    search's, for what must be the same at every replay. It has no state of its own that could
    change a proposal. When it is asked, some generations before may still be in flight (`pending`).
    """

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes, a pure function of its arguments.

        They may equal one another, or one that is known: `propose_generation` draws again.

        Parameters
        ----------
        history
            All finished candidates that may be known, in order; empty at first. The reward of a
            failed one is None, and `history` may hold nothing but failures. Genotypes of other
            spaces (of runs that are reused) and partial ones may be among them: a strategy
            passes over what it has no use for.
        pending
            Proposals whose candidates are not in `history` yet.
        n
            How many, at least 1.
        rng
            The only source of randomness.
        """
        ...
