"""Convolutions: pointwise ones with a step, and those of a layout."""

import pytest
import torch
from torch.nn import functional

from tgas_neuro.architecture.layers import ConvBn, PointwiseConv
from tgas_neuro.architecture.skeleton import ConvLayout


@pytest.mark.parametrize("channels", [1, 3, 4, 8])
@pytest.mark.parametrize("size", [4, 7])
def test_pointwise_step_equals_stride(channels, size):
    """Values and gradients; the reference runs in torch's plain memory format."""
    convolution = PointwiseConv(channels, 5, step=2)
    images = torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(0))
    ours, plain = images.clone().requires_grad_(), images.clone().requires_grad_()
    found = convolution(ours.contiguous(memory_format=torch.channels_last))
    expected = functional.conv2d(plain, convolution.weight.contiguous(), stride=2)
    torch.testing.assert_close(found, expected)
    weights = torch.arange(found.numel()).reshape(found.shape) / found.numel()
    gradients = [
        torch.autograd.grad((y * weights).sum(), (x, convolution.weight))
        for y, x in ((found, ours), (expected, plain))
    ]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_planned_convolution_puts_out_what_the_plan_says(kernel, stride, size):
    layout = ConvLayout(3, 4, kernel, stride, size)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    module = ConvBn(layout).eval()
    found = module(images)
    assert found.shape == (2, 4, layout.size_out, layout.size_out)
    expected = functional.conv2d(images, module.conv.weight, None, stride, kernel // 2)
    torch.testing.assert_close(found, expected / (1 + 1e-5) ** 0.5)
