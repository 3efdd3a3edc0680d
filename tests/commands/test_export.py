"""`export`: files of the formats that are named, and one-line mistakes."""

import numpy as np
import pytest
from support.winner import write_winner

from tgas_neuro.__main__ import main
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.commands import export
from tgas_neuro.final.result.export import FORMATS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    genotype = SPACES["nasbench201"]().sample(np.random.default_rng(1))
    return write_winner(tmp_path, genotype, "nasbench201-89ab")[0].relative_to(tmp_path)


def test_formats(folder, tmp_path, capsys):
    assert main(["export", str(folder), "--format", "pt2", "brainscore"]) == 0
    names = {"tgas_nasbench201_89ab.pt2", "tgas_neuro_nasbench201_89ab"}
    assert {path.name for path in (tmp_path / "exports").iterdir()} == names
    first, *_, program, plugin = capsys.readouterr().out.splitlines()
    assert first == (
        "Note: images of the final training: 900 in 5 classes, a toy beside ImageNet's 1,281,167"
    )
    assert program.startswith("exports/tgas_nasbench201_89ab.pt2  program of torch.export")
    assert "needs no tgas-neuro; logits differ by at most" in plugin
    assert main(["export", str(folder), "--format", "pt2"]) == 1
    assert "exports/tgas_nasbench201_89ab.pt2: is there already" in capsys.readouterr().err
    assert main(["export", str(folder), "--format", "pt2", "--output", "other"]) == 0


def test_the_formats_of_the_command_are_those_there_are():
    """The command's parser must not import torch, so that it has a list of its own."""
    assert tuple(FORMATS) == export.FORMATS


def test_mistakes(folder, capsys):
    with pytest.raises(SystemExit):
        main(["export", str(folder), "--format", "keras"])
    assert "invalid choice: 'keras'" in capsys.readouterr().err
    assert main(["export", "results/final/none"]) == 1
    assert capsys.readouterr().err == (
        "Error: results/final/none: holds no weights.pt; name the folder of a finished final "
        "training, results/final/<run>\n"
    )
