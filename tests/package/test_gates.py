"""What runs before a commit is what `make lint` runs, by the programs of the environment."""

import re

import yaml
from soak.soak import PROJECT
from support.lengthy import FILES

CONFIGURATION = PROJECT / ".pre-commit-config.yaml"


def list_commands(target):
    """Commands of a target of the Makefile, without their arguments of files."""
    (recipe,) = re.findall(
        rf"^{target}:.*\n((?:\t.*\n)+)", (PROJECT / "Makefile").read_text(), re.MULTILINE
    )
    return {line.strip().removesuffix(" .") for line in recipe.splitlines()}


def test_hooks_are_the_linters_of_the_makefile():
    (repository,) = yaml.safe_load(CONFIGURATION.read_text())["repos"]
    assert repository["repo"] == "local"  # nothing is cloned
    entries = {hook["entry"] for hook in repository["hooks"]}
    # Snakemake's own linter looks at whole workflows, which takes longer than a commit may
    assert entries == list_commands("lint") - {"snakemake --lint"}
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_no_file_of_the_package_is_longer_than_300_lines():
    lengths = {
        path.relative_to(PROJECT).as_posix(): len(path.read_text().splitlines())
        for path in (PROJECT / "tgas_neuro").rglob("*.py")
    }
    assert len(lengths) > 300
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}


def test_files_that_quick_leaves_out_are_there():
    assert [name for name in sorted(FILES) if not (PROJECT / "tests" / name).is_file()] == []
