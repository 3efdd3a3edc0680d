"""Folders and values that Snakemake reads in a way of its own: one line, or the number meant."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.workflow


def run(snakefile, folder, *arguments):
    """The end of a dry run, both streams together."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "-n"]
    command += ["--cores", "1", "--directory", str(folder), *arguments]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture
def folder(tmp_path):
    shutil.copy(PROJECT / "config.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["lab {2024}", "a}b"])
def test_a_project_in_a_folder_with_braces_is_one_line(tmp_path, name):
    project = tmp_path / name
    project.mkdir()
    for part in ("Snakefile", "config.yaml", "workflow", "neural_data"):
        (project / part).symlink_to(PROJECT / part)
    found = run(project / "Snakefile", project)
    assert found.returncode == 1
    (line,) = [line for line in found.stdout.splitlines() if line.startswith("Error: ")]
    assert f"{name}: Snakemake allows no {{ and }}" in line
    assert "Traceback" not in found.stdout and "IndexError" not in found.stdout


@pytest.mark.parametrize(
    "entry", ["search={generations: 2}", "search={alpha: 1e-1}", "final={ema: null}"]
)
def test_values_in_braces_are_those_of_their_keys(folder, entry):
    found = run(PROJECT / "Snakefile", folder, "--config", entry)
    assert found.returncode == 0, found.stdout


def test_a_configuration_with_a_number_in_two_meanings_is_one_line(folder):
    (folder / "more.yaml").write_text("search:\n  seed: 010\n")
    found = run(PROJECT / "Snakefile", folder, "--configfile", str(folder / "more.yaml"))
    assert found.returncode == 1
    assert "more.yaml: line 2, column 9: 010 is read as 8; write 10, or" in found.stdout
