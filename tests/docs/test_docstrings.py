"""Examples in docstrings give what they show; tests/api runs those of the Python calls."""

import doctest
from importlib import import_module

import pytest
from soak.soak import PROJECT

PACKAGE = PROJECT / "tgas_neuro"
# which need files of a user
FILES = {"tgas_neuro.timm"}
MODULES = [
    ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent != PACKAGE / "api" and ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = import_module(name)
    examples = [one for test in doctest.DocTestFinder().find(module) for one in test.examples]
    run = [one for one in examples if doctest.SKIP not in one.options]
    assert run or name in FILES, f"{name}: every example is skipped"
    assert doctest.testmod(module).failed == 0


def test_modules_are_found():
    assert len(MODULES) >= 8
