"""Parameters and multiply-adds of the operations of a cell in closed form."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tgas_neuro.architecture.skeleton import Complexity, calc_conv_bn, calc_depthwise

if TYPE_CHECKING:
    from tgas_neuro.architecture.cell.layout import OperationLayout


def calc_operation_cost(operation: "OperationLayout") -> Complexity:
    """Parameters and multiply-adds of an operation in its place."""
    return COSTS[operation.name](operation)


def _separable(kernel: int) -> Callable[["OperationLayout"], Complexity]:
    def cost(op: "OperationLayout") -> Complexity:
        positions = op.size_out**2
        return (
            calc_depthwise(op.channels_in, kernel**2, positions)
            + calc_conv_bn(op.channels_in, op.channels_out, 1, positions)
            + calc_depthwise(op.channels_out, kernel**2, positions)
            + calc_conv_bn(op.channels_out, op.channels_out, 1, positions)
        )

    return cost


def _conv(kernel: int) -> Callable[["OperationLayout"], Complexity]:
    def cost(op: "OperationLayout") -> Complexity:
        return calc_conv_bn(op.channels_in, op.channels_out, kernel**2, op.size_out**2)

    return cost


def _conv_1x7_7x1(op: "OperationLayout") -> Complexity:
    # The row of seven strides over columns only: its output is still as high as its input.
    first = calc_conv_bn(op.channels_in, op.channels_out, 7, op.size_in * op.size_out)
    return first + calc_conv_bn(op.channels_out, op.channels_out, 7, op.size_out**2)


def _identity(op: "OperationLayout") -> Complexity:
    if op.stride == 1 and op.channels_in == op.channels_out:
        return Complexity(0, 0)
    return _conv(1)(op)


def _pool(op: "OperationLayout") -> Complexity:
    return Complexity(0, 0) if op.channels_in == op.channels_out else _conv(1)(op)


COSTS: dict[str, Callable[["OperationLayout"], Complexity]] = {
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
    "sep_conv_7x7": _separable(7),
    "conv_1x7_7x1": _conv_1x7_7x1,
    "identity": _identity,
    "avg_pool_3x3": _pool,
    "max_pool_3x3": _pool,
    "dil_conv_3x3": _conv(3),
    # Adjustments of a cell's inputs. The two halves of a factorized reduction make together
    # as many channels, from as many positions, as one convolution 1x1 of stride 2.
    "conv_1x1": _conv(1),
    "factorized_reduction": _conv(1),
}
