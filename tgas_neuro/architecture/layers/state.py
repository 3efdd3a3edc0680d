"""A tensor that several operations of a cell read, some of them rectified."""

import torch
from torch import nn
from torch.nn import functional


class State:
    """A tensor (n, channels, h, w) that several operations read; rectified once, if at all."""

    def __init__(self, raw: torch.Tensor):
        self.raw = raw
        self._rectified: torch.Tensor | None = None

    @property
    def rectified(self) -> torch.Tensor:
        """ReLU of the tensor."""
        if self._rectified is None:  # torch.compile does not see through cached_property
            self._rectified = functional.relu(self.raw)
        return self._rectified

    def give(self, operation: nn.Module) -> torch.Tensor:
        """The operation's output, given what it reads."""
        return operation(self.rectified if operation.reads_rectified else self.raw)
