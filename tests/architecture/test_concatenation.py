"""Concatenation: torch's values and gradients, in the memory format of the parts."""

import pytest
import torch

from tgas_neuro.architecture.layers import concatenate


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("channels", [(4, 1, 3), (2, 2)])
def test_values_and_gradients_are_torchs(channels, memory_format):
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn((2, c, 5, 3), generator=generator) for c in channels]
    parts = [part.to(memory_format=memory_format).requires_grad_() for part in parts]
    found, expected = concatenate(parts), torch.cat(parts, dim=1)
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=memory_format)
    weights = torch.randn(found.shape, generator=generator).to(memory_format=memory_format)
    ours = torch.autograd.grad(found, parts, weights)
    for one, other in zip(ours, torch.autograd.grad(expected, parts, weights), strict=True):
        assert torch.equal(one, other)
        assert one.is_contiguous(memory_format=memory_format)


def test_one_part_is_itself():
    part = torch.zeros(1, 2, 3, 3)
    assert concatenate([part]) is part
