"""An optuna study replayed from finished and running trials, and asked for the next ones."""

from collections.abc import Iterable, Mapping

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

Choices = Mapping[str, int]

STARTUP = 10  # random trials before there is something to learn from, optuna's default


def ask_study(
    sizes: Mapping[str, int],
    finished: Iterable[tuple[Choices, float]],
    running: Iterable[Choices],
    n: int,
    seed: int,
) -> list[dict[str, int]]:
    """Ask a TPE study for the next trials.

    Parameters
    ----------
    sizes
        Every choice and its number of values.
    finished
        Trials and their values; higher is better.
    running
        Trials without a value yet.
    n, seed
        How many to ask for, each taking those before it as running; the sampler's seed.
    """
    distributions = {
        name: CategoricalDistribution(tuple(range(size))) for name, size in sizes.items()
    }

    def replay(choices: Choices, **state) -> FrozenTrial:
        return create_trial(params=dict(choices), distributions=distributions, **state)

    sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, constant_liar=True, seed=seed)
    study = _create_quiet_study(sampler)
    study.add_trials(
        [replay(choices, state=TrialState.COMPLETE, value=value) for choices, value in finished]
    )
    study.add_trials([replay(choices, state=TrialState.RUNNING) for choices in running])
    return [study.ask(distributions).params for _ in range(n)]


def _create_quiet_study(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """A study in memory that says nothing: its trials are replayed ones, not news."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(verbosity)
