"""Runs by hand, and their facts."""

import pytest
from support.shown_runs import build_generations, write_shown_run

from tgas_neuro.report.gather import gather_facts


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def facts(root):
    """Two good candidates and one that diverged; no final training."""
    return gather_facts(write_shown_run(root, build_generations()))
