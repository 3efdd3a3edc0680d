"""`evaluate` on classes whose names can be sorted in two ways."""

import sys

import pytest
from PIL import Image
from support.evaluation_loop import run_evaluate

from tgas_neuro.__main__ import main

NETWORK = """
import torch
from torch import nn


class ByGrey(nn.Module):
    '''Class k is the grey level 20 k + 10.'''

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        grey = (inputs[:, 0].mean(dim=(1, 2)) * 0.229 + 0.485) * 255
        return -(grey[:, None] - torch.arange({n}) * 20 - 10).abs() + self.unused


def build():
    return ByGrey()
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a folder for each class, in the order of the network's outputs."""

    def write_classes(names):
        for level, name in enumerate(names):
            (tmp_path / "val" / name).mkdir(parents=True)
            for number in range(2):
                image = Image.new("L", (32, 32), 20 * level + 10)
                image.save(tmp_path / "val" / name / f"{number}.png")
        (tmp_path / "grey_levels.py").write_text(NETWORK.format(n=len(names)))
        monkeypatch.syspath_prepend(tmp_path)
        return ["--model", "grey_levels:build", "--images", tmp_path / "val", "--size", 16]

    yield write_classes
    sys.modules.pop("grey_levels", None)


@pytest.mark.parametrize(
    "names, order",
    [
        ([str(number) for number in range(12)], "natural"),
        (["Ant", "bee", "Cow"], "natural"),
        (["Ant", "Cow", "bee"], "name"),
    ],
)
def test_the_order_of_classes_is_asked_for(write, tmp_path, capsys, names, order):
    arguments = write(names)
    assert main(["evaluate", *map(str, arguments)]) == 1
    error = capsys.readouterr().err
    assert "the order of the classes is not clear" in error and "--order name or natural" in error
    assert run_evaluate(tmp_path, *arguments, "--order", order)["top1"] == 1


def test_a_clear_order_needs_no_option(write, tmp_path):
    assert run_evaluate(tmp_path, *write(["n01", "n02", "n03"]))["top1"] == 1


def test_a_list_of_classes_is_their_order(write, tmp_path, capsys):
    arguments = write(["0", "1", "10", "2"])
    (tmp_path / "classes.txt").write_text("0\n1\n10\n2\n")
    listed = [*arguments, "--classes", tmp_path / "classes.txt"]
    assert run_evaluate(tmp_path, *listed)["top1"] == 1
    assert main(["evaluate", *map(str, listed), "--order", "name"]) == 1
    assert "--order: 'name' is given with --classes" in capsys.readouterr().err
