"""Ten architectures of torchvision and timm with ``layers="auto"``, weights drawn at random."""

import numpy as np
import pytest
import torch
from support.scored import make_folder
from torchvision import models

from tgas_neuro.api.scores import score
from tgas_neuro.api.teachers import load_teacher


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("scored"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return load_teacher(data={"IT": "small"}, splits=4, report=len)


def build_torchvision(name):
    return models.get_model(name, weights=None, **SAYS_LITTLE.get(name, {}))


def build_timm(name):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    name, _, features = name.partition("+")
    return timm.create_model(name, features_only=bool(features))


SAYS_LITTLE = {
    "googlenet": {"init_weights": False},
    "lraspp_mobilenet_v3_large": {"weights_backbone": None},
}


@pytest.mark.parametrize(
    "build, name, size, number, last",
    [
        (build_torchvision, "resnet18", 48, 8, "layer4.1"),
        (build_torchvision, "shufflenet_v2_x0_5", 48, 18, "conv5.2"),
        (build_torchvision, "googlenet", 48, 12, "inception5b"),  # several outputs in training
        (build_torchvision, "swin_t", 64, 15, "features.7.1"),  # attention in windows
        (build_torchvision, "lraspp_mobilenet_v3_large", 64, 18, "classifier"),  # a dictionary
        (build_timm, "convnext_atto", 64, 13, "head"),
        (build_timm, "vit_tiny_patch16_224", 224, 13, "blocks.11"),  # attention
        (build_timm, "levit_128s", 224, 20, "head_dist"),  # two heads
        (build_timm, "efficientnet_lite0", 48, 19, "global_pool"),
        (build_timm, "resnet10t+features", 48, 8, "layer4.0"),  # a list of tensors
    ],
)
def test_the_ends_of_blocks_are_scored(teacher, build, name, size, number, last):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(name).eval()
    notes = []
    frame = score(network, teacher, name=name, size=size, report=notes.append).to_frame()
    assert len(frame) == number and frame["layer"].iloc[-1] == last
    assert set(frame["model"]) == {name} and set(frame["region"]) == {"IT"}
    defined = frame["similarity"].dropna()
    assert len(defined) > number // 2 and defined.between(-1, 1).all()
    assert np.allclose(frame["corrected"], frame["similarity"] / frame["ceiling"], equal_nan=True)
    assert not network.training and not network._forward_hooks
