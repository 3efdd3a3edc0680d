"""environment.yml is what pyproject.toml and constraints.txt say, and can be read alone."""

import sys
from importlib import metadata

import pytest
import yaml
from package.environment_file import PROJECT, build_environment, read_pins, read_requirements
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def read_packages():
    content = yaml.safe_load((PROJECT / "environment.yml").read_text())
    (packages,) = [part["pip"] for part in content["dependencies"] if isinstance(part, dict)]
    return content, {canonicalize_name(Requirement(line).name): line for line in packages}


def test_it_names_exact_versions_and_no_file():
    content, packages = read_packages()
    assert content["channels"] == ["conda-forge"]
    assert [part for part in content["dependencies"] if isinstance(part, str)] == [
        "python=3.11",
        "pip",
    ]
    for line in packages.values():
        (one,) = Requirement(line).specifier
        assert one.operator == "=="
        assert Requirement(line).url is None


def test_all_that_the_default_job_names_is_there_as_pinned():
    _, packages = read_packages()
    assert packages.items() <= read_pins().items()
    for one in read_requirements():
        (pin,) = Requirement(packages[canonicalize_name(one.name)]).specifier
        assert one.specifier.contains(pin.version), one.name


def test_it_was_made_from_what_is_installed():
    _, packages = read_packages()
    pins = {name: line.partition("==")[2] for name, line in packages.items()}
    try:
        installed = {name: metadata.version(name) for name in pins}
    except metadata.PackageNotFoundError as error:
        pytest.skip(f"needs the versions of constraints.txt; {error.name} is not installed")
    if sys.version_info[:2] != (3, 11) or installed != pins:
        pytest.skip("needs Python 3.11 and the versions of constraints.txt")
    assert (PROJECT / "environment.yml").read_text() == build_environment()
