"""The study of optuna: read back by optuna, it holds each candidate once, whatever happened."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime

import optuna
import pytest
from optuna.trial import TrialState

from tgas_neuro.loggers import optuna_study
from tgas_neuro.loggers.optuna_study import FILE, write_study


def load(log):
    return optuna.load_study(study_name=None, storage=f"sqlite:///{log.folder / FILE}")


def test_a_trial_for_each_candidate(make_log):
    log = make_log()
    write_study(log)
    study = load(log)
    assert study.study_name == log.name
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    states = [trial.state for trial in study.trials]
    complete, fail = TrialState.COMPLETE, TrialState.FAIL
    assert states == [complete, fail, complete, TrialState.PRUNED, complete, complete]
    for trial, row, choices in zip(study.trials, log.rows, log.choices, strict=True):
        if trial.state == complete:
            assert trial.value == row["reward"]
        known = {name: value for name, value in row.items() if value is not None}
        assert trial.user_attrs == known
        assert trial.params == choices != {}
        started = datetime.fromisoformat(row["started"])
        assert trial.datetime_start.astimezone(UTC) == started
        assert (trial.datetime_complete - trial.datetime_start).total_seconds() == 60
    assert study.best_trial.user_attrs["id"] == "g000_c02"
    assert study.trials[3].intermediate_values == {1: 0.25}


def test_the_choices_give_the_genotype_again(make_log):
    from support.run_folders import SEARCH

    from tgas_neuro.architecture.spaces import build_space

    log = make_log()
    write_study(log)
    space = build_space(SEARCH)
    found = [space.from_choices(trial.params).hash for trial in load(log).trials]
    assert found == [row["hash"] for row in log.rows]


def test_later_generations_are_added_to_the_same_file(make_log):
    write_study(make_log(1))
    log = make_log(2)
    place = (log.folder / FILE).stat().st_ino
    assert len(load(log).trials) == 3
    for _ in range(2):  # the second time there is nothing new
        write_study(log)
        assert len(load(log).trials) == 6
    assert (log.folder / FILE).stat().st_ino == place


def test_changed_rewards_and_trials_that_were_taken_back(make_log):
    log = make_log()
    write_study(log)
    for row in log.rows:
        row["reward"] = row["reward"] and row["reward"] / 2
    write_study(log)
    assert load(log).best_value == 1.625 / 2
    assert len(load(log).trials) == 6
    write_study(make_log(1))  # the second generation was taken back
    assert len(load(log).trials) == 3
    assert sorted(path.name for path in log.folder.iterdir() if path.is_file()) == [FILE]


def test_a_killed_process_leaves_a_study_that_is_readable_and_is_completed(make_log):
    """SIGKILL after each number of added trials, also in the middle of a transaction."""
    log = make_log()
    script = """
        import os, pickle, signal, sys
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from tgas_neuro.loggers.optuna_study import write_study
        log, left = pickle.load(open(sys.argv[1], "rb")), int(sys.argv[2])

        @event.listens_for(Engine, "after_cursor_execute")
        def count(connection, cursor, statement, *rest):
            global left
            left -= "INSERT INTO trial_user_attributes" in statement
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        write_study(log)
    """
    import pickle

    write_study(make_log(1))
    (log.folder / "log.pickle").write_bytes(pickle.dumps(log))
    for left in (1, 2, 3):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), log.folder / "log.pickle", str(left)],
            check=False,
            env=os.environ,
        )
        assert done.returncode == -signal.SIGKILL
        trials = load(log).trials
        assert 3 <= len(trials) < 6
        for trial, row in zip(trials, log.rows, strict=False):
            assert trial.user_attrs["id"] == row["id"] and trial.user_attrs["hash"] == row["hash"]
    write_study(log)
    assert [trial.user_attrs["id"] for trial in load(log).trials] == [r["id"] for r in log.rows]


def test_a_search_without_candidates(make_log):
    from dataclasses import replace

    log = replace(make_log(1), rows=[], choices=[], rungs=[])
    write_study(log)
    assert load(log).trials == []


def test_optunas_own_logging_stays_as_it_was(make_log, capsys):
    before = optuna.logging.get_verbosity()
    write_study(make_log(1))
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr().err == ""


def test_the_dashboard_opens_it(make_log):
    dashboard = pytest.importorskip("optuna_dashboard")
    log = make_log()
    write_study(log)
    app = dashboard.wsgi(optuna.storages.RDBStorage(f"sqlite:///{log.folder / FILE}"))
    import io
    import json

    def get(path):
        found = {}
        body = app(
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": path,
                "QUERY_STRING": "",
                "SERVER_NAME": "x",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.input": io.BytesIO(),
                "wsgi.errors": io.StringIO(),
                "wsgi.url_scheme": "http",
            },
            lambda status, headers, *rest: found.update(status=status),
        )
        return found["status"], json.loads(b"".join(body))

    status, studies = get("/api/studies")
    assert status.startswith("200")
    (study,) = studies["study_summaries"]
    assert study["study_name"] == log.name
    status, detail = get(f"/api/studies/{study['study_id']}")
    assert status.startswith("200")
    values = [trial["values"] for trial in detail["trials"] if trial["state"] == "Complete"]
    assert [one[0] for one in values] == [row["reward"] for row in log.rows if row["reward"]]


def test_the_module_imports_no_optuna():
    assert "optuna" not in vars(optuna_study)
