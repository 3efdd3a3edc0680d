"""Convolutions as torch modules, without biases: batch normalisation follows them."""

import torch
from torch import nn

from tgas_neuro.architecture.layers.conv_plan import ConvPlan
from tgas_neuro.architecture.layers.subsampling import subsample


class PointwiseConv(nn.Conv2d):
    """Convolution 1x1 that takes every `step`-th row and column.

    They are taken before the convolution, which then has stride 1: the same values, and oneDNN's
    gradient of a strided one with fewer than 8 input channels, channels last, writes beyond its
    memory (torch 2.14 on AVX2).
    """

    def __init__(self, channels_in: int, channels_out: int, step: int = 1):
        super().__init__(channels_in, channels_out, 1, bias=False)
        self.step = step

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, h, w) to (n, channels_out, h / step, w / step), rounded up."""
        return super().forward(subsample(images, self.step))


def build_conv(plan: ConvPlan) -> nn.Conv2d:
    """The convolution of a plan, (n, channels_in, size_in, size_in) -> (..., size_out)."""
    if plan.kernel == 1:
        return PointwiseConv(plan.channels_in, plan.channels_out, plan.stride)
    return nn.Conv2d(
        plan.channels_in,
        plan.channels_out,
        plan.kernel,
        plan.stride,
        padding=plan.kernel // 2,
        bias=False,
    )


class PlannedConvBn(nn.Sequential):
    """A planned convolution and batch normalisation with torch's own constants."""

    def __init__(self, plan: ConvPlan):
        super().__init__()
        self.conv = build_conv(plan)
        self.bn = nn.BatchNorm2d(plan.channels_out)
