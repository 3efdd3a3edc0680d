"""The mobile network of PNASNet-5 in timm's own modules, for final_speed.py.

timm has the large network alone (``pnasnet5large``). Its stem and cells are taken as they are and
built at mobile size: 32 filters in the stem, 54 in the first stage, 3 cells a stage.
"""

from functools import partial

import torch
from timm.layers import ConvNormAct, create_conv2d
from timm.models.pnasnet import Cell, CellStem0, FactorizedReduction
from torch import nn

EPSILON = 1e-3
BLOCKS = 5  # concatenated by every cell


class UnevenReduction(FactorizedReduction):
    """timm's halves `out` twice and loses a channel if it is odd, as in the mobile stem (27)."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out)
        self.path_2.conv = create_conv2d(channels_in, channels_out - channels_out // 2, 1)


class MobileNetwork(nn.Module):
    """PNASNet-5 as ``timm.models.pnasnet.PNASNet5Large`` writes it, with other numbers.

    Padding is symmetric (timm's default), as in the package, where ``pnasnet5large`` pads as
    TensorFlow does.
    """

    def __init__(self, filters: int, stem_filters: int, cells_per_stage: int, n_classes: int):
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=EPSILON)
        quarter, half = filters // 4, filters // 2
        self.conv_0 = ConvNormAct(
            3, stem_filters, 3, stride=2, padding=0, norm_layer=norm, apply_act=False
        )
        self.cell_stem_0 = CellStem0(stem_filters, quarter, stem_filters, quarter)
        outputs = [stem_filters, BLOCKS * quarter]
        cells = [_build_cell(outputs, half, reduces=True, matches=True)]
        outputs.append(BLOCKS * half)
        matches = True  # the last output but one is twice as large as the last one
        for stage in range(3):
            for number in range(cells_per_stage):
                reduces = stage > 0 and number == 0
                cells.append(_build_cell(outputs, filters * 2**stage, reduces, matches))
                outputs.append(BLOCKS * filters * 2**stage)
                matches = reduces
        self.cells = nn.ModuleList(cells)
        self.act = nn.ReLU()
        self.last_linear = nn.Linear(outputs[-1], n_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From (n, channel, y, x) to logits, (n, class)."""
        before = self.conv_0(images)
        previous = self.cell_stem_0(before)
        for cell in self.cells:
            before, previous = previous, cell(before, previous)
        return self.last_linear(self.act(previous).mean((2, 3)))


def _build_cell(outputs: list[int], filters: int, reduces: bool, matches: bool) -> Cell:
    before, previous = outputs[-2:]
    cell = Cell(before, filters, previous, filters, is_reduction=reduces)
    if matches:
        cell.conv_prev_1x1 = UnevenReduction(before, filters)
    return cell


# Block and branch of the package's cell (canonical order), and how timm names the operation.
BRANCHES = {
    (0, 0): "comb_iter_0_right",
    (0, 1): "comb_iter_0_left",
    (1, 0): "comb_iter_4_left",
    (1, 1): "comb_iter_4_right",
    (2, 0): "comb_iter_1_right",
    (2, 1): "comb_iter_1_left",
    (3, 0): "comb_iter_2_right",
    (3, 1): "comb_iter_2_left",
    (4, 0): "comb_iter_3_right",
    (4, 1): "comb_iter_3_left",
}
PLACES = (0, 2, 3, 4, 1)  # of timm's five blocks among the package's, where they are concatenated


@torch.no_grad()
def copy_weights(network: nn.Module, reference: MobileNetwork) -> None:
    """Give the reference the weights and running statistics of the package's PNASNet-5."""
    _copy(network.stem, reference.conv_0)
    orders = [None, None]  # of the channels that the next cell reads
    for ours, theirs in zip(
        network.cells.values(), (reference.cell_stem_0, *reference.cells), strict=True
    ):
        if hasattr(theirs, "conv_prev_1x1"):
            _copy(ours.adjust[0], theirs.conv_prev_1x1, orders[-2])
        _copy(ours.adjust[1], theirs.conv_1x1, orders[-1])
        for (block, branch), name in BRANCHES.items():
            target = getattr(theirs, name)
            if target is not None:  # timm has no module for an identity
                _copy(ours.operations[block][branch], target)
        orders.append(_find_order(ours.adjust[1].conv.out_channels))
    _copy(network.linear, reference.last_linear, orders[-1])


def _find_order(filters: int) -> torch.Tensor:
    """The package's channel at each place of timm's output of a cell."""
    return torch.arange(BLOCKS * filters).view(BLOCKS, filters)[list(PLACES)].flatten()


def _copy(source: nn.Module, target: nn.Module, order: torch.Tensor | None = None) -> None:
    """Copy weights, which both hold in one order; `order` is that of the channels read."""
    pairs = zip(source.state_dict().values(), target.state_dict().values(), strict=True)
    for value, place in pairs:
        place.copy_(value if order is None or value.ndim < 2 else value[:, order])
