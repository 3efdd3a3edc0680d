"""What a release says of itself agrees, and what tools and people look for is where they look."""

import re

import pytest
import yaml
from matrix.sets import SETS
from soak.soak import PROJECT

from tgas_neuro import RESULTS_VERSION, __version__


def read(path):
    return (PROJECT / path).read_text()


def test_all_files_name_the_same_version():
    assert yaml.safe_load(read("CITATION.cff"))["version"] == __version__
    versions = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    assert versions[versions[0] == "Unreleased"] == __version__
    assert f'VERSION = "{__version__}"' in read("Snakefile")
    for path in ("Dockerfile", "apptainer.def", "docs/containers.md", "docs/terminal.md"):
        found = re.findall(r"tgas[-_]neuro[ -](\d+\.\d+\.\d+)", read(path))
        assert found and set(found) == {__version__}, path


def test_the_changelog_says_what_results_it_is_about():
    sections = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    rises = [re.findall(r"`RESULTS_VERSION` rose from\s+\d+ to (\d+)", one) for one in sections]
    newest = next(numbers for numbers in rises if numbers)
    assert newest == [str(RESULTS_VERSION)]
    known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for section in sections:
        headings = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert headings == [heading for heading in known if heading in headings]


def test_the_paper_is_cited_beside_the_software():
    content = yaml.safe_load(read("CITATION.cff"))
    (paper,) = content["references"]
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Bashivan", "Tensen", "DiCarlo"]
    assert paper["year"] == 2019
    assert not {"Bashivan", "Tensen", "DiCarlo"} & {
        author.get("family-names") for author in content["authors"]
    }


def test_the_catalogue_finds_workflow_configuration_and_usage():
    assert 'include: "../Snakefile"' in read("workflow/Snakefile")
    assert "config.yaml" in read("config/README.md")
    link = PROJECT / "config/config.yaml"
    assert link.is_symlink() and link.resolve() == PROJECT / "config.yaml"
    usage = yaml.safe_load(read(".snakemake-workflow-catalog.yml"))["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    readme = read("README.md").lower()
    assert "snakemake" in readme and "workflow" in readme


@pytest.mark.parametrize("path", sorted(PROJECT.glob(".github/workflows/*.yml")))
def test_a_workflow_of_a_forge_runs_what_is_there(path):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    makefile = read("Makefile")
    for command in commands:
        for target in re.findall(r"make (\S+)", command):
            there = re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)
            assert there or target == ".venv/.complete", command
    included = jobs["matrix"]["strategy"]["matrix"]["include"]
    sets = [(one["versions"], one["python"]) for one in included]
    assert sets == [(one.choice, one.python) for one in SETS.values()]
    wanted = re.search(r'^requires-python = ">=(.*)"$', read("pyproject.toml"), re.MULTILINE)
    assert sets[0] == ("newest", wanted[1])
