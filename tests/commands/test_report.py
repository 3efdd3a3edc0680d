"""Where the page is written, and what is refused."""

import pytest
from support.shown_runs import build_generations, write_shown_run

from tgas_neuro.__main__ import main


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shown_run(tmp_path, build_generations(("ok",)))
    return tmp_path


def test_the_newest_run(root, capsys):
    assert main(["report"]) == 0
    out, err = capsys.readouterr()
    assert out == "results/report.html\n"
    assert err.startswith("run run-1: the search has ended, ")
    page = (root / "results/report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")


def test_a_named_run_and_a_file(root, capsys):
    assert main(["report", "run-1"]) == 0
    assert capsys.readouterr().out == "results/reports/run-1.html\n"
    assert main(["report", "results/search/run-1", "--output", "there/page.html"]) == 0
    assert (root / "there/page.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run-1", "results/search/run-1"], "run 'run-1': is named twice; name each run once"),
        (["run-2"], "run 'run-2': no such folder in results/search; did you mean run-1"),
        (["--output", "results"], "--output: results: is a folder; name a file"),
    ],
)
def test_mistakes_in_one_line(root, capsys, arguments, expected):
    assert main(["report", *arguments]) == 1
    assert capsys.readouterr().err.strip() == f"Error: {expected}"
    assert not list(root.rglob("*.html"))


def test_no_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 1
    assert "no search has begun here" in capsys.readouterr().err
