"""The trained final network, made ready for its layers to be recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import name_module, read_genotype
from tgas_neuro.final.network.network import load_trained
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.scoring.activations import BATCH_SIZE


class TrainedNetwork(NamedTuple):
    """The final network on its device.

    Attributes
    ----------
    network
        In evaluation mode.
    layers
        Its layers by the names of their modules.
    device
        Where it is.
    batch_size
        Stimuli that pass through it at once: no more than images in its training.
    """

    network: nn.Module
    layers: dict[str, nn.Module]
    device: torch.device
    batch_size: int


def load_trained_network(
    genotype: Mapping[str, Any], skeleton: Skeleton, weights: Path, computing: Mapping[str, Any]
) -> TrainedNetwork:
    """Load the final network; parameters as in `measure_teacher_guidance`."""
    device = choose_device(computing["device"], "final.device", claim=True)
    architecture = read_genotype(genotype)
    network = load_trained(architecture, skeleton, weights, "the final network").to(device)
    layers = {name_module(architecture, name): module for name, module in network.layers().items()}
    at_once = min(BATCH_SIZE, computing["micro_batch"] or computing["batch_size"])
    return TrainedNetwork(network, layers, device, at_once)
