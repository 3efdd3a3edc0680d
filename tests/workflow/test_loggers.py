"""Loggers in the workflow: they keep what the records say, also when histories are repeated."""

import optuna
import pandas as pd
import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]


def test_a_history_writes_what_is_asked_for(toy, finished):
    """In a run that is half finished, and twice: nothing is there twice, nothing else changes."""
    pytest.importorskip("fastparquet")
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    toy.copy_results(finished)
    (history,) = toy.folder.glob("results/search/*/generation_001/history.json")
    run, before = history.parents[1], history.read_bytes()
    toy.config["loggers"] = {"optuna": True, "tensorboard": True, "parquet": True}
    target = str(history.relative_to(toy.folder))
    for _ in range(2):
        history.unlink()
        output = toy.run(target).stdout
        assert "Warning: loggers" not in output and "finished after" in output
        assert history.read_bytes() == before
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{run}/optuna.db")
        records = finished.read_records()
        assert [one.user_attrs["id"] for one in study.trials] == sorted(records)
        best = finished.read("results/best_cell.json")
        assert study.best_value == best["reward"]
        assert study.best_trial.user_attrs["hash"] == best["hash"]
        frame = pd.read_parquet(run / "candidates.parquet", engine="fastparquet")
        assert list(frame["id"]) == sorted(records)
        assert frame["reward"].tolist() == [one.value for one in study.trials]
        for identifier, record in records.items():
            board = event_accumulator.EventAccumulator(str(run / "tensorboard" / identifier))
            board.Reload()
            (point,) = board.Scalars("P")
            assert point.value == pytest.approx(record["premature"]["accuracy"])


@pytest.mark.usefixtures("cold")
def test_a_logger_whose_package_is_missing_stops_before_any_work(toy, tmp_path):
    """A module of this name that cannot be found: the way of a package that is not installed."""
    toy.config["loggers"] = {"tensorboard": True}
    hide = tmp_path / "hidden/sitecustomize.py"
    hide.parent.mkdir()
    hide.write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "hidden = 'tensorboard'\n"
        "util.find_spec = lambda name, *rest: None if name == hidden else find(name, *rest)\n"
    )
    toy.environment["PYTHONPATH"] = str(hide.parent)
    done = toy.run("--dry-run", check=False)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Error: ")]
    assert line == (
        "Error: config.yaml: loggers.tensorboard: true, but the package tensorboard is not "
        "installed; pip install 'tgas-neuro[tensorboard]', or set it to false"
    )
    assert not (toy.folder / "results/search").exists()
