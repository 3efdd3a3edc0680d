"""environment.yml from pyproject.toml and constraints.txt; run this file to write it.

Snakemake copies the file to a folder of its own before conda reads it, so that it can name no other
file. It therefore lists all that the default job needs, in the versions of constraints.txt. What
depends on the platform, as the CUDA libraries, is left out: torch itself asks for exact versions.
"""

import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
HEAD = """\
# Made by tests/package/environment_file.py from pyproject.toml and constraints.txt. It has what the
# default job needs, but not this package itself. In a clone:
#   conda env create --file environment.yml
#   conda activate tgas-neuro
#   pip install --no-deps --editable .
# With --software-deployment-method conda, Snakemake makes this environment for the rules.
name: tgas-neuro
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def read_requirements() -> list[Requirement]:
    """What pyproject.toml says that the default job needs."""
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    found = [Requirement(line) for line in content["project"]["dependencies"]]
    return [one for one in found if _holds(one, frozenset())]


def read_pins() -> dict[str, str]:
    """Canonical name of each package of constraints.txt to its line."""
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(Requirement(line).name): line for line in pins}


def find_closure(wanted: list[Requirement]) -> set[str]:
    """Canonical names of packages and all that they need, as the installed ones say."""
    found: set[str] = set()
    left = [(canonicalize_name(one.name), frozenset(one.extras)) for one in wanted]
    seen = set(left)
    while left:
        name, extras = left.pop()
        found.add(name)
        for line in metadata.requires(name) or ():
            one = Requirement(line)
            if not _holds(one, extras):
                continue
            next_one = (canonicalize_name(one.name), frozenset(one.extras))
            if next_one not in seen:
                seen.add(next_one)
                left.append(next_one)
    return found


def _holds(one: Requirement, extras: frozenset[str]) -> bool:
    """Whether a package is needed on every platform, for one of these extras or without any."""
    if one.marker is None:
        return True
    if any(word in str(one.marker) for word in ("platform", "sys_platform", "os_name")):
        return False
    return any(one.marker.evaluate({"extra": extra}) for extra in extras or {""})


def build_environment() -> str:
    """The text of environment.yml."""
    pins, names = read_pins(), find_closure(read_requirements())
    missing = sorted(names - set(pins))
    if missing:
        sys.exit(f"Error: constraints.txt: no version of {', '.join(missing)}; add it there")
    return HEAD + "".join(f"      - {pins[name]}\n" for name in sorted(names))


if __name__ == "__main__":
    (PROJECT / "environment.yml").write_text(build_environment())
