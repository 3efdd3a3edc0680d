"""`export` of a finished toy run: its trained weights, its ledger, the plugin that it wrote."""

import json

import pytest
import torch

from tgas_neuro.__main__ import main
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.final.result.winner import load_winner

pytestmark = pytest.mark.workflow


def test_the_winner_of_a_finished_run(finished, tmp_path):
    (folder,) = finished.folder.glob("results/final/*")
    output = tmp_path / "exports"
    formats = ["--format", "pt2", "brainscore"]
    assert main(["export", str(folder), *formats, "--output", str(output)]) == 0
    result = finished.read("results/best_cell.json")
    network = build_network(
        read_genotype(result["genotype"]),
        Skeleton(**result["final"]["network"]),
        torch.Generator(),
    )
    network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    (path,), extra = output.glob("*.pt2"), {"tgas.json": ""}
    program = torch.export.load(path, extra_files=extra).module()
    size = result["final"]["network"]["image_size"]
    for number in (1, 7):
        images = torch.randn(number, 3, size, size)
        with torch.no_grad():
            torch.testing.assert_close(
                program(images), network.eval()(images), rtol=1e-5, atol=1e-5
            )
    description = json.loads(extra["tgas.json"])
    assert description["simulated_or_toy"] == result["simulated_or_toy"]
    assert len(description["classes"]) == result["final"]["n_classes"]
    (written,) = finished.folder.glob("results/brainscore/*")
    for name in ("network.py", "model.py", "model.json", "weights.pt"):
        assert (output / written.name / name).read_bytes() == (written / name).read_bytes()
    assert load_winner(folder).result.hash == result["hash"]
