"""The network of a finished final training, as it was evaluated."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import nn

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.runtime.errors import UserError


def load_trained(
    genotype: Genotype, skeleton: Skeleton, weights: str | Path, of: str | Path
) -> nn.Module:
    """Load a trained network, on the CPU and in evaluation mode.

    Parameters
    ----------
    genotype, skeleton
        Its architecture and size.
    weights
        File with the state dict, read with ``weights_only=True``.
    of
        What they are the weights of, for messages.

    Raises
    ------
    UserError
        The file is missing, broken, or holds the weights of another network.
    """
    network = build_network(genotype, skeleton, torch.Generator())
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{weights}: not the weights of {of} ({reason}); train it again, or name its weights"
        ) from None
    return network.eval()
