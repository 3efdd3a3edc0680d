"""Depthwise convolutions: values and both gradients against torch's own in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tgas_neuro.architecture import depthwise
from tgas_neuro.architecture.depthwise import DepthwiseConv, _DepthwiseConv


def differentiate(convolve, images, weight, gradient):
    images, weight = images.detach().requires_grad_(), weight.detach().requires_grad_()
    convolve(images, weight).backward(gradient)
    return images.grad, weight.grad


@settings(max_examples=60, deadline=None)
@given(
    channels=st.sampled_from([1, 3, 8, 16, 17, 40]),
    kernel=st.sampled_from([3, 5, 7, 9]),
    stride=st.integers(1, 2),
    height=st.integers(1, 13),
    width=st.integers(1, 16),
    number=st.integers(1, 3),
)
def test_gradients_by_every_way(channels, kernel, stride, height, width, number):
    """By product, by strips and plainly, whatever kernel, stride and images are."""
    generator = torch.Generator().manual_seed(height * 100 + width)
    images = torch.randn((number, channels, height, width), generator=generator)
    images = images.to(memory_format=torch.channels_last)
    weight = torch.randn((channels, 1, kernel, kernel), generator=generator)
    padding = kernel // 2

    def convolve(x, w):
        return functional.conv2d(x, w, stride=stride, padding=padding, groups=channels)

    expected = convolve(images.double(), weight.double())
    gradient = torch.randn(expected.shape, generator=generator)
    found = _DepthwiseConv.apply(images, weight, stride)
    torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-4)
    ours = differentiate(lambda x, w: _DepthwiseConv.apply(x, w, stride), images, weight, gradient)
    plain = differentiate(convolve, images.double(), weight.double(), gradient.double())
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other.float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(9, 11), (3, 1), (1, 2), (60, 60), (900, 4)])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_the_module_is_the_plain_convolution(kernel, stride, size, memory_format):
    generator = torch.Generator().manual_seed(0)
    module = DepthwiseConv(16, kernel, stride)
    assert (module.weight.shape, module.bias) == ((16, 1, kernel, kernel), None)
    images = torch.randn((2, 16, *size), generator=generator).to(memory_format=memory_format)
    expected = functional.conv2d(
        images, module.weight, stride=stride, padding=kernel // 2, groups=16
    )
    assert torch.equal(module(images), expected)
    with torch.inference_mode():
        assert torch.equal(module(images), expected)
    assert module(images).shape == (2, 16, *(-(-side // stride) for side in size))
    gradient = torch.randn(expected.shape, generator=generator)
    module(images).backward(gradient)
    found, module.weight.grad = module.weight.grad, None
    expected.backward(gradient)
    torch.testing.assert_close(
        found, module.weight.grad, rtol=1e-4, atol=1e-4 * len(images[0, 0].flatten())
    )


@pytest.mark.parametrize(
    ("kernel", "size", "stride", "way"),
    [
        (5, (6, 6), 1, "_differentiate_by_product"),
        (7, (6, 6), 1, "_differentiate_by_product"),
        (5, (12, 12), 2, "_differentiate_by_strips"),
        (7, (12, 12), 2, "_differentiate_by_strips"),
        (7, (7, 7), 1, "_differentiate_by_strips"),
        (7, (5, 40), 1, "_differentiate"),
    ],
)
def test_the_way_that_suits_an_image(kernel, size, stride, way, monkeypatch):
    """Each way alone computes the gradient of the weights, in float64 the same as torch's."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((2, 3, *size), generator=generator, dtype=torch.float64)
    images = images.to(memory_format=torch.channels_last)
    weight = torch.randn((3, 1, kernel, kernel), generator=generator, dtype=torch.float64)
    taken, compute = [], getattr(depthwise, way)

    def spy(*arguments):
        taken.append(way)
        return compute(*arguments)

    monkeypatch.setattr(depthwise, way, spy)
    weight.requires_grad_()
    found = _DepthwiseConv.apply(images, weight, stride)
    gradient = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    found.backward(gradient)
    ours, weight.grad = weight.grad, None
    functional.conv2d(images, weight, None, stride, kernel // 2, groups=3).backward(gradient)
    torch.testing.assert_close(ours, weight.grad)
    assert taken


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(4, 5), (8, 7)])
def test_gradients_equal_finite_differences(stride, size):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((2, 2, *size), generator=generator, dtype=torch.float64)
    images = images.to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn((2, 1, 5, 5), generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, w: _DepthwiseConv.apply(x, w, stride), (images, weight)
    )


def test_a_gradient_that_nobody_needs_is_not_made():
    images = torch.randn(2, 16, 60, 60).to(memory_format=torch.channels_last)
    module = DepthwiseConv(16, 5)
    module(images).sum().backward()
    assert module.weight.grad.shape == module.weight.shape
    module.weight.grad = None
    module.weight.requires_grad_(False)
    module(images.requires_grad_()).sum().backward()
    assert images.grad.shape == images.shape
    assert module.weight.grad is None
