"""The sets of versions that are tried, and the environments that are made of them."""

import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CHOICES = {"newest": "highest", "lowest": "lowest-direct"}  # of uv's --resolution
PYTHONS = ("3.11", "3.12", "3.13")
LEFT_OUT = {  # extra: why no set installs it
    "brainscore": "it fixes xarray and numpy itself; constraints.txt is what is tried with it",
    "docs": "it builds pages",
    "kubernetes": "it needs a cluster",
    "slurm": "it needs a cluster",
}


class MatrixError(Exception):
    """A set that failed, in one line."""


@dataclass(frozen=True)
class Set:
    """Which versions on which Python: the newest or the lowest that pyproject.toml allows."""

    choice: str
    python: str

    @property
    def name(self) -> str:
        return f"{self.choice}-{self.python}"


# The lowest versions have wheels for the oldest Python only.
SETS = {
    one.name: one
    for one in [*(Set("newest", python) for python in PYTHONS), Set("lowest", PYTHONS[0])]
}


def find_python(version: str) -> Path:
    """The interpreter of a version: `python3.X` of PATH, or one that pyenv or uv installed."""
    name = f"python{version}"
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(root.glob(f"versions/{version}.*/bin"))
    data = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share"))
    folders += sorted(data.glob(f"uv/python/cpython-{version}.*/bin"))
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2], sys.prefix == sys.base_prefix)"
    for path in (folder / name for folder in folders):
        if os.access(path, os.X_OK):  # pyenv's shims are there for versions that are switched off
            found = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
            if found.stdout.split() == [version, "True"]:
                return path
    raise MatrixError(f"no Python {version}: {name} is not on PATH nor installed by pyenv or uv")


def list_extras(project: Path) -> list[str]:
    """Extras of pyproject.toml that a set installs."""
    content = tomllib.loads((project / "pyproject.toml").read_text())
    return [extra for extra in content["project"]["optional-dependencies"] if extra not in LEFT_OUT]


def read_bounds(project: Path, python: str) -> dict[str, Version]:
    """Package to the lowest version that pyproject.toml promises on a Python, extras included."""
    content = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    lines = list(content["dependencies"])
    for extra in list_extras(project):
        lines += content["optional-dependencies"][extra]
    bounds = {}
    for requirement in map(Requirement, lines):
        if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
            continue
        for part in requirement.specifier:
            if part.operator == ">=":
                bounds[canonicalize_name(requirement.name)] = Version(part.version)
    return bounds


def read_versions(text: str) -> dict[str, Version]:
    """Package to version, from lines `name==version`."""
    found = re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def list_untried(bounds: dict[str, Version], versions: dict[str, Version]) -> list[str]:
    """What is promised and not tried, in words: the resolution had to take a later version."""
    return [
        f"{name} {versions[name]} (promised: {bound})"
        for name, bound in bounds.items()
        if versions[name] != bound
    ]


def run_python(
    python: Path, project: Path, *arguments: object, **options: str
) -> subprocess.CompletedProcess:
    """Run the Python of an environment in the project's folder; its output in one text."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(python), *map(str, arguments)],
        cwd=project,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", **options},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


class Environment:
    """A virtual environment with one set of versions and this project, editable."""

    def __init__(self, folder: Path, chosen: Set, project: Path):
        self.folder, self.chosen, self.project = folder, chosen, project
        self.python = folder / "bin" / "python"

    def resolve(self) -> dict[str, Version]:
        """Choose the versions; they are kept in a file beside the environment."""
        self.interpreter = find_python(self.chosen.python)
        self.requirements = self.folder.with_suffix(self.folder.suffix + ".txt")
        extras = [part for extra in list_extras(self.project) for part in ("--extra", extra)]
        resolution = ["--resolution", CHOICES[self.chosen.choice]]
        self._run_uv(
            "pip", "compile", *resolution, "--python", self.interpreter, "--no-annotate",
            *extras, "--output-file", self.requirements, "--quiet", "pyproject.toml",
        )  # fmt: skip
        return read_versions(self.requirements.read_text())

    def install(self) -> None:
        """Make the environment."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._run_uv("venv", "--quiet", "--python", self.interpreter, self.folder)
        install = ["pip", "install", "--quiet", "--python", self.python]
        self._run_uv(*install, "--requirements", self.requirements)
        self._run_uv(*install, "--no-deps", "--editable", self.project)

    def call(self, *arguments: object, **options: str) -> subprocess.CompletedProcess:
        """Run the environment's Python (see `run_python`)."""
        return run_python(self.python, self.project, *arguments, **options)

    def _run_uv(self, *arguments: object) -> None:
        program = shutil.which("uv")
        if program is None:
            raise MatrixError("uv is missing: install the extra dev, or uv itself")
        command = [program, *map(str, arguments)]
        found = subprocess.run(
            command, cwd=self.project, capture_output=True, text=True, check=False
        )
        if found.returncode:
            raise MatrixError(f"uv {arguments[0]} {arguments[1]}: {found.stderr.strip()[-2000:]}")
