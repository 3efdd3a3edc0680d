"""What the recipes of containers run, in an environment of Python that has the dependencies."""

import os
import re
import shutil
import sys
import venv
from importlib import metadata

import pytest
from package.environment_file import PROJECT, find_closure, read_pins, read_requirements
from support.commands import run_printed

from tgas_neuro import __version__


def read_docker():
    """The commands of RUN, and the folder into which the source is copied."""
    text = (PROJECT / "Dockerfile").read_text().replace("\\\n", "")
    (commands,) = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    return commands, re.findall(r"^COPY \$\{SOURCE\} (\S+)/$", text, re.MULTILINE)[0]


def read_apptainer():
    """The commands of %post, and the folder into which the source is copied."""
    text = (PROJECT / "apptainer.def").read_text()
    defaults = dict(re.findall(r"^    (\w+)=(.*)$", text.partition("%files")[0], re.MULTILINE))
    (commands,) = re.findall(r"^%post\n(.*?)^%", text, re.MULTILINE | re.DOTALL)
    for name, value in defaults.items():
        commands = commands.replace("{{ " + name + " }}", value)
    assert "{{" not in commands
    return commands, re.findall(r"^    \{\{ SOURCE \}\} (\S+)/$", text, re.MULTILINE)[0]


@pytest.fixture
def environment(tmp_path):
    """An environment with the dependencies of this one, and without the package."""
    pins = {name: line.partition("==")[2] for name, line in read_pins().items()}
    for name in find_closure(read_requirements()):
        if metadata.version(name) != pins.get(name):
            pytest.skip(f"needs the versions of constraints.txt; {name} has another")
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    there = [path for path in sys.path if path.endswith("site-packages")]
    (site / "there.pth").write_text("\n".join(there) + "\n")
    pip = "from pip._internal.cli.main import main; raise SystemExit(main())"
    (folder / "bin/pip").write_text(f"#!{folder}/bin/python\n{pip}\n")
    (folder / "bin/pip").chmod(0o755)
    return folder


@pytest.mark.parametrize("read", [read_docker, read_apptainer])
def test_the_commands_of_a_recipe_install_the_package(read, environment, wheel, tmp_path):
    commands, source = read()
    folder = tmp_path / "copied"
    folder.mkdir()
    shutil.copy(wheel, folder)
    commands = commands.replace(source, str(folder)).replace(
        "/tmp/versions", f"{tmp_path}/versions"
    )
    commands = commands.replace("/opt/versions", f"{tmp_path}/versions")
    inside = {
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "EXTRAS": "",
        "INDEX": "",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    printed = run_printed(["sh", "-c", commands], tmp_path, inside)
    assert printed.splitlines()[-1] == f"tgas-neuro {__version__}"
    assert "Collecting" not in printed  # all versions are those that are installed
    assert not folder.exists()
    assert list(environment.glob("lib/python*/site-packages/tgas_neuro/project/Snakefile"))
