"""TPE: optuna's tree-structured Parzen estimator, replayed from the history."""

from collections.abc import Sequence

import numpy as np

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.space import Space
from tgas_neuro.search.history import Entry, is_member
from tgas_neuro.search.strategies.seen import select_members


class TPEStrategy:
    """Models good and bad candidates by densities and proposes where their ratio is highest.

    Bergstra et al. 2011 (NeurIPS), as `optuna.samplers.TPESampler` has it. The study is built anew
    from the history each time. Pending proposals count as running trials with the constant liar,
    so that workers do not all try the same. A failed candidate has no reward; to the sampler it
    stands at the worst reward seen, so that it is steered away from. Duplicates say nothing new
    and are left out.

    Parameters
    ----------
    space
        Its categorical choices are the dimensions of the estimator.
    seed
        Plays no part: the sampler's seed is drawn from the call's generator.
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
        """Propose `n` genotypes (see the contract)."""
        # Here, because of optuna: the light rules start without it.
        from tgas_neuro.search.strategies.parzen import ask_study

        seen = select_members(self.space, history)
        worst = min((entry.reward for entry in seen if entry.reward is not None), default=0.0)
        asked = ask_study(
            self.space.choices(),
            finished=[
                (self.space.to_choices(entry.genotype), _rate(entry, worst)) for entry in seen
            ],
            running=[
                self.space.to_choices(genotype)
                for genotype in pending
                if is_member(self.space, genotype)
            ],
            n=n,
            seed=int(rng.integers(2**32)),
        )
        return [self.space.from_choices(choices) for choices in asked]


def _rate(entry: Entry, worst: float) -> float:
    return worst if entry.reward is None else entry.reward
