"""The examples of docs/developing.md, applied to a copy of the package and run there."""

import os
import re
import shutil
import sys

import pytest
import yaml
from soak.soak import PROJECT, TOY_RECORDINGS
from support.commands import run_printed
from support.pages import list_blocks

PAGE = PROJECT / "docs/developing.md"
BLOCKS = [block for block in list_blocks(PAGE) if block.language in ("python", "diff")]

# Tests of what a new reader or comparison is listed in.
LISTED = ("tests/recordings/datasets/test_description.py", "tests/scoring/test_scoring.py")


def read_path(block):
    """The file that a block is, or changes: its first line."""
    first, _, text = block.text.partition("\n")
    assert re.fullmatch(r"# [\w/]+\.py", first), f"{block}: its first line names no file"
    return first.removeprefix("# "), text


def apply(content, changes, where):
    """Content with the lines of a block of changes; those that it names are there once."""
    for hunk in changes.split("@@\n"):
        lines = hunk.rstrip("\n").split("\n")
        assert all(line == "" or line[0] in " +-" for line in lines), f"{where}: {lines}"
        old = "".join(line[1:] + "\n" for line in lines if line[:1] != "+")
        new = "".join(line[1:] + "\n" for line in lines if line[:1] != "-")
        assert content.count(old) == 1, (
            f"{where}: this is not there once; if you changed it, change the example:\n{old}"
        )
        content = content.replace(old, new)
    return content


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package with all examples of the page."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "raw")
    for name in ("tgas_neuro", "workflow", "neural_data", "docs/tools"):
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    for name in ("support", "soak", "search/strategies"):
        shutil.copytree(PROJECT / "tests" / name, folder / "tests" / name, ignore=ignored)
    for name in ("Snakefile", "config.yaml", "environment.yml", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    for name in LISTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    (folder / "tests/conftest.py").write_text(
        "import sys\nsys.path.insert(0, str(__import__('pathlib').Path(__file__).parents[1]))\n"
    )
    description = yaml.safe_load((folder / "neural_data/simulated.yaml").read_text())
    description["options"] |= TOY_RECORDINGS
    (folder / "neural_data/simulated.yaml").write_text(yaml.safe_dump(description))
    for block in BLOCKS:
        path, text = read_path(block)
        place = folder / path
        if block.language == "diff":
            place.write_text(apply(place.read_text(), text, block))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            assert not place.exists(), f"{block}: {path} is there already"
            place.write_text(text)
    return folder


def run(folder, *command):
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return run_printed([sys.executable, *command], folder, environment, seconds=600)


def test_the_page_has_a_test_for_three_and_a_script_for_one():
    paths = [read_path(block)[0] for block in BLOCKS if block.language == "python"]
    assert [path for path in paths if not path.startswith("tgas_neuro/")] == [
        "tests/recordings/readers/test_trial_table.py",
        "tests/search/strategies/test_local.py",
        "tests/rdm/test_procrustes.py",
        "try_stack.py",
    ]


def test_its_tests_pass(copy):
    tests = [f"tests/{name}" for name in ("recordings", "rdm", "search/strategies/test_local.py")]
    assert " passed" in run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


def test_the_examples_have_the_style_of_the_package(copy):
    paths = sorted({read_path(block)[0] for block in BLOCKS})
    # a small example says no more than it has to
    checked = run(copy, "-m", "ruff", "check", "--extend-ignore", "D1", *paths)
    assert "All checks passed" in checked
    assert "already formatted" in run(copy, "-m", "ruff", "format", "--check", *paths)


def test_what_lists_readers_and_comparisons_knows_them(copy):
    chosen = "reader or comparison"
    options = ("-q", "-p", "no:cacheprovider", "-k", chosen)
    assert " passed" in run(copy, "-m", "pytest", *LISTED, *options)


def test_the_new_strategy_conforms(copy):
    """In one space; proposals in another process are left out, as they take long."""
    path = "tests/search/strategies/test_conformance.py"
    chosen = "local and chain and not another_process"
    options = ("-q", "-p", "no:cacheprovider", "-k", chosen)
    assert " passed" in run(copy, "-m", "pytest", path, *options)


def test_the_new_space_is_searched(copy):
    *candidates, best = run(copy, "try_stack.py").splitlines()
    assert re.fullmatch(r"[1-4] convolutions", best)
    assert len(candidates) == 12


def test_the_space_is_the_one_that_goes_through_all_stages():
    (block,) = [b for b in BLOCKS if b.text.startswith("# tgas_neuro/architecture/stack/")]
    shown = (PROJECT / "tests/support/toy_space/__init__.py").read_text()
    assert read_path(block)[1] == shown


def test_pages_and_schemas_know_them(copy):
    run(copy, "-m", "tgas_neuro.plan.documents")
    page = (copy / "docs/configuration.md").read_text()
    assert "## Reader `trial_table`" in page and "`procrustes`" in page
    assert "| `search.stack.depth` | whole number (1 to 9) | `4` | yes |" in page
    assert "`local`" in page
    run(copy, "docs/tools/commands.py")


def test_a_change_of_what_is_not_there_is_noticed():
    assert apply("a\nb\nc\n", " a\n-b\n+B\n", "here") == "a\nB\nc\n"
    assert apply("a\nb\nc\n", " a\n+A\n@@\n c\n+C\n", "here") == "a\nA\nb\nc\nC\n"
    with pytest.raises(AssertionError, match="not there once"):
        apply("a\nb\n", " c\n+d\n", "here")
