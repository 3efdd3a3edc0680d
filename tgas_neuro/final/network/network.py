"""The network of the final training: that of the genotype, drop path, and an auxiliary head."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.cell.network import BN_EPSILON
from tgas_neuro.architecture.layers import PointwiseConv
from tgas_neuro.architecture.network import GenotypeNetwork, build_module, build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import check_regularisation
from tgas_neuro.config.final import Final
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_seed

POOL, STRIDE = 5, 3
PROJECTED, HIDDEN = 128, 768


class AuxiliaryHead(nn.Module):
    """Classifies the input of the last reduction (Szegedy et al. 2015, CVPR, section 5).

    Only the training uses it. As in the code of NASNet and PNASNet-5: ReLU, average over 5x5 of
    stride 3, convolution 1x1 to 128 channels, normalisation, ReLU, a convolution of the size of its
    input to 768, normalisation, ReLU, linear layer. There its loss is added to that of the network
    with a weight of 0.4.

    Parameters
    ----------
    channels, size
        Channels, height and width [px] of its input; an input below 5 px is averaged as a whole.
    n_classes
        Outputs.
    """

    def __init__(self, channels: int, size: int, n_classes: int):
        super().__init__()
        pool = min(POOL, size)
        left = (size - pool) // STRIDE + 1
        self.pool = nn.AvgPool2d(pool, STRIDE)
        self.project = PointwiseConv(channels, PROJECTED)
        self.bn_1 = nn.BatchNorm2d(PROJECTED, eps=BN_EPSILON)
        self.hidden = nn.Conv2d(PROJECTED, HIDDEN, left, bias=False)
        self.bn_2 = nn.BatchNorm2d(HIDDEN, eps=BN_EPSILON)
        self.linear = nn.Linear(HIDDEN, n_classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From (n, channels, size, size) to logits, (n, class)."""
        pooled = self.pool(functional.relu(features))
        projected = functional.relu(self.bn_1(self.project(pooled)), inplace=True)
        hidden = functional.relu(self.bn_2(self.hidden(projected)), inplace=True)
        return self.linear(hidden.flatten(1))


