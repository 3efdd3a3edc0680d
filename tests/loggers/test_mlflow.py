"""The experiment of MLflow: read back by its own client, each candidate is there once."""

import pytest

pytest.importorskip("mlflow", reason="needs the extra mlflow")

from tgas_neuro.loggers.mlflow_runs import CANDIDATE, FILE, write_runs


@pytest.fixture(autouse=True)
def client_of(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


def read(log):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{log.folder / FILE}")
    experiment = client.get_experiment_by_name(log.name)
    found = list(client.search_runs([experiment.experiment_id], max_results=100))
    return {run.data.tags[CANDIDATE]: run for run in found}, found


def check(log):
    runs, found = read(log)
    assert len(found) == len(runs) == len(log.rows)
    for row, choices in zip(log.rows, log.choices, strict=True):
        run = runs[row["id"]]
        for name in ("reward", "P", "TG", "TG_IT", "ceiling_IT", "seconds", "images_seen"):
            assert run.data.metrics.get(name) == row[name]
        sizes = {name: str(row[name]) for name in ("params", "macs", "hash", "genotype")}
        assert sizes.items() <= run.data.params.items()
        assert {name: str(value) for name, value in choices.items()}.items() <= (
            run.data.params.items()
        )
        assert run.data.tags["state"] == row["state"]
        assert run.info.status == ("FAILED" if row["state"] == "diverged" else "FINISHED")
        assert run.info.end_time - run.info.start_time == 60_000


def test_each_candidate_is_there_once_whatever_happened(make_log, monkeypatch):
    """In one test: MLflow takes seconds to make its file."""
    first = make_log(1)
    write_runs(first)
    check(first)
    log = make_log(2)

    from mlflow.tracking import MlflowClient

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # a kill in the middle of a run
        patch.setattr(MlflowClient, "set_terminated", stop)
        with pytest.raises(KeyboardInterrupt):
            write_runs(log)
    assert len(read(log)[1]) == 4
    for _ in range(2):
        write_runs(log)
        check(log)
    for row in log.rows:
        row["reward"] = row["reward"] and row["reward"] / 2
    write_runs(log)
    check(log)
    write_runs(make_log(1))  # the second generation was taken back
    check(make_log(1))
