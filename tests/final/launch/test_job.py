"""A final training as a file."""

import pytest

from tgas_neuro.__main__ import main
from tgas_neuro.config.final import Final
from tgas_neuro.config.section import dump_decisive, dump_section
from tgas_neuro.final.launch.job import Job, read_job, read_settings
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json

IMAGES = {"name": "toy", "kind": "image_folder", "data": {}, "archive": None, "size": 8}


def test_comes_back_as_it_was(tmp_path):
    job = Job({"epochs": 1}, {"space": "cell"}, IMAGES, "checked", str(tmp_path), 3)
    job.write()
    assert read_job(tmp_path / "job.json") == job
    assert job.path == tmp_path / "job.json"


def test_another_file_is_one_line(tmp_path):
    write_json(tmp_path / "job.json", {"epochs": 1})
    with pytest.raises(UserError, match=r"job\.json: not a final training \(.*epochs") as caught:
        read_job(tmp_path / "job.json")
    assert "results/final/<run>/work" in str(caught.value)
    with pytest.raises(UserError, match="no such file"):
        read_job(tmp_path / "other.json")


@pytest.mark.parametrize(
    "images, named",
    [
        ({"kind": "imagenet"}, "'archive'"),
        (IMAGES | {"folder": "x"}, "'folder'"),
        (None, "NoneType"),
    ],
)
def test_incomplete_images_are_one_line(images, named, tmp_path):
    Job({}, {}, images, "checked", str(tmp_path), 3).write()
    with pytest.raises(UserError, match=rf"job\.json: not a final training \(.*{named}") as caught:
        read_job(tmp_path / "job.json")
    assert "results/final/<run>/work" in str(caught.value)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"device": None}, "config.device: is missing; expected every key of the section final"),
        ({"network": {"filters": 4}}, "config.network: {'filters': 4}; expected every key"),
        ({"data": None}, "config: key 'data' is missing"),
        ({"epochs": "ten"}, "config.epochs: "),
        ({"epoch": 3}, "config: unknown key 'epoch', did you mean 'epochs'?"),
    ],
)
def test_a_configuration_that_no_training_starts_with(changed, message, config, tmp_path, capsys):
    read_settings(Job(config, {}, IMAGES, "checked", str(tmp_path), 3), "job.json")
    gone = [key for key, value in changed.items() if value is None]
    wrong = {key: value for key, value in (config | changed).items() if key not in gone}
    Job(wrong, {}, IMAGES, "checked", str(tmp_path), 3).write()
    assert main(["train", "--job", str(tmp_path / "job.json")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Error: {tmp_path / 'job.json'}: {message}")


@pytest.mark.parametrize("decisive", [False, True])
def test_all_keys_of_the_data_or_those_that_decide_numbers(decisive, config, tmp_path):
    """`source` says where images come from, and decides nothing."""
    images = {"kind": "image_folder", "path": "images", "source": "http://example.org"}
    settings = Final.model_validate(config | {"data": images})
    written = dump_section(settings) | (dump_decisive(settings) if decisive else {})
    job = Job(written, {}, IMAGES, "checked", str(tmp_path), 3)
    assert ("source" in job.config["data"]) != decisive
    read = read_settings(job, "job.json")
    assert dump_decisive(read) == dump_decisive(settings)


def test_processes_are_counted_from_one(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--job", str(tmp_path / "job.json"), "--processes", "0"])
    assert "--processes: '0': expected a whole number, at least 1" in capsys.readouterr().err
