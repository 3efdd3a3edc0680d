"""Concatenation of channels whose gradients are tensors of their own."""

from collections.abc import Sequence

import torch


def concatenate(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The channels of all parts, one after the other; the part itself if there is one.

    The same as `torch.cat`, whose gradients are views into that of the whole: channels last, they
    are not contiguous, and batch normalisation on the CPU then takes 8 times as long (4.1 instead
    of 0.5 ms, 16 of 80 channels, 64 images of 32 x 32). A copy takes 0.1 ms.

    Parameters
    ----------
    parts
        Each (n, channels, h, w).
    """
    return parts[0] if len(parts) == 1 else _Concatenate.apply(*parts)


class _Concatenate(torch.autograd.Function):
    """Gradients in the memory format of the parts."""

    @staticmethod
    def forward(ctx, *parts):
        ctx.channels = [part.shape[1] for part in parts]
        return torch.cat(parts, dim=1)

    @staticmethod
    def backward(ctx, gradient):
        # a clone keeps the order of strides, and leaves no gaps
        return tuple(part.clone() for part in gradient.split(ctx.channels, dim=1))