class FinalNetwork(nn.Module):
    """A genotype's network, with the drop path and the auxiliary head of its training.

    Attributes
    ----------
    network
        The genotype's network; only its weights are kept.
    auxiliary
        The auxiliary head, or None.
    drop_path
        The share of samples that drop a path of the last cell at the end of the training.
    n_paths
        Number of paths that a sample may drop; 0 if drop path is off.
    """

    def __init__(self, network: GenotypeNetwork, auxiliary: AuxiliaryHead | None, drop_path: float):
        super().__init__()
        self.network = network
        self.auxiliary = auxiliary
        self.drop_path = drop_path
        self.depths = network.layout.path_depths if drop_path > 0 else ()
        self.n_paths = len(self.depths)
        place = network.layout.last_before_reduction
        self.tap = place[0] if place and auxiliary is not None else None

    def forward(
        self, images: torch.Tensor, kept: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Class scores of the network and of its auxiliary head.

        Parameters
        ----------
        images
            (n, channels, height, width), float.
        kept
            (n, n_paths), float32: 0 for a path that the sample drops, else 1 / (1 - its rate); None
            drops nothing.

        Returns
        -------
        logits
            (n, class).
        auxiliary
            (n, class) in training mode where there is a head; else None.
        """
        arguments = {} if kept is None or self.n_paths == 0 else {"kept": kept}
        if self.auxiliary is None or not self.training:
            return self.network(images, **arguments), None
        logits, tapped = self.network(images, **arguments, tap=self.tap)
        return logits, self.auxiliary(tapped)

    def calc_drop_rates(self, progress: float) -> np.ndarray:
        """The share of samples that drop each path, (n_paths,), float64, in [0, `drop_path`].

        It rises linearly with the depth of the cell and with the training, as in NASNet's code
        (``drop_connect_version`` v3 of Zoph et al. 2018, CVPR, "ScheduledDropPath").

        Parameters
        ----------
        progress
            How much of the training has passed, in [0, 1].
        """
        return self.drop_path * progress * np.array(self.depths, dtype=np.float64)


def build_final_network(
    genotype: Genotype,
    skeleton: Skeleton,
    settings: Final,
    generator: torch.Generator,
) -> FinalNetwork:
    """Build the network of the final training with fresh weights.

    The genotype's network has the weights that `build_network` gives from the same generator,
    whether there is an auxiliary head or not.

    Parameters
    ----------
    genotype, skeleton
        What to build, and how large (see `find_skeleton`).
    settings
        The section ``final`` of the configuration. Read: ``auxiliary`` and ``drop_path``.
    generator
        The source of the weights, on the device where the network is to be.

    Raises
    ------
    UserError
        Drop path or a head is asked for where the network has no place for it.
    """
    check_regularisation(settings, genotype.space, skeleton.stages)
    network = build_network(genotype, skeleton, generator)
    auxiliary = None
    place = network.layout.last_before_reduction
    if settings.auxiliary > 0 and place is not None:  # see check_regularisation
        _, channels, size = place
        auxiliary = build_module(
            lambda: AuxiliaryHead(channels, size, skeleton.n_classes), generator
        )
    return FinalNetwork(network, auxiliary, settings.drop_path)


def draw_kept(seed: int, epoch: int, samples: Sequence[int], rates: np.ndarray) -> torch.Tensor:
    """Which paths each sample keeps in an epoch, (sample, path), as `FinalNetwork` takes it.

    The numbers of a sample come from a counter-based generator, Philox (Salmon et al. 2011, SC),
    with (seed, epoch) as its key and the sample's index as its counter. They do not depend on the
    batch, the number of processes, or earlier draws.

    Parameters
    ----------
    seed
        The seed of the training.
    epoch
        From 0.
    samples
        Indices of the batch's images in the training split.
    rates
        (path,), the share that is dropped, each in [0, 1).
    """
    key = derive_seed(seed, "final", "drop_path", epoch)
    draws = np.empty((len(samples), len(rates)), dtype=np.float32)
    for row, sample in zip(draws, samples, strict=True):
        # the counter's lowest 64 bits count the draws, the next ones hold the sample
        bits = np.random.Philox(key=key, counter=[0, int(sample), 0, 0])
        np.random.Generator(bits).random(out=row, dtype=np.float32)
    rates = np.asarray(rates, dtype=np.float64)
    kept = np.where(draws >= rates.astype(np.float32), 1 / (1 - rates), 0.0)
    return torch.from_numpy(kept.astype(np.float32))


def compile_network(network: nn.Module, device: torch.device, key: str) -> nn.Module:
    """Compile the network; torch caches the code on disk for the next time.

    Parameters
    ----------
    network
        On `device`; the compiled one shares its weights.
    device
        Where it computes.
    key
        The key of the configuration that asks for it, for messages.

    Raises
    ------
    UserError
        There is no compiler.
    """
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise UserError(
            f"{key}: true needs a C++ compiler, and {compiler!r} is not found; install it, name "
            "another in CXX, or set it to false"
        )
    from torch._inductor import config  # takes a second to import

    config.compile_threads = 1  # torch's compiling processes would outlive a killed training
    # annotated by torch as a plain callable; of a module it makes a module
    return cast(nn.Module, torch.compile(network, dynamic=False))


def load_trained(
    genotype: Genotype, skeleton: Skeleton, weights: str | Path, of: str | Path
) -> GenotypeNetwork:
    """Load the network of a finished final training, on the CPU and in evaluation mode.

    Parameters
    ----------
    genotype, skeleton
        Its architecture and size.
    weights
        File with the state dict, read with ``weights_only=True``.
    of
        What the weights belong to, for messages.

    Raises
    ------
    UserError
        The file is missing, broken, was changed after its run wrote it, or holds the weights of
        another network.
    """
    refuse_changed(weights)
    network = build_network(genotype, skeleton, torch.Generator())
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{weights}: not the weights of {of} ({reason}); train it again, or name its weights"
        ) from None
    return network.eval()
