"""Every second pixel: values and gradient against slicing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from tgas_neuro.architecture.layers import subsample, subsample_diagonally

FORMATS = [torch.channels_last, torch.contiguous_format]


def draw_images(height, width, memory_format):
    generator = torch.Generator().manual_seed(height * 10 + width)
    images = torch.randn((2, 3, height, width), generator=generator)
    return images.to(memory_format=memory_format).requires_grad_()


def assert_same(found, expected, images):
    """Values, and gradients with random weights."""
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(one.shape, generator=generator) for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
    (of_samples,) = torch.autograd.grad(found, images, weights)
    (of_slices,) = torch.autograd.grad(expected, images, weights)
    assert torch.equal(of_samples, of_slices)


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    step=st.integers(1, 3),
    memory_format=st.sampled_from(FORMATS),
)
def test_values_and_gradient_are_those_of_slices(height, width, step, memory_format):
    images = draw_images(height, width, memory_format)
    assert_same([subsample(images, step)], [images[:, :, ::step, ::step]], images)


@given(height=st.integers(1, 9), width=st.integers(1, 9), memory_format=st.sampled_from(FORMATS))
def test_odd_pixels_are_those_of_the_shifted_image(height, width, memory_format):
    images = draw_images(height, width, memory_format)
    shifted = functional.pad(images, (0, width % 2, 0, height % 2))[:, :, 1:, 1:]
    expected = [images[:, :, ::2, ::2], shifted[:, :, ::2, ::2]]
    assert_same(subsample_diagonally(images), expected, images)


@pytest.mark.parametrize("memory_format", FORMATS)
def test_the_memory_format_stays(memory_format):
    images = draw_images(8, 8, memory_format)
    for found in (subsample(images, 2), *subsample_diagonally(images)):
        assert found.is_contiguous(memory_format=memory_format)
        (gradient,) = torch.autograd.grad(found.sum(), images, retain_graph=True)
        assert gradient.is_contiguous(memory_format=memory_format)


def test_every_pixel_is_the_image_itself():
    images = torch.randn(1, 2, 4, 4)
    assert subsample(images, 1) is images
