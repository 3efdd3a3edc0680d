"""Which loggers are called, what they cost when they are off, and what happens when one fails."""

import subprocess
import sys

import pytest
from support.run_folders import SEARCH, write_run

from tgas_neuro import loggers
from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.loggers import Loggers
from tgas_neuro.config.section import MARK, get_extra
from tgas_neuro.loggers import LOGGERS, check_loggers, load_logger, log_search
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256
from tgas_neuro.search.history import load_history


def log(folder, chosen):
    lines = []
    entries = load_history(folder / "generation_001" / "history.json")
    log_search(folder, entries, build_space(SEARCH), "crossed", chosen, lines.append)
    return lines


def test_every_key_of_the_section_is_a_logger():
    assert set(Loggers.model_fields) == set(LOGGERS)
    assert not Loggers().list_chosen()
    assert all(get_extra(field, MARK) is False for field in Loggers.model_fields.values())
    for key in LOGGERS:
        assert callable(load_logger(key))


def test_off_by_default_nothing_is_imported(tmp_path, generations):
    """And the table is written all the same."""
    folder = write_run(tmp_path / "run", generations)
    packages = [one.package for one in LOGGERS.values()]
    code = f"""
import sys
from pathlib import Path
from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.config.loggers import Loggers
from tgas_neuro.loggers import log_search
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.search.history import load_history

folder = Path({str(folder)!r})
search = read_search({{"space": "cell", "strategy": "random", "alpha": 2.0, "candidates": 3}})
entries = load_history(folder / "generation_001/history.json")
log_search(folder, entries, build_space(search), "crossed", Loggers(), print)
print([one for one in {[*packages, "torch", "pandas"]!r} if one in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert len((folder / "candidates.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize("key", ["tensorboard", "wandb", "mlflow", "parquet"])
def test_a_missing_package_is_one_line(key, monkeypatch):
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as raised:
        check_loggers(Loggers(**{key: True}))
    text, extra = str(raised.value), LOGGERS[key].extra
    assert text.startswith(f"config.yaml: loggers.{key}: true, but the package ")
    assert f"pip install 'tgas-neuro[{extra}]'" in text and "\n" not in text
    check_loggers(Loggers())


def test_a_misspelt_logger_is_refused():
    with pytest.raises(UserError, match=r"loggers: unknown key 'optuma', did you mean 'optuna'"):
        check_section(Loggers, {"optuma": True}, "config.yaml", ["loggers"])


def test_one_that_fails_is_reported_and_does_not_stop_the_others(
    tmp_path, generations, monkeypatch
):
    folder = write_run(tmp_path / "run", generations)
    (folder / "optuna.db").write_text("this is no database, and longer than a header of one" * 9)
    before = calc_sha256(folder / "optuna.db")
    pytest.importorskip("tensorboard")
    lines = log(folder, Loggers(optuna=True, tensorboard=True))
    (line,) = lines
    assert line.startswith("Warning: loggers.optuna: ") and "the search goes on" in line
    assert "\n" not in line
    assert calc_sha256(folder / "optuna.db") == before
    assert (folder / "tensorboard/search").is_dir()
    (folder / "optuna.db").unlink()
    assert log(folder, Loggers(optuna=True)) == []


def test_the_table_is_as_long_as_the_history_that_was_written_last(tmp_path, generations):
    folder = write_run(tmp_path / "run", generations)
    assert log(folder, Loggers()) == []
    first = (folder / "candidates.csv").read_bytes()
    assert log(folder, Loggers()) == [] and (folder / "candidates.csv").read_bytes() == first
    entries = load_history(folder / "generation_000" / "history.json")
    log_search(folder, entries, build_space(SEARCH), "crossed", Loggers(), print)
    assert len((folder / "candidates.csv").read_text().splitlines()) == 4
