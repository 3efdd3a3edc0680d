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


# oneDNN 3.12 has a depthwise kernel for the gradient of weights up to 3 columns wide, of any
# height; wider ones are computed as a dense convolution over all channels of a group of 16.
MOST_COLUMNS = 3
LEAST_VALUES = 100_000  # in smaller images the strips' own calls take longer than they save


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


class DepthwiseConv(nn.Conv2d):
    """Convolution of each channel on its own, k x k, with zeros around.

    On the CPU, channels last, the gradient of weights wider than 3 columns is put together from
    strips of 3: the same sums, 6 times (7x7, 16 channels) faster. On two cores of a recent AMD EPYC
    that gradient alone was half of a PNASNet-5 cell's training step.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1):
        super().__init__(
            channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From (n, channels, h, w) to (n, channels, h / stride, w / stride), rounded up."""
        if (
            self.kernel_size[1] > MOST_COLUMNS
            and not is_traced(images)
            and images.numel() >= LEAST_VALUES
            and images.device.type == "cpu"
            and images.is_contiguous(memory_format=torch.channels_last)
            and images.shape[3] >= self.kernel_size[1]
            and self.stride[1] == 1
            and torch.is_grad_enabled()
        ):
            return _StripwiseConv.apply(images, self.weight, self.stride[0], self.padding[0])
        return super().forward(images)


class _StripwiseConv(torch.autograd.Function):
    """The convolution as it is; the gradient of its weights by strips of columns."""

    @staticmethod
    def forward(ctx, images, weight, stride, padding):
        ctx.save_for_backward(images, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(images, weight, stride=stride, padding=padding, groups=len(weight))

    @staticmethod
    def backward(ctx, gradient):
        images, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_images = of_weight = None
        if ctx.needs_input_grad[0]:
            of_images = _differentiate(
                gradient, images, weight, ctx.stride, (ctx.padding, ctx.padding), 0
            )
        if ctx.needs_input_grad[1]:
            of_weight = _differentiate_weight(gradient, images, weight, ctx.stride, ctx.padding)
        return of_images, of_weight, None, None


def _differentiate_weight(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int, padding: int
) -> torch.Tensor:
    """Gradient of the weights, (channels, 1, k, k).

    A strip of columns of the kernel sees the images shifted, and so many zeros or so many columns
    less at either side.
    """
    width, width_out = images.shape[3], gradient.shape[3]
    strips: list[torch.Tensor] = []
    for strip in weight.split(MOST_COLUMNS, dim=3):
        first = sum(part.shape[3] for part in strips) - padding
        last = first + (width_out - 1) * stride + strip.shape[3]
        seen = functional.pad(images, (-first, last - width))
        strips.append(_differentiate(gradient, seen, strip, stride, (padding, 0), 1))
    return torch.cat(strips, dim=3)


def _differentiate(
    gradient: torch.Tensor,
    images: torch.Tensor,
    weight: torch.Tensor,
    stride: int,
    padding: tuple[int, int],
    which: int,
) -> torch.Tensor:
    """Gradient of a depthwise convolution's images (0) or weights (1)."""
    return torch.ops.aten.convolution_backward(
        gradient,
        images,
        weight,
        None,
        (stride, stride),
        padding,
        (1, 1),
        False,
        (0, 0),
        len(weight),
        (which == 0, which == 1, False),
    )[which]
