"""Compiled code of a network in training."""

import os
import shutil

import torch
from torch import nn

from tgas_neuro.runtime.errors import UserError


def compile_network(network: nn.Module, device: torch.device, key: str) -> nn.Module:
    """The network as compiled code, which torch keeps on disk for the next time.

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
    from torch._inductor import config  # loads for a second

    config.compile_threads = 1  # torch's compiling processes would outlive a killed training
    return torch.compile(network, dynamic=False)
