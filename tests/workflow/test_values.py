"""Folders and values that Snakemake reads in a way of its own: one line, or the number meant."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.workflow


@pytest.fixture
def run(warm_snakemake):
    """Makes a dry run; both its streams together."""

    def run(snakefile, folder, *arguments):
        command = [*warm_snakemake, "--snakefile", str(snakefile), "-n"]
        command += ["--cores", "1", "--directory", str(folder), *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return run


@pytest.fixture
def folder(tmp_path):
    shutil.copy(PROJECT / "config.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["lab {2024}", "a}b"])
def test_a_project_in_a_folder_with_braces_is_one_line(run, tmp_path, name):
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
def test_values_in_braces_are_those_of_their_keys(run, folder, entry):
    found = run(PROJECT / "Snakefile", folder, "--config", entry)
    assert found.returncode == 0, found.stdout


def test_a_configuration_with_a_number_in_two_meanings_is_one_line(run, folder):
    (folder / "more.yaml").write_text("search:\n  seed: 010\n")
    found = run(PROJECT / "Snakefile", folder, "--configfile", str(folder / "more.yaml"))
    assert found.returncode == 1
    assert "more.yaml: line 2, column 9: 010 is read as 8; write 10, or" in found.stdout


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "config.yaml: is empty; write keys"),
        (b"- V4\n", "config.yaml: holds a list, no keys"),
        (b"search:\n\tseed: 1\n", "config.yaml: line 2, column 1: not valid YAML"),
        (b"search: {seed: 1}\nsearch: {}\n", "line 2, column 1: not valid YAML (key 'search' is"),
        (b"title: \xe9t\xe9\n", "config.yaml: not a YAML text in UTF-8"),
    ],
)
def test_a_configuration_that_is_none_is_one_line(run, folder, content, said):
    (folder / "config.yaml").write_bytes(content)
    found = run(PROJECT / "Snakefile", folder)
    assert found.returncode == 1
    (line,) = [line for line in found.stdout.splitlines() if "profile" not in line]
    assert line.startswith("Error: ") and said in line


def test_the_name_of_a_region_is_bounded(run, folder):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    regions = config["recordings"]["regions"]
    for name, code in (("posterior_" * 5, 0), ("posterior_" * 6, 1), ("V4\nIT", 1)):
        config["recordings"]["regions"] = regions | {name: regions["IT"]}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        found = run(PROJECT / "Snakefile", folder)
        assert found.returncode == code, found.stdout
        said = [line for line in found.stdout.splitlines() if line.startswith("Error: ")]
        assert len(said) == code
        assert not code or "at most 50 letters" in said[0]
