"""The network of a genotype, with weights from the generator passed in; outputs of its layers."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype, Layout
from tgas_neuro.architecture.spaces import SPACES

Module = TypeVar("Module", bound=nn.Module)


class GenotypeNetwork(nn.Module, ABC):
    """The network of a genotype. ``forward`` maps (n, channels, height, width) to (n, class).

    Attributes
    ----------
    layout
        The layout that it was built from.
    """

    layout: Layout

    @abstractmethod
    def layers(self) -> dict[str, nn.Module]:
        """The modules whose outputs are compared with recordings, from input to output."""


def build_network(
    genotype: Genotype, skeleton: Skeleton, generator: torch.Generator
) -> GenotypeNetwork:
    """Build a genotype's network with fresh weights, on the generator's device.

    Genotypes of the same hash and generators of the same state give the same weights. Nothing
    is drawn from torch's global generators.

    Parameters
    ----------
    genotype, skeleton
        What to build, and how large.
    generator
        The source of the weights; it moves on.

    Returns
    -------
    GenotypeNetwork
        In training mode, float32.
    """
    space = SPACES[genotype.space]
    return build_module(lambda: space.build_module(genotype.canonical(), skeleton), generator)


def build_module(make: Callable[[], Module], generator: torch.Generator) -> Module:
    """Build what `make` makes with fresh weights (see `init_weights`), on the generator's device.

    Nothing is drawn from torch's global generators.
    """
    # Without storage nothing is initialised by torch's own (global) generator.
    with torch.device("meta"):
        module = make()
    _allocate(module, generator.device)
    init_weights(module, generator)
    return module


def _allocate(network: nn.Module, device: torch.device) -> None:
    """Give the network memory; `nn.Module.to_empty` does too, but loads sympy first (a second)."""
    for module in network.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(value.new_empty(value.shape, device=device)))
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.new_empty(buffer.shape, device=device))


@torch.no_grad()
def init_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights, in the order of the modules.

    Convolutions: normal, with variance 2 / fan-out (He et al. 2015, ICCV, equation 14), where
    the fan-out of a depthwise convolution is that of its one channel. Batch normalisation:
    scale 1, shift 0, mean 0, variance 1. Linear: normal, sd 0.01, biases 0.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * math.prod(module.kernel_size) // module.groups
            module.weight.normal_(0.0, math.sqrt(2.0 / fan_out), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Linear):
            module.weight.normal_(0.0, 0.01, generator=generator)
            module.bias.zero_()


@contextmanager
def catching_outputs(
    layers: dict[str, nn.Module], copied: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield a dict in which every pass leaves the outputs of `layers`, by their names.

    Of a module that is called more than once in a pass, the last output counts. Within it the
    modules have hooks, afterwards none. Names in `copied` are those of layers whose output is
    copied before the network goes on (see `find_overwritten`).
    """
    outputs: dict[str, Any] = {}

    def keep(name: str, output: Any) -> None:
        copy = name in copied and isinstance(output, torch.Tensor)
        outputs[name] = output.clone() if copy else output

    with calling_with_outputs(layers, keep):
        yield outputs


def find_overwritten(
    network: nn.Module, layers: dict[str, nn.Module], images: torch.Tensor
) -> set[str]:
    """Layers into whose output the network writes afterwards, as ``nn.ReLU(inplace=True)`` does.

    Unless such an output is copied, what is found after the pass is that of a later layer.
    """
    versions: dict[str, tuple[torch.Tensor, int]] = {}

    def keep(name: str, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            versions[name] = (output, output._version)

    # tensors of inference mode do not count what is written into them
    with torch.inference_mode(False), torch.no_grad(), calling_with_outputs(layers, keep):
        network(images.clone())
    return {name for name, (output, version) in versions.items() if output._version != version}


@contextmanager
def calling_with_outputs(
    layers: dict[str, nn.Module], call: Callable[[str, Any], None]
) -> Iterator[None]:
    """Within it, call a function with name and output of every layer that a network computes."""
    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: call(name, output))
        for name, module in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
