"""`evaluate`: what can be refused is refused early; networks, names and runs of other forms."""

import json
import shutil
import sys
from dataclasses import asdict

import pytest
from support.evaluation_loop import run_evaluate, write_toy

from tgas_neuro.__main__ import main
from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.launch.job import Job
from tgas_neuro.images.decoded import Images

OWN_NETWORKS = """
import torch
from torch import nn


class Own(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, inputs):
        return self.answer(torch.arange(3.0).repeat(len(inputs), 1))


def build_pair():
    return Own(lambda logits: (logits, None))


def build_dict():
    return Own(lambda logits: {"logits": logits})


def build_broken():
    return Own(lambda logits: logits * torch.nan)


def build_sound():
    return Own(lambda logits: logits)
"""


@pytest.fixture
def toy(tmp_path):
    return write_toy(tmp_path / "val")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module with networks of the user's own, of three outputs."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "own_networks.py").write_text(OWN_NETWORKS)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield "own_networks"
    sys.modules.pop("own_networks", None)


@pytest.mark.parametrize(
    "option, values, message",
    [
        ("--batch-size", ["0"], "'0': expected a whole number, at least 1"),
        ("--batch-size", ["-3"], "'-3': expected a whole number, at least 1"),
        ("--workers", ["-1"], "'-1': expected a whole number, at least 0"),
        ("--threads", ["0"], "'0': expected a whole number, at least 1"),
        ("--size", ["0"], "'0': expected a whole number, at least 1"),
        ("--resize", ["0"], "'0': expected a whole number, at least 1"),
        ("--expect", ["many"], "'many': expected a whole number, at least 1"),
        ("--mean", ["0.5", "127.5", "0.5"], "'127.5': expected a number from 0 to 1"),
        ("--deviation", ["nan", "0.2", "0.2"], "'nan': expected a number from 0 to 1"),
    ],
)
def test_a_number_out_of_range_is_refused_before_anything_else(option, values, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "--model", "nowhere", option, *values])
    assert end.value.code == 2
    assert f"argument {option}: {message}" in capsys.readouterr().err.splitlines()[-1]


def test_files_that_cannot_be_written_are_refused_before_the_evaluation(
    tmp_path, monkeypatch, capsys
):
    def evaluate(arguments):
        raise AssertionError("evaluated")

    monkeypatch.setattr("tgas_neuro.final.evaluation.named.evaluate_named", evaluate)
    for option in ("--json", "--per-class"):
        assert main(["evaluate", "--model", "nowhere", option, str(tmp_path)]) == 1
        assert capsys.readouterr().err == f"Error: {option}: {tmp_path}: is a folder; name a file\n"


@pytest.mark.parametrize("function, returned", [("build_pair", "tuple"), ("build_dict", "dict")])
def test_a_network_that_returns_more_than_logits_is_refused(own, toy, function, returned, capsys):
    assert main(["evaluate", "--model", f"{own}:{function}", "--images", str(toy)]) == 1
    error = capsys.readouterr().err
    assert f"Error: the network returns a {returned}, expected one tensor of logits" in error
    assert len(error.splitlines()) == 1


def test_a_loss_that_is_no_number_is_null(own, toy, tmp_path, capsys):
    found = run_evaluate(tmp_path, "--model", f"{own}:build_broken", "--images", toy, "--size", 8)
    assert found["loss"] is None
    assert found["top1"] == 0  # NaN never hits
    assert found["n_images"] == 9
    assert found["per_class"]["n_images"] == [4, 3, 2]
    assert "loss       nan nat" in capsys.readouterr().out


def test_the_folder_above_the_splits_is_refused(own, toy, tmp_path, capsys):
    shutil.copytree(toy, tmp_path / "train")
    arguments = ["evaluate", "--model", f"{own}:build_sound", "--images"]
    assert main([*arguments, str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"Error: --images: {tmp_path}: holds both splits, train and val; name the one to evaluate: "
        f"--images {toy}\n"
    )
    assert main([*arguments, str(toy), "--size", "8"]) == 0


def test_names_of_classes_with_spaces(own, toy, tmp_path):
    (toy / "ant").rename(toy / "golden ant")
    (tmp_path / "names.txt").write_text("cow\ngolden bee\ngolden ant \n")
    arguments = ["--model", f"{own}:build_sound", "--classes", tmp_path / "names.txt", "--size", 8]
    shutil.move(toy / "bee", tmp_path / "bee")
    found = run_evaluate(tmp_path, *arguments, "--images", toy)
    assert found["classes"] == ["cow", "golden bee", "golden ant"]
    assert found["per_class"]["n_images"] == [2, 0, 4]
    assert found["per_class"]["top1"] == [0, 0, 4]  # the third output is the highest


def test_a_run_of_another_form_is_one_line(tmp_path, capsys):
    images = Images("toy", "image_folder", {"path": "nowhere"}, None, 32)
    work = tmp_path / "run" / "work"
    work.mkdir(parents=True)
    skeleton = asdict(Skeleton(8, 1, 2, 3, 32))
    for config, network in (({}, skeleton), ({"augmentation": "pad_crop"}, {"width": 8})):
        Job(config, PNASNET5.to_json(), asdict(images), "checked", str(work), 0).write()
        (tmp_path / "run" / "metrics.json").write_text(json.dumps({"network": network}))
        assert main(["evaluate", "--model", str(tmp_path / "run")]) == 1
        error = capsys.readouterr().err
        assert f"{tmp_path / 'run'}: not a final training of this version (" in error
        assert "augmentation" in error if not config else "width" in error
