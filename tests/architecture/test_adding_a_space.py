"""A new space is one folder (tests/support/toy_space) and one line; it runs through all stages."""

import json

import numpy as np
import pytest
import torch
from support.final_settings import build_settings
from support.simulated_search import build, draw_history
from support.toy_space import Stack, StackNetwork, StackSpace

from tgas_neuro.architecture import spaces
from tgas_neuro.architecture.network import build_network, catching_outputs
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import (
    calc_complexity,
    describe_genotype,
    list_modules,
    read_genotype,
)
from tgas_neuro.figures.pictures import draw_best_cell
from tgas_neuro.final.network.network import build_final_network
from tgas_neuro.final.network.scaling import find_skeleton
from tgas_neuro.final.training.training import train_final
from tgas_neuro.images.decoded import Images
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.generation import propose_generation
from tgas_neuro.search.strategies import STRATEGIES

GENOTYPE = Stack("stack", depth=2, width=3)
SKELETON = Skeleton(2, 1, 1, n_classes=3, image_size=8)
CONFIG = {
    "recordings": {"regions": {"IT": {"datasets": ["simulated"]}}},
    "teacher": {"stimuli": {"size": 24, "visual_degrees": 8}},
    "premature": {"data": {"kind": "simulated"}},
    "final": {"data": {"kind": "simulated"}},
}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The one line that a new space takes."""
    monkeypatch.setitem(spaces.SPACES, "stack", StackSpace)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_proposes_its_genotypes(strategy):
    space = StackSpace(5)
    options = {"candidates_per_stage": 2, "beam": 2} if strategy == "progressive" else {}
    made = build(strategy, space, **options)
    proposals = propose_generation(made, draw_history(space, 12), [], 4, np.random.default_rng(0))
    assert len(proposals) == 4
    assert all(space.get_stage(proposal.genotype) is not None for proposal in proposals)


def test_the_configuration_knows_its_name_and_options():
    checked = check_configuration(CONFIG | {"search": {"space": "stack", "stack": {"depth": 7}}})
    assert checked.search.get_space_options().depth == 7
    with pytest.raises(UserError, match=r"search\.stack\.depth: 10 is too large"):
        check_configuration(CONFIG | {"search": {"space": "stack", "stack": {"depth": 10}}})


def test_genotypes_are_written_read_described_and_drawn(tmp_path):
    content = json.loads(json.dumps(GENOTYPE.to_json()))
    assert read_genotype(content) == GENOTYPE
    assert describe_genotype(GENOTYPE) == ["2 convolutions, 3 F filters each"]
    draw_best_cell({"genotype": content, "id": "g000_c00", "reward": 0.5}, tmp_path / "best.png")
    assert (tmp_path / "best.png").read_bytes().startswith(b"\x89PNG")


def test_a_candidate_is_built_counted_and_looked_into():
    network = build_network(GENOTYPE, SKELETON, torch.Generator().manual_seed(0))
    assert isinstance(network, StackNetwork)
    learned = sum(parameter.numel() for parameter in network.parameters())
    assert calc_complexity(GENOTYPE, SKELETON).params == learned
    assert list_modules(GENOTYPE, SKELETON) == ["stem", "stack.layer_0", "stack.layer_1"]
    with catching_outputs(network.layers()) as outputs:
        network(torch.zeros(2, 3, 8, 8))
    assert [output.shape for output in outputs.values()] == [(2, 6, 8, 8)] * 3


def test_the_winner_is_scaled_up_and_trained(folders, tmp_path):
    images = Images("image_folder-toy", "image_folder", {"path": str(tmp_path)}, None, 8)
    settings = build_settings(target={"macs": 400_000}, drop_path=0.0, auxiliary=0.0)
    skeleton = find_skeleton(settings, GENOTYPE, n_classes=3)
    wider = Skeleton(skeleton.filters + 1, 1, 2, n_classes=3, image_size=8)
    assert calc_complexity(GENOTYPE, skeleton).macs <= 400_000
    assert calc_complexity(GENOTYPE, wider).macs > 400_000
    result = train_final(
        settings, GENOTYPE, images, tmp_path / "run", 0, lambda line: None, build_final_network
    )
    assert result["params"] == calc_complexity(GENOTYPE, skeleton).params
    assert 0 <= result["top1"] <= 1


@pytest.mark.parametrize(
    ("key", "reason"), [("drop_path", "adds nothing"), ("auxiliary", "has no st")]
)
def test_what_its_networks_cannot_have_is_refused(key, reason):
    settings = build_settings(**{"drop_path": 0.0, "auxiliary": 0.0, key: 0.3})
    with pytest.raises(
        UserError, match=rf"final\.{key}: 0\.3, but a network of space stack {reason}"
    ):
        build_final_network(GENOTYPE, SKELETON, settings, torch.Generator())
