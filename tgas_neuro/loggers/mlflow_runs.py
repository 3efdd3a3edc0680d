"""A search as an experiment of MLflow in an SQLite file, with a run for each candidate."""

import logging
import os
from datetime import datetime
from typing import Any

from tgas_neuro.loggers.rows import Row, SearchLog
from tgas_neuro.runtime.files import calc_digest

FILE, ARTIFACTS = "mlflow.db", "mlflow_artifacts"
CANDIDATE, DIGEST = "tgas_neuro.candidate", "tgas_neuro.digest"  # tags
PARAMETERS = ("generation", "params", "macs", "hash", "genotype")
TAGS = ("state", "message", "original", "device")
PAGE = 1000  # runs that are asked for at once


def write_runs(log: SearchLog) -> None:
    """Make the experiment hold one run for each candidate.

    A run is complete when it has its digest, which is written last. Others, of a killed process or
    with other numbers, are deleted and written again.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # nothing is sent
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells how it makes its tables
    path = (log.folder / FILE).absolute()
    client = MlflowClient(tracking_uri=f"sqlite:///{path}")
    experiment = client.get_experiment_by_name(log.name)
    if experiment is None:
        place = (log.folder / ARTIFACTS).absolute().as_uri()
        identifier = client.create_experiment(log.name, artifact_location=place)
    else:
        identifier = experiment.experiment_id
    wanted = {
        _calc_digest(row, choices): (row, choices)
        for row, choices in zip(log.rows, log.choices, strict=True)
    }
    for run in _list_runs(client, identifier):
        if wanted.pop(run.data.tags.get(DIGEST), None) is None:
            client.delete_run(run.info.run_id)
    for digest, (row, choices) in wanted.items():
        _add_run(client, identifier, row, choices, digest)


def _list_runs(client: Any, experiment: str) -> list[Any]:
    runs, token = [], None
    while True:
        found = client.search_runs([experiment], max_results=PAGE, page_token=token)
        runs += found
        token = found.token
        if not token:
            return runs


def _calc_digest(row: Row, choices: dict[str, int]) -> str:
    known = {name: value for name, value in row.items() if value is not None}
    return calc_digest([known, choices])


def _add_run(client: Any, experiment: str, row: Row, choices: dict[str, int], digest: str) -> None:
    from mlflow.entities import Metric, Param, RunTag

    begin, end = (_read_time(row[key]) for key in ("started", "finished"))
    tags = {CANDIDATE: row["id"]} | {name: row[name] for name in TAGS if row[name] is not None}
    run = client.create_run(
        experiment,
        start_time=begin,
        run_name=str(row["id"]),
        tags={name: str(value) for name, value in tags.items()},
    )
    parameters = {name: row[name] for name in PARAMETERS} | choices
    client.log_batch(
        run.info.run_id,
        metrics=[
            Metric(name, float(value), end, 0)
            for name, value in row.items()
            if name not in PARAMETERS and isinstance(value, int | float)
        ],
        params=[Param(name, str(value)) for name, value in parameters.items()],
    )
    failed = row["reward"] is None and row["state"] != "stopped"
    client.set_terminated(run.info.run_id, "FAILED" if failed else "FINISHED", end)
    client.log_batch(run.info.run_id, tags=[RunTag(DIGEST, digest)])


def _read_time(date: Any) -> int:
    """Milliseconds since 1970 of a date in ISO 8601; 0 without one."""
    return round(1000 * datetime.fromisoformat(str(date)).timestamp()) if date is not None else 0
