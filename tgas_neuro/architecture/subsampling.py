"""Every second pixel of an image, with a gradient that stays in the memory format of the image."""

import torch
from torch.nn import functional


def subsample(images: torch.Tensor, step: int, first: int = 0) -> torch.Tensor:
    """Every `step`-th row and column, from number `first` on.

    The same as slicing. Torch's gradient of two slices makes two tensors of zeros, and in NCHW
    whatever the format of the images, which then has to be turned round; this takes an eighth of
    the time for 80 channels last of 32 x 32 pixels.

    Returns
    -------
    torch.Tensor
        (n, channels, h / step, w / step), rounded up; a row or column beyond the end is zero.
    """
    if step == 1 and first == 0:
        return images
    found = _Subsample.apply(images, step, first)
    missing = [-(-size // step) - len(range(first, size, step)) for size in images.shape[2:]]
    return functional.pad(found, (0, missing[1], 0, missing[0])) if any(missing) else found


class _Subsample(torch.autograd.Function):
    """Slices that are copied; zeros between their gradient."""

    @staticmethod
    def forward(ctx, images, step, first):
        ctx.size, ctx.stride, ctx.step, ctx.first = images.size(), images.stride(), step, first
        return images[:, :, first::step, first::step].clone()

    @staticmethod
    def backward(ctx, gradient):
        whole = gradient.new_empty_strided(ctx.size, ctx.stride).zero_()
        whole[:, :, ctx.first :: ctx.step, ctx.first :: ctx.step] = gradient
        return whole, None, None
