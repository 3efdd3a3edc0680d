"""Depthwise convolutions, and their gradients on a CPU, where those of torch take too long.

The bounds are those of oneDNN 3.12, the library that convolves in torch 2.14 on the CPU. Beyond
them it computes the gradient of weights as that of a dense convolution over groups of 16 channels.
"""

import functools

import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.layers import is_traced

MOST_COLUMNS = 3  # of a kernel whose gradient oneDNN computes depthwise, of any number of rows
MOST_PAIRS = 36**2  # of a pixel put out and a pixel read: images of 6 x 6
LEAST_VALUES = 20_000  # in smaller images the calls take longer than they save


class DepthwiseConv(nn.Conv2d):
    """Convolution of each channel on its own, k x k, with zeros around.

    In training on the CPU, channels last, gradients of kernels wider than 3 columns are computed by
    `_DepthwiseConv`: the same sums, 2 to 10 times faster.
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
            and torch.is_grad_enabled()
        ):
            return _DepthwiseConv.apply(images, self.weight, self.stride[0])
        return super().forward(images)


class _DepthwiseConv(torch.autograd.Function):
    """The convolution as it is, of an odd kernel; each gradient by the fastest way to its sums."""

    @staticmethod
    def forward(ctx, images, weight, stride):
        ctx.save_for_backward(images, weight)
        ctx.stride = stride
        return _convolve(images, weight, stride)

    @staticmethod
    def backward(ctx, gradient):
        images, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_images = of_weight = None
        if ctx.needs_input_grad[0]:
            of_images = _differentiate_images(gradient, images, weight, ctx.stride)
        if ctx.needs_input_grad[1]:
            of_weight = _differentiate_weight(gradient, images, weight, ctx.stride)
        return of_images, of_weight, None


def _convolve(images: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
    padding = weight.shape[3] // 2
    return functional.conv2d(images, weight, stride=stride, padding=padding, groups=len(weight))


def _differentiate_images(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int
) -> torch.Tensor:
    """Gradient of the images: at stride 1 a convolution with the kernel turned around.

    oneDNN takes half as long for a convolution as for a gradient.
    """
    if stride == 1:
        return _convolve(gradient, weight.flip(2, 3), 1)
    padding = weight.shape[3] // 2
    return _differentiate(gradient, images, weight, stride, (padding, padding), 0)


def _differentiate_weight(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int
) -> torch.Tensor:
    """Gradient of the weights, (channels, 1, k, k), in the way that suits kernel and images."""
    kernel, (height, width) = weight.shape[3], images.shape[2:]
    pairs = height * width * gradient.shape[2] * gradient.shape[3]
    if pairs <= MOST_PAIRS and not torch.compiler.is_compiling():  # which sees no cache
        return _differentiate_by_product(gradient, images, weight, stride)
    if height >= kernel and width >= kernel:
        return _differentiate_by_strips(gradient, images, weight, stride)
    return _differentiate(gradient, images, weight, stride, (kernel // 2, kernel // 2), 1)


def _differentiate_by_strips(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int
) -> torch.Tensor:
    """Gradients of strips of the kernel, each of `MOST_COLUMNS` columns or one less.

    A strip sees the images shifted, and so many zeros or so many columns less at either side. There
    are zeros above and below as well where oneDNN cannot add them itself: where they are no
    multiple of the stride.
    """
    kernel, (height, width) = weight.shape[3], images.shape[2:]
    padding = rows = kernel // 2
    above = below = 0
    if padding % stride:
        rows, above = 0, padding
        below = (gradient.shape[2] - 1) * stride + kernel - padding - height
    strips: list[torch.Tensor] = []
    first = -padding
    for strip in weight.tensor_split(-(-kernel // MOST_COLUMNS), dim=3):
        last = first + (gradient.shape[3] - 1) * stride + strip.shape[3]
        seen = functional.pad(images, (-first, last - width, above, below))
        strips.append(_differentiate(gradient, seen, strip, stride, (rows, 0), 1))
        first += strip.shape[3]
    return torch.cat(strips, dim=3)


def _differentiate_by_product(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int
) -> torch.Tensor:
    """Sums over n of the products of all pairs of pixels; a weight is the sum of those it joins."""
    channels, _, _, kernel = weight.shape
    products = torch.bmm(
        gradient.contiguous().flatten(2).permute(1, 2, 0),
        images.contiguous().flatten(2).transpose(0, 1),
    )
    joined = _list_joined(*images.shape[2:], kernel, stride).to(products.dtype)
    return (products.flatten(1) @ joined).view(channels, 1, kernel, kernel)


@functools.cache
def _list_joined(height: int, width: int, kernel: int, stride: int) -> torch.Tensor:
    """Which weight joins a pixel put out and a pixel read, (pair, k * k), 1 there and else 0.

    Pairs are ordered by the pixel put out, then by the pixel read.
    """
    pixels = torch.eye(height * width, device="cpu").view(-1, 1, height, width)
    read = functional.unfold(pixels, kernel, padding=kernel // 2, stride=stride)
    return read.permute(2, 0, 1).reshape(-1, kernel * kernel)


def _differentiate(
    gradient: torch.Tensor,
    images: torch.Tensor,
    weight: torch.Tensor,
    stride: int,
    padding: tuple[int, int],
    which: int,
) -> torch.Tensor:
    """Gradient of a depthwise convolution's images (0) or weights (1), by oneDNN."""
    return torch.ops.aten.convolution_backward.default(
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
