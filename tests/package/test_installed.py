"""The wheel, installed without the repository: init, check and run end in best_cell.json.

The installation is read-only, the folder of the run has a space in its name, and imports of
Brain-Score fail. The environment takes its dependencies from the one that runs the tests.
"""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib import util
from pathlib import Path

import pytest
from soak.checks import drop_cost_and_dates
from soak.soak import PROJECT, TOY_RECORDINGS, build_toy
from support.toy_run import TOY

from tgas_neuro.runtime.files import read_json

pytestmark = pytest.mark.workflow

WITHOUT_BRAINSCORE = """
import sys
from importlib.abc import MetaPathFinder


class Refusing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("brainscore"):
            raise ModuleNotFoundError(f"{name}: hidden by a test", name=name)


sys.meta_path.insert(0, Refusing())
"""
# The five calls of the package; the argument is the folder of a finished run.
CALLS = """
import sys
import tgas_neuro as tgas
from torch import nn

recordings = tgas.load_recordings("simulated", region="IT")
print("recordings", len(recordings.rdm()), recordings.ceiling(splits=2).value > 0.3)
teacher = tgas.load_teacher(data={"IT": "simulated"}, splits=2)
network = nn.Sequential(nn.Conv2d(3, 8, 5, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU())
print("score", len(tgas.score(network, teacher, size=24).to_frame()))
study = tgas.search("chain", lambda genotype: len(genotype.to_json()["layers"]), generations=2)
print("search", len(study.to_frame()))
print("run", tgas.load_run(sys.argv[1]).best.id)
"""
# Root may write everywhere; without these capabilities it keeps to the permissions of files.
AS_USER = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
]


class Installation:
    """A virtual environment with the wheel, read-only, and an environment that hides the clone."""

    def __init__(self, folder: Path, wheel: Path):
        self.folder = folder / "installation"
        venv.create(self.folder, with_pip=False)
        (site,) = self.folder.glob("lib/python*/site-packages")
        dependencies = [path for path in sys.path if path.endswith("site-packages")]
        (site / "dependencies.pth").write_text("\n".join(dependencies) + "\n")
        hiding = folder / "hiding"
        hiding.mkdir()
        (hiding / "sitecustomize.py").write_text(WITHOUT_BRAINSCORE)
        home = folder / "home"
        home.mkdir()
        self.environment = {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(hiding),
        }
        python = str(self.folder / "bin" / "python")
        install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        options = ["--no-deps", "--no-index", "--ignore-installed"]
        subprocess.run([*install, *options, str(wheel)], check=True)
        self.package = site / "tgas_neuro"
        subprocess.run(["chmod", "-R", "a-w", str(self.folder)], check=True)

    def call(self, *command: str, folder: Path) -> subprocess.CompletedProcess:
        """Run a command of the environment in a folder, without the right to write elsewhere."""
        prefix = AS_USER if os.geteuid() == 0 else []
        program = str(self.folder / "bin" / command[0])
        return subprocess.run(
            [*prefix, program, *command[1:]],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def list_files(self) -> set[Path]:
        return set(self.folder.rglob("*"))


@pytest.fixture(scope="module")
def installation(wheel, tmp_path_factory):
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root writes everywhere, and there is no setpriv to prevent it")
    made = Installation(tmp_path_factory.mktemp("installed"), wheel)
    yield made
    subprocess.run(["chmod", "-R", "u+w", str(made.folder)], check=True)


def test_a_wheel_has_the_files_of_the_workflow_and_nothing_else(wheel):
    folders = ("neural_data", "profiles", "workflow")
    wanted = {
        str(path.relative_to(PROJECT))
        for folder in folders
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and not {"raw", "__pycache__"} & set(path.parts)
    } | {"Snakefile", "config.yaml", "environment.yml"}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    start = "tgas_neuro/project/"
    assert {name.removeprefix(start) for name in names if name.startswith(start)} == wanted
    assert "tgas_neuro/py.typed" in names  # type checkers of its users read its annotations
    packages = {name.partition("/")[0].partition("-")[0] for name in names}
    assert packages == {"tgas_neuro", "snakemake_logger_plugin_tgas"}


def test_from_init_to_best_cell_without_repository_and_brainscore(installation, tmp_path, finished):
    folder = tmp_path / "a folder"
    call, before = installation.call, installation.list_files()
    where = call("python", "-c", "import tgas_neuro as t; print(t.__file__)", folder=tmp_path)
    assert Path(where.stdout.strip()).parent == installation.package
    touched = call(
        "python", "-c", f"open({str(installation.package / 'x')!r}, 'w')", folder=tmp_path
    )
    assert "PermissionError" in touched.stdout
    if util.find_spec("brainscore_vision"):
        hidden = call("python", "-c", "import brainscore_vision", folder=tmp_path)
        assert "hidden by a test" in hidden.stdout

    made = call("tgas", "init", str(folder), folder=tmp_path)
    assert made.returncode == 0, made.stdout
    assert f"wrote {folder}/config.yaml" in made.stdout
    checked = call("tgas", "check", "simulated", "--splits", "2", folder=folder)
    assert checked.returncode == 0, checked.stdout

    build_toy(folder, TOY, TOY_RECORDINGS)  # over the written one, which takes minutes
    found = call("tgas", "run", "--cores", "2", folder=folder)
    assert found.returncode == 0, found.stdout[-6000:]
    results = [read_json(where / "results/best_cell.json") for where in (folder, finished.folder)]
    assert drop_cost_and_dates(results[0]) == drop_cost_and_dates(results[1])
    assert installation.list_files() == before


def test_the_five_calls_in_an_empty_folder(installation, tmp_path, finished):
    found = installation.call("python", "-c", CALLS, str(finished.folder), folder=tmp_path)
    assert found.returncode == 0, found.stdout[-6000:]
    best = read_json(finished.folder / "results/best_cell.json")["id"]
    wanted = ["recordings 640 True", "score 2", "search 12", f"run {best}"]
    assert [line for line in found.stdout.splitlines() if line in wanted] == wanted
    assert not list(tmp_path.iterdir())  # nothing is left there
