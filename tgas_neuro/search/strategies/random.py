"""Random search: every proposal is an independent uniform draw from the space."""

from collections.abc import Sequence

import numpy as np

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.space import Space
from tgas_neuro.search.history import Entry


class RandomStrategy:
    """Uniform draws, the baseline that every guided strategy must beat.

    Parameters
    ----------
    space
        What is drawn from.
    seed
        Plays no part.
    """

    def __init__(self, space: Space, seed: int = 0):
        self.space = space

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes; history and pending ones play no part."""
        return [self.space.sample(rng) for _ in range(n)]
