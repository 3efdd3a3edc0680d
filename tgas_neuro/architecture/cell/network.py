"""The network of a cell genotype: cells in their skeleton, and their operations as torch modules.

As in NASNet and PNASNet-5, an operation is ReLU, convolution, batch normalisation, in that order.
Several operations may read the same state, so the cell rectifies it once: an operation whose
`reads_rectified` is true is given the rectified state. It must not change its input, which others
read too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.cell.genotype import CellGenotype
from tgas_neuro.architecture.cell.layout import (
    CellLayout,
    NetworkLayout,
    OperationLayout,
    build_layout,
)
from tgas_neuro.architecture.depthwise import DepthwiseConv
from tgas_neuro.architecture.layers import (
    PointwiseConv,
    State,
    concatenate,
    drop_path,
    leave_out_placeholders,
    name_output,
    subsample_diagonally,
)
from tgas_neuro.architecture.network import GenotypeNetwork
from tgas_neuro.architecture.skeleton import Skeleton

# As in the released networks (TensorFlow's default of 0.001 for epsilon).
BN_EPSILON = 1e-3


def build_operation(layout: OperationLayout) -> nn.Module:
    """The module of one operation (images, channels_in, size_in, size_in) -> (..., size_out)."""
    return OPERATIONS[layout.name](layout)


class ConvBn(nn.Sequential):
    """Convolution and batch normalisation; the input was rectified by who gives it."""

    reads_rectified = True

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int | tuple[int, int] = 1,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int = 1,
    ):
        super().__init__()
        self.conv: nn.Conv2d
        if kernel == 1 and isinstance(stride, int):
            self.conv = PointwiseConv(channels_in, channels_out, stride)
        else:
            self.conv = nn.Conv2d(
                channels_in, channels_out, kernel, stride, padding, dilation, bias=False
            )
        self.bn = nn.BatchNorm2d(channels_out, eps=BN_EPSILON)


class SeparableConv(nn.Module):
    """Depthwise separable convolution, applied twice; the first one has the stride."""

    reads_rectified = True

    def __init__(self, layout: OperationLayout, kernel: int):
        super().__init__()
        c_in, c_out = layout.channels_in, layout.channels_out
        self.depthwise_1 = DepthwiseConv(c_in, kernel, layout.stride)
        self.pointwise_1 = ConvBn(c_in, c_out)
        self.depthwise_2 = DepthwiseConv(c_out, kernel)
        self.pointwise_2 = ConvBn(c_out, c_out)

    def forward(self, rectified: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, h, w) to (n, channels_out, h / stride, w / stride)."""
        hidden = self.pointwise_1(self.depthwise_1(rectified))
        # In place: this output of a batch normalisation is read here only.
        hidden = functional.relu(hidden, inplace=True)
        return self.pointwise_2(self.depthwise_2(hidden))


