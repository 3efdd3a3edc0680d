"""A search as a study of optuna in an SQLite file, which optuna-dashboard opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.loggers.rows import Row, SearchLog
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.search.records import ReachedRung

if TYPE_CHECKING:
    import optuna

FILE = "optuna.db"
ATTRIBUTES = ("genotype", "message")  # the last user attributes


def write_study(log: SearchLog) -> None:
    """Make the study hold one trial for each candidate, in order.

    New candidates are added to the file, each in a transaction of its own: whoever reads it, or
    kills this process, finds a whole study. Where a known trial differs, as a reward that depends
    on all candidates does, the study is written beside and takes the place of the old one.
    """
    trials = [
        _build_trial(row, choices, log.n_values, rungs)
        for row, choices, rungs in zip(log.rows, log.choices, log.rungs, strict=True)
    ]
    path = log.folder / FILE
    if path.is_file():
        with _opened(path, log.name) as study:
            known = study.get_trials(deepcopy=False)
            if [_describe(one) for one in known] == [
                _describe(one) for one in trials[: len(known)]
            ]:
                study.add_trials(trials[len(known) :])
                return
    with written_whole(path) as beside, _opened(beside, log.name) as study:
        study.add_trials(trials)


@contextmanager
def _opened(path: Path, name: str) -> Iterator["optuna.Study"]:
    """The study in an SQLite file, made where there is none; nothing is logged."""
    import optuna
    from sqlalchemy import URL

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = URL.create("sqlite", database=str(path.absolute())).render_as_string()
    storage = optuna.storages.RDBStorage(url)
    try:
        yield optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()
        optuna.logging.set_verbosity(verbosity)


def _build_trial(
    row: Row, choices: dict[str, int], n_values: dict[str, int], rungs: list[ReachedRung]
) -> "optuna.trial.FrozenTrial":
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import TrialState, create_trial

    reward: Any = row["reward"]
    state = TrialState.FAIL
    if reward is not None:
        state = TrialState.COMPLETE
    elif row["state"] == "stopped":
        state = TrialState.PRUNED
    last = [name for name in ATTRIBUTES if row.get(name) is not None]
    attributes = {
        name: row[name]
        for name in [*(name for name in row if name not in ATTRIBUTES), *last]
        if row[name] is not None
    }
    trial: Any = create_trial(
        state=state,
        value=reward,
        params=choices,
        distributions={
            name: CategoricalDistribution(tuple(range(n_values[name]))) for name in choices
        },
        user_attrs=attributes,
        intermediate_values={
            number: rung["value"]
            for number, rung in enumerate(rungs, start=1)
            if rung["value"] is not None
        },
    )
    for name, key in (("datetime_start", "started"), ("datetime_complete", "finished")):
        if row[key] is not None:  # optuna's times are local ones
            local = datetime.fromisoformat(str(row[key])).astimezone()
            setattr(trial, name, local.replace(tzinfo=None))
    return trial


def _describe(trial: "optuna.trial.FrozenTrial") -> tuple:
    """All of a trial that a search decides."""
    return trial.state, trial.values, trial.params, trial.user_attrs, trial.intermediate_values
