"""Every second pixel: values and gradient against slicing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from tgas_neuro.architecture.subsampling import subsample


def slice_padded(images, step, first):
    height, width = images.shape[2:]
    rows, columns = -(-height // step), -(-width // step)
    padded = functional.pad(images, (0, step, 0, step))[:, :, first:, first:]
    return padded[:, :, ::step, ::step][:, :, :rows, :columns]


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    step=st.integers(1, 3),
    first=st.integers(0, 1),
    memory_format=st.sampled_from([torch.channels_last, torch.contiguous_format]),
)
def test_values_and_gradient_are_those_of_slices(height, width, step, first, memory_format):
    generator = torch.Generator().manual_seed(height * 10 + width)
    images = torch.randn((2, 3, height, width), generator=generator)
    images = images.to(memory_format=memory_format).requires_grad_()
    expected = slice_padded(images, step, first)
    found = subsample(images, step, first)
    assert torch.equal(found, expected)
    gradient = torch.randn(expected.shape, generator=generator)
    (of_slices,) = torch.autograd.grad(expected, images, gradient)
    (of_samples,) = torch.autograd.grad(found, images, gradient)
    assert torch.equal(of_samples, of_slices)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_the_memory_format_stays(memory_format):
    images = torch.randn(2, 5, 8, 8).to(memory_format=memory_format).requires_grad_()
    found = subsample(images, 2)
    assert found.is_contiguous(memory_format=memory_format)
    found.sum().backward()
    assert images.grad.is_contiguous(memory_format=memory_format)


def test_every_pixel_is_the_image_itself():
    images = torch.randn(1, 2, 4, 4)
    assert subsample(images, 1) is images
