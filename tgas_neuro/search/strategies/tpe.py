"""TPE: optuna's tree-structured Parzen estimator, replayed from the history."""

from collections.abc import Sequence

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.space import Space
from tgas_neuro.search.history import Entry

STARTUP = 10  # random proposals before there is something to learn from, optuna's default


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
    """

    def __init__(self, space: Space):
        self.space = space
        self.distributions = {
            name: CategoricalDistribution(tuple(range(size)))
            for name, size in space.choices().items()
        }

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes (see the contract)."""
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP, constant_liar=True, seed=int(rng.integers(2**32))
        )
        study = _create_quiet_study(sampler)
        study.add_trials([*self._replay(history), *map(self._build_running, pending)])
        trials = [study.ask(self.distributions) for _ in range(n)]
        return [self.space.from_choices(trial.params) for trial in trials]

    def _replay(self, history: Sequence[Entry]) -> list[FrozenTrial]:
        rewards = [entry.reward for entry in history if entry.reward is not None]
        worst = min(rewards, default=0.0)
        return [
            create_trial(
                state=TrialState.COMPLETE,
                params=self.space.to_choices(entry.genotype),
                distributions=self.distributions,
                value=worst if entry.reward is None else entry.reward,
            )
            for entry in history
            if entry.original is None
        ]

    def _build_running(self, genotype: Genotype) -> FrozenTrial:
        return create_trial(
            state=TrialState.RUNNING,
            params=self.space.to_choices(genotype),
            distributions=self.distributions,
        )


def _create_quiet_study(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """A study in memory that says nothing: its trials are replayed ones, not news."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(verbosity)
