"""Layers of networks: convolutions, states, concatenation, subsampling, drop path."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.fx import Proxy
from torch.nn import functional

from tgas_neuro.architecture.skeleton import ConvLayout


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

    def apply(self, operation: nn.Module) -> torch.Tensor:
        """Output of an operation that reads this state."""
        return operation(self.rectified if operation.reads_rectified else self.raw)


def is_traced(features: torch.Tensor) -> bool:
    """Whether torch.export or torch.fx makes a graph of the network.

    Then the plain operations are taken. They have the same values; what this module does for speed
    depends on the size of a batch, or is hidden from the graph.
    """
    return isinstance(features, Proxy) or torch.compiler.is_exporting()


def name_output(features: torch.Tensor) -> torch.Tensor:
    """The output of a layer as the last operation in it, by which torch.fx finds a layer's output.

    Without it, a layer that passes on what it reads would have another operation as its last one.
    """
    return features.clone() if isinstance(features, Proxy) else features


def leave_out_placeholders(
    kept: torch.Tensor | None, tap: str | None
) -> tuple[torch.Tensor | None, str | None]:
    """What the training alone passes to a network; None where torch.fx puts a placeholder."""
    return (
        None if isinstance(kept, Proxy) else kept,
        None if isinstance(tap, Proxy) else tap,
    )


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
    if len(parts) == 1:
        return parts[0]
    return torch.cat(tuple(parts), dim=1) if is_traced(parts[0]) else _Concatenate.apply(*parts)


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


def subsample(images: torch.Tensor, step: int) -> torch.Tensor:
    """Every `step`-th row and column from the first on, (n, channels, h / step, w / step).

    The same as slicing, sizes rounded up. Torch's gradient of two slices makes two tensors of zeros
    and then copies both; this takes an eighth of the time for 80 channels last of 32 x 32 pixels.
    """
    if step == 1:
        return images
    if is_traced(images):
        return images[:, :, ::step, ::step]
    return _Subsample.apply(images, step, 0)[0]


def subsample_diagonally(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels of even rows and columns, counted from 0, and those of odd ones.

    Returns
    -------
    even, odd
        (n, channels, h / 2, w / 2), rounded up; where a size is odd, the last row or column of
        `odd` is zero.
    """
    if is_traced(images):
        even, odd = images[:, :, ::2, ::2], images[:, :, 1::2, 1::2]
        missing = (even.shape[3] - odd.shape[3], even.shape[2] - odd.shape[2])
        return even, functional.pad(odd, (0, missing[0], 0, missing[1]))
    even, odd = _Subsample.apply(images, 2, 0, 1)
    height, width = images.shape[2] % 2, images.shape[3] % 2
    return even, functional.pad(odd, (0, width, 0, height)) if height or width else odd


class _Subsample(torch.autograd.Function):
    """Slices that are copied, from each of `firsts` on; one gradient for all, zeros between."""

    @staticmethod
    def forward(ctx, images, step, *firsts):
        ctx.size, ctx.stride, ctx.step, ctx.firsts = images.size(), images.stride(), step, firsts
        return tuple(images[:, :, first::step, first::step].clone() for first in firsts)

    @staticmethod
    def backward(ctx, *gradients):
        whole = gradients[0].new_empty_strided(ctx.size, ctx.stride).zero_()
        for first, gradient in zip(ctx.firsts, gradients, strict=True):
            whole[:, :, first :: ctx.step, first :: ctx.step] = gradient
        return whole, *[None] * (1 + len(gradients))


def drop_path(features: torch.Tensor, kept: torch.Tensor | None, path: int | None) -> torch.Tensor:
    """The output of an operation, zero for the samples that drop it.

    Parameters
    ----------
    features
        (n, channels, h, w).
    kept
        (n, path), 0 for a dropped path and else one over the share that is kept, so that its mean
        stays the same (Larsson et al. 2017, ICLR; Zoph et al. 2018, CVPR); None drops nothing.
    path
        The operation's number among all that may be dropped; None for one that never is.
    """
    if kept is None or path is None:
        return features
    return features * kept[:, path].to(features.dtype).view(-1, 1, 1, 1)


class PointwiseConv(nn.Conv2d):
    """Convolution 1x1 that takes every `step`-th row and column.

    They are taken before the convolution, which then has stride 1. The values are the same. This
    avoids the gradient of strided pointwise convolutions of torch 2.14 on the CPU, which is not
    safe to call.
    """

    def __init__(self, channels_in: int, channels_out: int, step: int = 1):
        super().__init__(channels_in, channels_out, 1, bias=False)
        self.step = step

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, h, w) to (n, channels_out, h / step, w / step), rounded up."""
        return super().forward(subsample(images, self.step))


def build_conv(layout: ConvLayout) -> nn.Conv2d:
    """The convolution of a layout, (n, channels_in, size_in, size_in) -> (..., size_out)."""
    if layout.kernel == 1:
        return PointwiseConv(layout.channels_in, layout.channels_out, layout.stride)
    return nn.Conv2d(
        layout.channels_in,
        layout.channels_out,
        layout.kernel,
        layout.stride,
        padding=layout.kernel // 2,
        bias=False,
    )


class ConvBn(nn.Sequential):
    """A convolution and batch normalisation with torch's own constants."""

    def __init__(self, layout: ConvLayout):
        super().__init__()
        self.conv = build_conv(layout)
        self.bn = nn.BatchNorm2d(layout.channels_out)
