"""Outputs of a network's layers, caught while images go through it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def catching_outputs(layers: dict[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Yield a dict in which every pass leaves the outputs of `layers`, by their names.

    Of a module that is called more than once in a pass, the last output counts. Within it the
    modules have hooks, afterwards none.
    """
    outputs: dict[str, Any] = {}
    handles = [
        module.register_forward_hook(
            lambda module, inputs, output, name=name: outputs.update({name: output})
        )
        for name, module in layers.items()
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
