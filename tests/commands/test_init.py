"""`init` writes what a run needs, and overwrites nothing; completion names all commands."""

import subprocess

import pytest
import yaml

from tgas_neuro.__main__ import COMMANDS, main
from tgas_neuro.commands.init import list_presets
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.runtime.files import find_project


@pytest.mark.parametrize("preset", list_presets())
def test_a_preset_is_written_whole(tmp_path, capsys, preset):
    folder = tmp_path / "a folder"
    assert main(["init", str(folder), "--preset", preset]) == 0
    said = capsys.readouterr().out
    assert f"wrote {folder}/config.yaml" in said and "tgas run" in said
    written = yaml.safe_load((folder / "config.yaml").read_text())
    assert written == yaml.safe_load(list_presets()[preset].read_text())


def test_a_description_has_its_name_and_can_be_read(tmp_path, capsys):
    main(["init", str(tmp_path)])
    before = (tmp_path / "config.yaml").stat()
    assert main(["init", str(tmp_path), "--data-set", "mine"]) == 0
    said = capsys.readouterr().out
    assert f"wrote {tmp_path}/neural_data/mine.yaml" in said and "tgas check mine" in said
    assert (tmp_path / "config.yaml").stat() == before
    assert load_description("mine", [tmp_path / "neural_data"]).name == "mine"


def test_the_schema_that_an_editor_reads_is_there(tmp_path):
    main(["init", str(tmp_path), "--data-set", "mine"])
    for name in ("config.yaml", "neural_data/mine.yaml"):
        (line,) = [
            line for line in (tmp_path / name).read_text().splitlines() if "$schema=" in line
        ]
        assert line.partition("$schema=")[2].startswith(f"{find_project()}/workflow/schemas/")


def test_files_are_overwritten_only_with_force(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("mine: 1\n")
    assert main(["init", str(tmp_path)]) == 1
    said = f"Error: {path}: exists; name another folder, or overwrite it with --force\n"
    assert capsys.readouterr().err == said
    assert path.read_text() == "mine: 1\n"
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert "recordings" in yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--preset", "small"), "--preset: 'small' is not one of: default, macaque_small"),
        (("--data-set", "../x"), "--data-set: '../x': letters, digits"),
        (("--data-set", "simulated"), "--data-set: 'simulated': the project has this data set"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(tmp_path, capsys, arguments, said):
    assert main(["init", str(tmp_path), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {said}") and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_completion_is_valid_and_names_all_commands(capsys):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    for name in COMMANDS:
        assert name in script
