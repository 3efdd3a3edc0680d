"""Five names are public, light to import, and have examples that are run here."""

import doctest
import inspect
import re
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest
from soak.soak import PROJECT

import tgas_neuro as tgas

NAMES = ["load_recordings", "load_run", "load_teacher", "score", "search"]
MODULES = ["rdms", "recorded", "recordings", "scores", "searching", "study", "teachers"]
RUN = """
import sys
import tgas_neuro as tgas
heavy = {"torch", "h5py", "PIL", "scipy", "xarray", "pandas", "numpy", "matplotlib"}
print(sorted(heavy & set(sys.modules)), tgas.__all__, dir(tgas), tgas.__version__)
import tgas_neuro.search.history
from tgas_neuro import search
print(callable(tgas.search), search is tgas.search, tgas_neuro.search.history.__name__)
"""


def test_the_package_offers_these_names_and_loads_nothing_for_them():
    found = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True)
    first, second = found.stdout.splitlines()
    assert first == f"[] {NAMES} {sorted([*NAMES, 'RESULTS_VERSION', '__version__'])} 0.2.0"
    assert second == "True True tgas_neuro.search.history"


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="'tgas_neuro' has no attribute 'scores'"):
        tgas.scores  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_docstring_with_sections_and_an_example(name):
    function = import_module("tgas_neuro.api.searching").search if name == "search" else None
    text = inspect.getdoc(function or getattr(tgas, name))
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"{section}\n{'-' * len(section)}\n" in text
    (test,) = doctest.DocTestFinder(recurse=False).find(function or getattr(tgas, name), name)
    assert any(doctest.SKIP not in example.options for example in test.examples)


def test_the_package_search_is_the_call():
    from tgas_neuro.api.searching import search

    assert isinstance(tgas.search, ModuleType) and callable(tgas.search)
    assert inspect.signature(tgas.search) == inspect.signature(search)
    assert search.__doc__ in tgas.search.__doc__
    study = tgas.search("chain", strategy="random", candidates=2, seed=4)
    assert study.ask() == search("chain", strategy="random", candidates=2, seed=4).ask()


@pytest.mark.parametrize("module", MODULES)
def test_examples(inside, module):
    assert doctest.testmod(import_module(f"tgas_neuro.api.{module}")).failed == 0


def read_page():
    """The blocks of docs/api.md, those on runs last."""
    return re.findall(r"^```python\n(.*?)^```", (PROJECT / "docs/api.md").read_text(), re.M | re.S)


def test_the_page_runs(inside, capsys):
    names = {}
    for block in read_page()[:-1]:
        exec(block, names)
    assert 0 < names["similarity"] < 1 and len(names["layers"]) == 4
    assert len(names["study"].to_frame()) == 2


@pytest.mark.workflow
def test_the_page_runs_on_a_run(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    names = {"tgas": tgas}
    block = read_page()[-1]
    exec(block, names)
    assert "load_run" in block and len(names["candidates"]) == 6


@pytest.mark.workflow
def test_examples_of_runs(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    failed, tried = doctest.testmod(import_module("tgas_neuro.api.runs"))
    assert failed == 0 and tried > 0
