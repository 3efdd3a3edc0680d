"""`log`: a run that is there already gets its table, and what loggers keep."""

import optuna
import pandas as pd
import pytest
import yaml
from support.run_folders import build_record, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.runtime.files import find_project

GENOTYPES = draw(3)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = [
        build_record("g000_c00", GENOTYPES[0], P=0.5),
        build_record("g000_c01", GENOTYPES[1], "diverged"),
        build_record("g000_c02", GENOTYPES[2], P=0.75),
    ]
    return write_run(tmp_path / "results/search/run-1", [records])


def write_configuration(folder, **search):
    config = yaml.safe_load((find_project() / "config.yaml").read_text())
    config["search"] |= search
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def load(run):
    return optuna.load_study(study_name=None, storage=f"sqlite:///{run}/optuna.db")


def test_table_and_study_of_the_newest_run(run, tmp_path, capsys):
    write_configuration(tmp_path)
    for _ in range(2):
        assert main(["log", "--optuna"]) == 0
        out, err = capsys.readouterr()
        place = "results/search/run-1"
        assert out == f"3 candidates: {place}/candidates.csv, {place}/optuna.db\n" and not err
        table = pd.read_csv(run / "candidates.csv")
        assert table["reward"].tolist()[::2] == [0.5 + 2 * 0.2, 0.75 + 2 * 0.2]
        study = load(run)
        assert [one.user_attrs["id"] for one in study.trials] == table["id"].tolist()
        assert study.best_trial.params


def test_of_another_configuration_the_choices_are_left_out(run, tmp_path, capsys):
    write_configuration(tmp_path, cell={"blocks": 3})
    assert main(["log", "run-1", "--optuna"]) == 0
    assert capsys.readouterr().err.startswith("Note: config.yaml is not that of this run")
    assert load(run).best_trial.params == {} and len(load(run).trials) == 3


def test_without_a_configuration_the_table_is_written(run, capsys):
    assert main(["log"]) == 0
    assert capsys.readouterr().err == ""
    assert len(pd.read_csv(run / "candidates.csv")) == 3


def test_a_logger_that_fails_is_said_and_is_the_exit_code(run, capsys):
    (run / "optuna.db").mkdir()
    assert main(["log", "--optuna"]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "Warning" in line]
    assert line.startswith("Warning: loggers.optuna: ")


def test_before_the_first_generation_has_finished(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    records = [[build_record("g000_c00", GENOTYPES[0]), None, None]]
    write_run(tmp_path / "results/search/run-1", records, finished=False)
    assert main(["log"]) == 1
    assert "no generation has finished yet" in capsys.readouterr().err
