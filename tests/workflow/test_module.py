"""The workflow as a module of another one, and as snakedeploy deploys it: the same result."""

import os
import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
import yaml
from soak.checks import drop_cost_and_dates
from soak.soak import PROJECT
from support.toy_run import SNAKEMAKE, Toy

from tgas_neuro import __version__
from tgas_neuro.runtime.files import PACKAGE, read_json

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]

PAGE = (PROJECT / "docs/modules.md").read_text()
(OUTER,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GIVEN = 'config: config["model"]\n'  # a line of it
WITHOUT_PACKAGE = """
import pathlib
import sys

sys.path = [path for path in sys.path if not pathlib.Path(path, "tgas_neuro/__init__.py").is_file()]
"""


class Outer(Toy):
    """Another workflow, which has the toy's configuration as a section of its own."""

    def __init__(self, folder):
        super().__init__(folder)
        (folder / "config.yaml").unlink()
        self.settings = {"author": "me", "model": self.config}
        self.write()

    def write(self, given=GIVEN):
        """Write the outer Snakefile of the page, with these lines instead of its `GIVEN`."""
        assert OUTER.count(GIVEN) == 1
        (self.folder / "Snakefile").write_text(OUTER.replace(GIVEN, given))

    def build_command(self, *arguments, cores=2):
        settings = self.folder / "settings.yaml"
        if not settings.exists():
            settings.write_text(yaml.safe_dump(self.settings))
        return [*self.snakemake, "--cores", str(cores), *arguments]


@pytest.fixture
def outer(tmp_path):
    return Outer(tmp_path)


def read_result(folder):
    return drop_cost_and_dates(read_json(folder / "results/best_cell.json"))


def find_error(output):
    """The one line of a mistake."""
    (line,) = [line for line in output.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in output
    return line


def test_as_a_module_the_result_is_the_same(outer, finished):
    outer.run()
    assert (outer.folder / "picked.txt").read_text().count("genotype") == 1
    assert read_result(outer.folder) == read_result(finished.folder)
    note = outer.read("results/search/*/run.json")  # of onstart
    assert note["rules"]["candidate"] == 6
    assert "pick" not in note["rules"]
    again = outer.run("--dry-run")
    assert "Nothing to be done" in again.stdout


@pytest.mark.parametrize(
    "config, where",
    [
        ('config["model"]', "settings.yaml: model"),
        ('dict(config["model"])', "config of module tgas"),
    ],
)
def test_a_mistake_is_named_where_it_lies(outer, config, where):
    outer.write(f"config: {config}\n")
    outer.settings["model"]["search"]["seeed"] = 1
    found = outer.run("--dry-run", check=False)
    assert found.returncode == 1
    assert f"Error: {where}: search: unknown key 'seeed'" in find_error(found.stdout)


def test_a_value_with_two_meanings_is_refused_in_the_section_only(outer):
    text = yaml.safe_dump(outer.settings).replace("author: me", "author: no")
    settings = outer.folder / "settings.yaml"
    settings.write_text(text)
    assert outer.run("--dry-run", check=False).returncode == 0
    settings.write_text(re.sub(r"(    seed: )\d+", r"\g<1>010", text))
    found = outer.run("--dry-run", check=False)
    assert found.returncode == 1
    assert "010 is read as 8; write 10, or" in find_error(found.stdout)


def test_values_of_the_command_line_are_those_of_their_keys(outer):
    found = outer.run("--dry-run", "--config", "model={search: {generations: 1, alpha: 1e-1}}")
    assert re.search(r"^tgas_candidate +3$", found.stdout, re.MULTILINE), found.stdout


@pytest.mark.parametrize("more", ['prefix: "sub"', 'replace_prefix: {"results/": "r/"}'])
def test_results_that_are_moved_are_refused(outer, more):
    outer.write(f"{GIVEN}    {more}\n")
    found = outer.run("--dry-run", check=False)
    assert found.returncode == 1
    assert "leave out prefix and replace_prefix" in find_error(found.stdout)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A repository with this workflow, and an environment in which git finds it under its address.

    git itself is told that the address is a folder; what fetches from it notices no difference.
    """
    pytest.importorskip("snakedeploy")
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder = tmp_path_factory.mktemp("published")
    repository = folder / "hosted/example/tgas-neuro"
    repository.mkdir(parents=True)
    for path in ("Snakefile", "LICENSE", "config.yaml", "environment.yml"):
        shutil.copy(PROJECT / path, repository)
    ignored = shutil.ignore_patterns("raw", "__pycache__")
    for path in ("config", "workflow", "profiles", "neural_data"):
        shutil.copytree(PROJECT / path, repository / path, symlinks=True, ignore=ignored)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init"], ["add", "--all"], [*who, "commit", "-m", "all"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=repository, check=True, capture_output=True)
    environment = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(folder / 'hosted').as_uri()}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    return repository, environment


class Deployed(Toy):
    """What snakedeploy makes of a source, with the toy's configuration."""

    def __init__(self, folder, source, environment):
        deploy = "from snakedeploy.client import main; main()"
        command = [sys.executable, "-c", deploy, "deploy-workflow", str(source), str(folder)]
        subprocess.run([*command, "--tag", "v1"], env=os.environ | environment, check=True)
        self.template = (folder / "config/config.yaml").read_text()
        super().__init__(folder)
        (folder / "config.yaml").unlink()
        self.environment |= environment

    def build_command(self, *arguments, cores=2):
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(self.config))
        return [*self.snakemake, "--cores", str(cores), *arguments]


def test_deployed_from_its_address_it_runs_to_the_same_result(published, finished, tmp_path):
    address = "https://github.com/example/tgas-neuro"
    deployed = Deployed(tmp_path / "deployed", address, published[1])
    assert deployed.template == (PROJECT / "config.yaml").read_text()
    output = deployed.run().stdout
    assert read_result(deployed.folder) == read_result(finished.folder)
    assert (deployed.folder / "results/report.html").is_file()
    assert f"tgas-neuro {__version__}: " in output  # its console


def test_deployed_from_a_local_copy_one_line_names_the_copy(published, tmp_path):
    deployed = Deployed(tmp_path / "deployed", published[0], published[1])
    snakefile = deployed.folder / "workflow/Snakefile"
    text = snakefile.read_text()
    line = '"workflow/Snakefile"'
    assert text.count(line) == 1  # without its folder: nothing is there
    snakefile.write_text(text.replace(line, f'"{published[0]}/workflow/Snakefile"'))
    assert re.search(r"^candidate +6$", deployed.run("--dry-run").stdout, re.MULTILINE)


def test_a_snakefile_of_another_version_is_refused(tmp_path):
    text = (PROJECT / "Snakefile").read_text()
    assert f'VERSION = "{__version__}"' in text
    copied = tmp_path / "Snakefile"
    copied.write_text(text.replace(f'VERSION = "{__version__}"', 'VERSION = "0.0.1"'))
    command = [*SNAKEMAKE, "--snakefile", str(copied), "--dry-run"]
    found = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 1
    assert f"goes with tgas-neuro 0.0.1, but {__version__} is installed" in find_error(found.stderr)


def test_without_the_package_the_line_names_it(tmp_path):
    if Path(util.find_spec("snakemake").origin).parents[1] == PACKAGE.parent:
        pytest.skip("the package lies in the folder of its dependencies")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PACKAGE)
    shutil.copy(PROJECT / "Snakefile", tmp_path)
    command = [*SNAKEMAKE, "--dry-run"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    found = subprocess.run(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert found.returncode == 1
    assert f"goes with tgas-neuro {__version__}, but it is not installed" in find_error(
        found.stderr
    )
