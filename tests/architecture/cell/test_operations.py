"""Operations against plain formulas of the same weights."""

import pytest
import torch
from torch.nn import functional

from tgas_neuro.architecture.cell.layout import OperationLayout
from tgas_neuro.architecture.cell.network import (
    BN_EPSILON,
    OPERATIONS,
    build_operation,
)


def build(name, stride=1, channels=(3, 3), size=7):
    """A float64 operation in evaluation mode with random weights, and an input for it."""
    layout = OperationLayout(name, *channels, stride, size)
    operation = build_operation(layout).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in operation.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.1)
    state = torch.randn(2, channels[0], size, size, generator=generator, dtype=torch.float64)
    return layout, operation, state.relu() if operation.reads_rectified else state


def normalise(x, bn):
    def column(values):
        return values[None, :, None, None]

    scaled = (x - column(bn.running_mean)) / (column(bn.running_var) + BN_EPSILON).sqrt()
    return scaled * column(bn.weight) + column(bn.bias)


def convolve(x, weight, stride=(1, 1), padding=(0, 0), dilation=1, depthwise=False):
    """Cross-correlation, tap by tap."""
    x = functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    kernel_h, kernel_w = weight.shape[-2:]
    high = (x.shape[2] - dilation * (kernel_h - 1) - 1) // stride[0] + 1
    wide = (x.shape[3] - dilation * (kernel_w - 1) - 1) // stride[1] + 1
    total = 0
    for i in range(kernel_h):
        for j in range(kernel_w):
            seen = x[:, :, i * dilation :: stride[0], j * dilation :: stride[1]]
            seen = seen[:, :, :high, :wide]
            tap = weight[:, :, i, j]
            if depthwise:
                total = total + seen * tap[None, :, 0, None, None]
            else:
                total = total + torch.einsum("ncyx,oc->noyx", seen, tap)
    return total


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [(3, 3), (5, 4)])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_separable_convolution(kernel, channels, stride):
    _, operation, x = build(f"sep_conv_{kernel}x{kernel}", stride, channels)
    padding = (kernel // 2, kernel // 2)
    hidden = convolve(x, operation.depthwise_1.weight, (stride, stride), padding, depthwise=True)
    hidden = normalise(
        convolve(hidden, operation.pointwise_1.conv.weight), operation.pointwise_1.bn
    ).relu()
    hidden = convolve(hidden, operation.depthwise_2.weight, (1, 1), padding, depthwise=True)
    expected = normalise(
        convolve(hidden, operation.pointwise_2.conv.weight), operation.pointwise_2.bn
    )
    torch.testing.assert_close(operation(x), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_1x7_then_7x1(stride):
    _, operation, x = build("conv_1x7_7x1", stride)
    hidden = convolve(x, operation.row.conv.weight, (1, stride), (0, 3))
    hidden = normalise(hidden, operation.row.bn).relu()
    expected = convolve(hidden, operation.column.conv.weight, (stride, 1), (3, 0))
    torch.testing.assert_close(operation(x), normalise(expected, operation.column.bn))


@pytest.mark.parametrize("stride", [1, 2])
def test_dilated_convolution(stride):
    _, operation, x = build("dil_conv_3x3", stride)
    expected = convolve(x, operation.conv.weight, (stride, stride), (2, 2), dilation=2)
    torch.testing.assert_close(operation(x), normalise(expected, operation.bn))


@pytest.mark.parametrize("size", [1, 2, 6, 7])
@pytest.mark.parametrize("channels", [(3, 4), (4, 5)])
def test_factorized_reduction_pads_with_zeros_and_shifts_by_one(size, channels):
    _, operation, x = build("factorized_reduction", 2, channels, size)
    shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
    halves = [
        convolve(x[:, :, ::2, ::2], operation.path_1.weight),
        convolve(shifted[:, :, ::2, ::2], operation.path_2.weight),
    ]
    torch.testing.assert_close(operation(x), normalise(torch.cat(halves, 1), operation.bn))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", ["avg_pool_3x3", "max_pool_3x3"])
def test_pooling_leaves_the_padding_out(name, stride):
    _, operation, x = build(name, stride)
    expected = torch.empty_like(operation(x))
    for i in range(expected.shape[2]):
        for j in range(expected.shape[3]):
            y, z = i * stride, j * stride
            window = x[:, :, max(y - 1, 0) : y + 2, max(z - 1, 0) : z + 2].flatten(2)
            expected[:, :, i, j] = window.mean(2) if "avg" in name else window.amax(2)
    torch.testing.assert_close(operation(x), expected)


def test_identity_is_the_state_itself_and_a_convolution_at_stride_2():
    _, operation, x = build("identity")
    assert operation(x) is x
    _, operation, x = build("identity", stride=2)
    expected = convolve(x[:, :, ::2, ::2], operation.conv.weight)
    torch.testing.assert_close(operation(x), normalise(expected, operation.bn))


@pytest.mark.parametrize("name", ["avg_pool_3x3", "max_pool_3x3"])
def test_pooling_projects_to_other_channels(name):
    _, operation, x = build(name, channels=(3, 5))
    expected = normalise(
        convolve(operation.pool(x), operation.project.conv.weight), operation.project.bn
    )
    torch.testing.assert_close(operation(x), expected)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("channels", [(4, 4), (6, 4)])
@pytest.mark.parametrize(
    ("name", "stride"),
    [
        (name, stride)
        for name in OPERATIONS
        for stride in (1, 2)
        if (name, stride) != ("factorized_reduction", 1)
    ],
)
def test_shapes_are_as_planned_and_the_input_is_left_alone(name, stride, channels, size):
    layout, operation, x = build(name, stride, channels, size)
    before = x.clone()
    output = operation.train()(x)
    assert output.shape == (2, layout.channels_out, layout.size_out, layout.size_out)
    assert torch.equal(x, before)
