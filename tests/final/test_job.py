"""A final training as a file."""

import pytest

from tgas_neuro.errors import UserError
from tgas_neuro.files import write_json
from tgas_neuro.final.job import Job, read_job


def test_comes_back_as_it_was(tmp_path):
    job = Job({"epochs": 1}, {"space": "cell"}, {"kind": "imagenet"}, "checked", str(tmp_path), 3)
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
