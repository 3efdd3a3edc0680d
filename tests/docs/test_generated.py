"""Pages and pictures that are generated are those that the code gives."""

import sys

import pytest
from soak.soak import PROJECT

from tgas_neuro.__main__ import COMMANDS


@pytest.fixture
def tools(monkeypatch):
    """The scripts of docs/tools can be imported."""
    monkeypatch.syspath_prepend(str(PROJECT / "docs/tools"))
    yield
    for name in ("commands", "diagram"):
        sys.modules.pop(name, None)


def test_the_page_of_the_commands(tools):
    """If it is older: python docs/tools/commands.py."""
    import commands

    page = commands.PAGE.read_text(encoding="utf-8")
    assert page == commands.build_page()
    for name in COMMANDS:
        assert f"\n## `{name}`\n" in page
    assert "| `--bootstrap N` | resamples for 95 % intervals |" in page
    assert "| `RUN` | name or folder of a run |" in page


def test_the_diagram(tools):
    """If it is older: python docs/tools/diagram.py."""
    import diagram

    assert diagram.PICTURE.read_text(encoding="utf-8") == diagram.draw()
