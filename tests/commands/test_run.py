"""`run` calls Snakemake with the project's Snakefile, the folder and the options of the user."""

import sys

import pytest

from tgas_neuro.__main__ import main
from tgas_neuro.commands import run
from tgas_neuro.runtime.files import find_project

PROJECT = find_project()


@pytest.fixture
def called(tmp_path, monkeypatch):
    """The command that replaces this process, for `tgas run` with these arguments."""
    (tmp_path / "config.yaml").write_text("search: {}\n")

    def call(*arguments):
        commands = []
        monkeypatch.setattr(run.os, "execv", lambda program, command: commands.append(command))
        assert main(["run", "--directory", str(tmp_path), *arguments]) == 0
        return commands[0]

    return call


def test_without_options_all_cores_are_used(called, tmp_path):
    profile = ["--workflow-profile", str(PROJECT / "profiles" / "default")]
    assert called() == [
        *[sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile")],
        *["--directory", str(tmp_path), *profile, "--cores", "all"],
    ]


def test_options_are_passed_in_their_order(called):
    options = ["--cores", "2", "--config", "a=1", "b=2", "-n", "results/best_cell.json", "-p"]
    assert called(*options)[-len(options) :] == options


@pytest.mark.parametrize("option", ["--cores=4", "-c4", "-j", "--jobs"])
def test_cores_of_the_user_are_the_only_ones(called, option):
    assert "all" not in called(option)


def test_a_profile_of_the_folder_comes_before_the_projects(called, tmp_path):
    own = tmp_path / "profiles" / "default"
    own.mkdir(parents=True)
    command = called()
    assert command[command.index("--workflow-profile") + 1] == str(own)
    assert called("--workflow-profile", "none").count("--workflow-profile") == 1


@pytest.mark.parametrize("form", [["--profile", "slurm"], ["--profile=slurm"]])
def test_profiles_of_the_project_have_names(called, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert called(*form)[-1].removeprefix("--profile=") == str(PROJECT / "profiles" / "slurm")


def test_locks_of_a_killed_run_are_removed_but_not_for_a_dry_run(called, tmp_path):
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()
    called("-n")
    assert locks.exists()
    called()
    assert not locks.exists()


@pytest.mark.parametrize(
    "text, there", [("# later\n", "is empty"), ("- V4\n", "holds a list"), ("V4\n", "holds a str")]
)
def test_a_configuration_without_keys(tmp_path, capsys, text, there):
    (tmp_path / "config.yaml").write_text(text)
    assert main(["run", "--directory", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Error: {tmp_path}/config.yaml: {there}") and "tgas init" in line


def test_a_folder_without_configuration(tmp_path, capsys):
    assert main(["run", "--directory", str(tmp_path)]) == 1
    assert f"Error: {tmp_path}: no config.yaml; write one with tgas init" in capsys.readouterr().err


def test_a_python_whose_path_has_a_space(tmp_path, monkeypatch, capsys):
    (tmp_path / "config.yaml").write_text("search: {}\n")
    monkeypatch.setattr(run.sys, "executable", "/an environment/bin/python")
    assert main(["run", "--directory", str(tmp_path)]) == 1
    assert "Error: /an environment/bin/python: Snakemake starts no" in capsys.readouterr().err


def test_other_commands_refuse_unknown_options(capsys):
    with pytest.raises(SystemExit):
        main(["unlock", "--cores=2"])
    assert "unrecognized arguments: --cores=2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.yaml", "over.yaml", "third.yaml"])
def test_a_broken_configuration_is_one_line_before_snakemake_starts(tmp_path, capsys, name):
    for other in ("config.yaml", "over.yaml", "third.yaml"):
        (tmp_path / other).write_text("search: {seed: 1}\n")
    (tmp_path / name).write_text("search: {seed: 1}\nsearch: {seed: 2}\n")
    paths = [str(tmp_path / other) for other in ("over.yaml", "third.yaml")]
    assert main(["run", "--directory", str(tmp_path), "-n", "--configfile", *paths]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {tmp_path / name}: line 2, column 1: ")
    assert "key 'search' is given twice, first in line 1" in error
    assert error.count("\n") == 1


def test_what_follows_a_configuration_file_is_no_other(tmp_path):
    (tmp_path / "a.yaml").touch()
    options = [f"--configfile={tmp_path / 'a.yaml'}", "results/b.yaml", "--cores", "c.yaml"]
    assert run.find_config_files(tmp_path, options) == [
        tmp_path / "config.yaml",
        tmp_path / "a.yaml",
    ]