class RowColumnConv(nn.Module):
    """Convolution 1x7, then 7x1, each normalised; each strides along its own axis."""

    reads_rectified = True

    def __init__(self, layout: OperationLayout):
        super().__init__()
        c_out, stride = layout.channels_out, layout.stride
        self.row = ConvBn(layout.channels_in, c_out, (1, 7), (1, stride), (0, 3))
        self.column = ConvBn(c_out, c_out, (7, 1), (stride, 1), (3, 0))

    def forward(self, rectified: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, h, w) to (n, channels_out, h / stride, w / stride)."""
        return self.column(functional.relu(self.row(rectified), inplace=True))


class FactorizedReduction(nn.Module):
    """Halves the size without losing positions: two convolutions 1x1 of stride 2, one shifted.

    The second one sees the input shifted by one row and one column; where the size is odd, its
    last row and column see zeros. Each makes half of the channels (as in NASNet's code).
    """

    reads_rectified = True

    def __init__(self, layout: OperationLayout):
        super().__init__()
        c_in, c_out = layout.channels_in, layout.channels_out
        self.path_1 = PointwiseConv(c_in, c_out // 2)
        self.path_2 = PointwiseConv(c_in, c_out - c_out // 2)
        self.bn = nn.BatchNorm2d(c_out, eps=BN_EPSILON)

    def forward(self, rectified: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, h, w) to (n, channels_out, h / 2, w / 2), rounded up."""
        even, odd = subsample_diagonally(rectified)
        return self.bn(concatenate((self.path_1(even), self.path_2(odd))))


class Pool(nn.Module):
    """Average or maximum over 3x3 positions (padding left out), projected to other channels."""

    reads_rectified = False

    def __init__(self, layout: OperationLayout, pool: Callable[..., nn.Module], **arguments: Any):
        super().__init__()
        self.pool = pool(3, stride=layout.stride, padding=1, **arguments)
        same = layout.channels_in == layout.channels_out
        self.project = nn.Identity() if same else ConvBn(layout.channels_in, layout.channels_out)

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, h, w) to (n, channels_out, h / stride, w / stride)."""
        return self.project(self.pool(state))


class Identity(nn.Identity):
    """The state itself."""

    reads_rectified = False


def _build_identity(layout: OperationLayout) -> nn.Module:
    """Identity, or a convolution 1x1 where stride or channels do not allow it (PNASNet-5)."""
    if layout.stride == 1 and layout.channels_in == layout.channels_out:
        return Identity()
    return _build_conv_1x1(layout)


def _build_conv_1x1(layout: OperationLayout) -> nn.Module:
    return ConvBn(layout.channels_in, layout.channels_out, stride=layout.stride)


def _build_dilated(layout: OperationLayout) -> nn.Module:
    # A full convolution: where the paper means a separable one it says so.
    return ConvBn(layout.channels_in, layout.channels_out, 3, layout.stride, padding=2, dilation=2)


OPERATIONS: dict[str, Callable[[OperationLayout], nn.Module]] = {
    "sep_conv_3x3": partial(SeparableConv, kernel=3),
    "sep_conv_5x5": partial(SeparableConv, kernel=5),
    "sep_conv_7x7": partial(SeparableConv, kernel=7),
    "conv_1x7_7x1": RowColumnConv,
    "identity": _build_identity,
    "avg_pool_3x3": partial(Pool, pool=nn.AvgPool2d, count_include_pad=False),
    "max_pool_3x3": partial(Pool, pool=nn.MaxPool2d),
    "dil_conv_3x3": _build_dilated,
    # Adjustments of a cell's inputs.
    "conv_1x1": _build_conv_1x1,
    "factorized_reduction": FactorizedReduction,
}


class CellNetwork(GenotypeNetwork):
    """Stem, cells, ReLU, global average pool, linear layer.

    Attributes
    ----------
    layout
        What it was built from (see `build_layout`).
    """

    layout: NetworkLayout

    def __init__(self, genotype: CellGenotype, skeleton: Skeleton):
        super().__init__()
        self.layout = build_layout(genotype, skeleton)
        stem = self.layout.stem
        self.stem = ConvBn(stem.channels_in, stem.channels_out, 3, stem.stride, stem.padding)
        self.cells = nn.ModuleDict()
        n_paths = 0
        for cell in self.layout.cells:
            self.cells[cell.name] = CellModule(cell, n_paths)
            n_paths += len(cell.paths)
        self.linear = nn.Linear(self.layout.features, self.layout.n_classes)

    def forward(
        self, images: torch.Tensor, kept: torch.Tensor | None = None, tap: str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Class scores.

        Parameters
        ----------
        images
            (n, channels, height, width), float; fastest as ``torch.channels_last``.
        kept
            (n, path), see `drop_path`; None drops nothing.
        tap
            The cell whose output is given as well, by name.

        Returns
        -------
        torch.Tensor
            (n, class), logits; with `tap` also that output, (n, channels, h, w).
        """
        kept, tap = leave_out_placeholders(kept, tap)
        before = previous = State(self.stem(images))
        tapped = previous.raw
        for name, cell in self.cells.items():
            before, previous = previous, State(cell(before, previous, kept))
            if name == tap:
                tapped = previous.raw
        logits = self.linear(previous.rectified.mean(dim=(2, 3)))
        return logits if tap is None else (logits, tapped)

    def layers(self) -> dict[str, nn.Module]:
        """The modules whose outputs are compared with recordings, from input to output.

        "stem", "cell_0", ...; in the imagenet stem also "stem_cell_0" and "stem_cell_1".
        Each puts out (n, channels, height, width).
        """
        return {"stem": self.stem, **self.cells}


class CellModule(nn.Module):
    """One cell (see `CellLayout`); `first_path` is the number of its first path in the network."""

    def __init__(self, layout: CellLayout, first_path: int = 0):
        super().__init__()
        self.inputs = [block.inputs for block in layout.blocks]
        numbers = {place: first_path + number for number, place in enumerate(layout.paths)}
        self.paths = [(numbers.get((b, 0)), numbers.get((b, 1))) for b in range(len(layout.blocks))]
        self.concat = [state for state, _ in layout.concat]
        self.adjust = nn.ModuleList(_build_or_pass(operation) for operation in layout.adjust)
        self.operations = nn.ModuleList(
            nn.ModuleList(build_operation(operation) for operation in block.operations)
            for block in layout.blocks
        )
        self.output = nn.ModuleList(_build_or_pass(operation) for _, operation in layout.concat)

    def forward(
        self, before: State, previous: State, kept: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Outputs of the two cells before it to this one's, each (n, channels, h, w)."""
        states = [
            State(x.apply(adjust))
            for x, adjust in zip((before, previous), self.adjust, strict=True)
        ]
        for (one, other), pair, (path, other_path) in zip(
            self.inputs, self.operations, self.paths, strict=True
        ):
            left, right = cast(nn.ModuleList, pair)
            states.append(
                State(
                    drop_path(states[one].apply(left), kept, path)
                    + drop_path(states[other].apply(right), kept, other_path)
                )
            )
        outputs = [
            states[state].apply(adjust)
            for state, adjust in zip(self.concat, self.output, strict=True)
        ]
        return name_output(concatenate(outputs))


def _build_or_pass(operation: OperationLayout | None) -> nn.Module:
    return Identity() if operation is None else build_operation(operation)
