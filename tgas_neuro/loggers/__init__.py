"""What other programs read of a search: tables, and the loggers of the section ``loggers``.

A logger is a function that makes its files equal to a `SearchLog`: it may be called again, after a
kill or for a history that was written again, and nothing is there twice. Packages are imported by
the logger that needs them.
"""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tgas_neuro.architecture.space import Space
from tgas_neuro.config.loggers import Loggers
from tgas_neuro.loggers.rows import SearchLog, build_log, write_csv
from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.runtime.files import read_json
from tgas_neuro.scoring.layers import LayerChoice
from tgas_neuro.search.history import Entry
from tgas_neuro.search.runs import get_record_path

Logger = Callable[[SearchLog], None]

TABLE = "candidates.csv"


class Known(NamedTuple):
    """A logger: its module and function, the package that it needs, and where it writes.

    `extra` is what brings the package, or None if every installation has it.
    """

    function: str
    package: str
    extra: str | None
    place: str


# By the key of the section.
LOGGERS = {
    "optuna": Known("optuna_study.write_study", "optuna", None, "optuna.db"),
    "tensorboard": Known(
        "tensorboard_events.write_events", "tensorboard", "tensorboard", "tensorboard"
    ),
    "wandb": Known("wandb_run.write_run", "wandb", "wandb", "wandb"),
    "mlflow": Known("mlflow_runs.write_runs", "mlflow", "mlflow", "mlflow.db"),
    "parquet": Known("rows.write_parquet", "fastparquet", "parquet", "candidates.parquet"),
}


def check_loggers(loggers: Loggers, name: str = "config.yaml") -> None:
    """Refuse a logger whose package is not installed.

    Raises
    ------
    UserError
        Names the key, the package and the extra that brings it.
    """
    for key in loggers.list_chosen():
        found = LOGGERS[key]
        if importlib.util.find_spec(found.package) is None:
            raise UserError(
                f"{name}: loggers.{key}: true, but the package {found.package} is not installed; "
                f"pip install 'tgas-neuro[{found.extra}]', or set it to false"
            )


def load_logger(key: str) -> Logger:
    """The function of a logger, by its key in the section."""
    module, _, function = LOGGERS[key].function.partition(".")
    found: Any = importlib.import_module(f"tgas_neuro.loggers.{module}")
    return getattr(found, function)  # type: ignore[no-any-return]


def log_search(
    folder: Path,
    entries: Sequence[Entry],
    space: Space[Any] | None,
    layer_choice: LayerChoice,
    loggers: Loggers,
    report: Callable[[str], None],
) -> None:
    """Write ``candidates.csv`` and what the chosen loggers keep of a search.

    They only follow the search. What goes wrong with one of them is reported and does not end it;
    the next history writes it all again.

    Parameters
    ----------
    folder
        ``results/search/<run>``.
    entries
        Of the history, in order.
    space
        The space of the search; None leaves out the choices that encode genotypes.
    layer_choice
        That of the run.
    loggers
        Those that are chosen.
    report
        Receives what went wrong, a line each.
    """
    records = {one.id: read_json(get_record_path(folder, one.id)) for one in entries}
    log = build_log(folder, entries, records, space, layer_choice)
    _try(TABLE, write_table, log, report)
    for key in loggers.list_chosen():
        _try(f"loggers.{key}", load_logger(key), log, report)


def write_table(log: SearchLog) -> None:
    """Write ``candidates.csv``."""
    write_csv(log.rows, log.folder / TABLE)


def _try(name: str, write: Logger, log: SearchLog, report: Callable[[str], None]) -> None:
    try:
        write(log)
    except Exception as error:  # of whatever package: it must not end the search
        report(
            f"Warning: {name}: {describe_error(error)}; the search goes on, and its next history "
            "writes this again"
        )
