"""Any network as one that can be scored: its layers, and images in the colours that it wants."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from tgas_neuro.images.pixels import DEVIATION, MEAN
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.patterns import choose_names

SHOWN = (MEAN, DEVIATION)  # of the images that candidates see


def find_layers(network: nn.Module, patterns: Sequence[str]) -> dict[str, nn.Module]:
    """Layers of any network by the names of their modules, in the order of the network.

    Parameters
    ----------
    network
        The network.
    patterns
        Names of modules, in which ``*`` stands for any text; ``all`` stands for every module
        without others inside it, ``auto`` for the ends of blocks (see `find_blocks`).

    Raises
    ------
    UserError
        No module has such a name, ``auto`` finds no block, or a pattern has two meanings.
    """
    modules = {name: module for name, module in network.named_modules() if name}
    outermost = ", ".join(name for name in modules if "." not in name) or "none"

    def explain(pattern: str) -> str:
        what = "finds no block" if pattern == "auto" else f"{pattern!r}: no module is called so"
        return f"{what}; the outermost modules are: {outermost}"

    words = {
        "auto": lambda: [name for name, _ in find_blocks(network)],
        "all": lambda: [name for name, module in modules.items() if not any(module.children())],
    }
    return {name: modules[name] for name in choose_names(modules, patterns, words, explain)}


CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
ENDS = ("ReLU", "SiLU", "GELU", "ELU", "Sigmoid", "Tanh", "Hardswish", "Pool")  # of plain networks


def find_blocks(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The ends of a network's blocks, from the image to the output.

    A block is a module with others inside it that stands in a row of such modules, as the residual
    blocks of a ResNet and the encoder blocks of a transformer do; its inner modules are none. In a
    plain row of layers, as in VGG, activations and pooling end a block.
    """
    for name, module in network.named_children():
        name = f"{prefix}{name}"
        if _is_container(module) or _has_row(module):
            yield from find_blocks(module, f"{name}.")
        elif any(module.children()) or (_is_container(network) and _ends_block(module)):
            yield name, module


def _ends_block(module: nn.Module) -> bool:
    return any(end in _name_type(module) for end in ENDS)


def _is_container(module: nn.Module) -> bool:
    if not _is_restored(module):
        return isinstance(module, CONTAINERS)
    # of what was derived from a container the numbers of its modules are left
    names = [name for name, _ in module.named_children()]
    numbered = bool(names) and names == [str(number) for number in range(len(names))]
    return numbered or _name_type(module) in [one.__name__ for one in CONTAINERS]


def _is_restored(module: nn.Module) -> bool:
    """Whether a module is what ``torch.export.unflatten`` restored of one."""
    return type(module).__name__ == "InterpreterModule"


def _name_type(module: nn.Module) -> str:
    restored: Any = module
    name = restored.type_name() if _is_restored(module) else None
    return name.rpartition(".")[2] if name else type(module).__name__


def _has_row(module: nn.Module) -> bool:
    """Whether there is a row of at least two blocks inside a module."""
    return any(
        sum(_is_block(one) for one in inner.children()) > 1
        for inner in module.modules()
        if inner is not module and _is_container(inner)
    )


def _is_block(module: nn.Module) -> bool:
    """Whether a module combines layers; not a convolution with its normalisation."""
    weighted = [weight for weight in module.parameters() if weight.ndim > 1]
    return len(weighted) > 1 and not _is_container(module)


@contextmanager
def giving_back(network: nn.Module) -> Iterator[None]:
    """Give a network back as it came, also after an error.

    Each of its modules is in training or evaluation mode as before, and its weights and buffers are
    where they were, with the same values.

    Raises
    ------
    UserError
        A module has no weights yet, as torch's ``Lazy`` classes before their first pass, or those
        on the device ``meta``.
    """
    for name, module in network.named_modules():
        own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
        if any(is_lazy(one) or one.is_meta for one in own):
            raise UserError(
                f"model: the {type(module).__name__} {name!r} has no weights yet; load "
                "them, or pass images through the network first"
            )
    modes = [(module, module.training) for module in network.modules()]
    weights: list[torch.Tensor] = list(network.parameters())
    weights += [one.grad for one in weights if one.grad is not None]
    data = [one.data for one in weights]
    buffers = [
        (module._buffers, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for weight, values in zip(weights, data, strict=True):
            weight.data = values
        with torch.inference_mode():
            for there, name, buffer, values in buffers:
                there[name] = buffer.copy_(values)


class OwnColours(nn.Module):
    """A network that wants colours of other means and deviations, in [0, 1], than candidates do."""

    def __init__(self, network: nn.Module, mean: Sequence[float], deviation: Sequence[float]):
        super().__init__()
        shown, wanted = (torch.tensor(one).view(2, 3, 1, 1) for one in (SHOWN, (mean, deviation)))
        self.network = network
        self.scale = nn.Buffer(shown[1] / wanted[1])
        self.shift = nn.Buffer((shown[0] - wanted[0]) / wanted[1])

    def forward(self, x: torch.Tensor) -> Any:
        """Output of the network for inputs that are normalised as a candidate's."""
        return self.network(x * self.scale + self.shift)
