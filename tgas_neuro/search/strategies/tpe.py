"""TPE: optuna's tree-structured Parzen estimator, replayed from the history."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.search.history import Entry, is_member, select_members

if TYPE_CHECKING:
    import optuna

Choices = Mapping[str, int]

STARTUP = 10  # random trials before there is something to learn from


class TPEStrategy:
    """Models good and bad candidates by densities and proposes where their ratio is highest.

    This is the estimator of Bergstra et al. 2011 (NeurIPS) as `optuna.samplers.TPESampler`
    implements it. Each call builds the study from the history. Pending proposals count as running
    trials with the constant liar, which keeps workers from all trying the same. A failed candidate
    has no reward; the sampler gets the worst reward seen and steers away from it. Duplicates add
    no information and are left out.

    Parameters
    ----------
    space
        Its categorical choices are the dimensions of the estimator.
    """

    def __init__(self, space: Space):
        self.space = space

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes; the sampler's seed is drawn from `rng`."""
        seen = select_members(self.space, history)
        worst = min((entry.reward for entry in seen if entry.reward is not None), default=0.0)
        asked = ask_study(
            self.space.choices(),
            finished=[
                (
                    self.space.to_choices(entry.genotype),
                    worst if entry.reward is None else entry.reward,
                )
                for entry in seen
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


def ask_study(
    sizes: Mapping[str, int],
    finished: Iterable[tuple[Choices, float]],
    running: Iterable[Choices],
    n: int,
    seed: int,
) -> list[dict[str, int]]:
    """Ask an optuna study for the next trials.

    Parameters
    ----------
    sizes
        Every choice and its number of values.
    finished
        Trials and their values; higher is better.
    running
        Trials without a value yet.
    n
        Number of trials; each takes those before it as running.
    seed
        The sampler's.
    """
    # the light rules start without optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution
    from optuna.trial import FrozenTrial, TrialState, create_trial

    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(tuple(range(size))) for name, size in sizes.items()
    }

    def replay(choices: Choices, **state: Any) -> FrozenTrial:
        return create_trial(params=dict(choices), distributions=distributions, **state)

    study = _create_quiet_study(_build_sampler(seed))
    study.add_trials(
        [replay(choices, state=TrialState.COMPLETE, value=value) for choices, value in finished]
    )
    study.add_trials([replay(choices, state=TrialState.RUNNING) for choices in running])
    return [study.ask(distributions).params for _ in range(n)]


def _build_sampler(seed: int) -> "optuna.samplers.BaseSampler":
    """The sampler of optuna 5.0 with every option that is not deprecated.

    Defaults change between releases: multivariate and constant_liar are False before 5.0. With the
    options written out, optuna 4.0 to 5.0 propose the same.
    """
    import optuna

    with warnings.catch_warnings():  # optuna 4 calls three of the options experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            n_startup_trials=STARTUP,
            n_ei_candidates=24,
            multivariate=True,
            group=False,
            constant_liar=True,
            seed=seed,
        )


def _create_quiet_study(sampler: "optuna.samplers.BaseSampler") -> "optuna.Study":
    """A study in memory that logs nothing: replayed trials are not news."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(verbosity)
