"""`run`: run the workflow in a folder with a config.yaml; `tgas run --cores 8`.

All other options and targets are passed to Snakemake (`snakemake --help` lists them). The default
target is results/best_cell.json with its figures; without --cores all processors are used. After a
kill, the same command continues. `--profile slurm` and `--profile kubernetes` name profiles of the
project; a folder profiles/default of your own replaces the project's.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from tgas_neuro.commands import unlock
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import find_project
from tgas_neuro.runtime.yaml_files import load_configuration

CORES = re.compile(r"--(cores|jobs|profile|executor|workflow-profile)\b|-[cje]")
DRY = {"--dry-run", "--dryrun", "--lint", "-h", "--help", "-v", "--version"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments; Snakemake reads the others."""
    parser.add_argument(
        "--directory",
        "-d",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the folder with config.yaml, where results are written (default: this one)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Replace this process by Snakemake; remove the locks of a killed run first."""
    folder = arguments.directory
    if not (folder / "config.yaml").is_file():
        raise UserError(
            f"{folder.resolve()}: no config.yaml; write one with tgas init, or name its folder "
            "with --directory"
        )
    if " " in sys.executable:
        raise UserError(
            f"{sys.executable}: Snakemake starts no Python whose path has a space; make the "
            "environment in another folder (the folder of the run may have one)"
        )
    for path in find_config_files(folder, arguments.options):
        load_configuration(path)
    if not any(o in DRY or o.startswith("-n") for o in arguments.options):
        unlock.run(argparse.Namespace(folder=folder, host=None))
    command = build_command(folder, arguments.options)
    sys.stdout.flush()
    os.execv(command[0], command)


def find_config_files(folder: Path, options: list[str]) -> list[Path]:
    """The YAML files of a run's configuration: config.yaml, and those after ``--configfile``."""
    found, following = [folder / "config.yaml"], False
    for option in options:
        name, _, value = option.partition("=")
        if name.startswith("-"):
            following = name in ("--configfile", "--configfiles")
            given = value if following else ""
        else:
            given = option if following else ""
        path = Path(given)
        if given and path.suffix in (".yaml", ".yml") and path.is_file():
            found.append(path)
    return found


def build_command(folder: Path, options: list[str], project: Path | None = None) -> list[str]:
    """The call of Snakemake.

    Parameters
    ----------
    folder
        Working directory of the run.
    options
        Options and targets of Snakemake.
    project
        The folder with the Snakefile, by default that of the installation.
    """
    project = project or find_project()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile")]
    command += ["--directory", str(folder.resolve())]
    if not any(option.startswith("--workflow-profile") for option in options):
        own = folder.resolve() / "profiles" / "default"
        profile = own if own.is_dir() else project / "profiles" / "default"
        command += ["--workflow-profile", str(profile)]
    if not any(CORES.match(option) for option in options):
        command += ["--cores", "all"]
    return command + _find_profiles(options, project)


def _find_profiles(options: list[str], project: Path) -> list[str]:
    """Replace the name of one of the project's profiles after ``--profile`` by its path."""
    found = list(options)
    for number, option in enumerate(options):
        name = option.removeprefix("--profile=")
        named = name != option or options[max(number - 1, 0)] == "--profile"
        packaged = project / "profiles" / name.removeprefix("profiles/")
        if named and packaged.is_dir() and not Path(name).exists():
            found[number] = option.removesuffix(name) + str(packaged)
    return found
