"""The yardstick of candidate.py: a cell network as one writes it plainly, trained plainly.

Every operation is a Sequential that begins with a ReLU of its own, as in the PNASNet-5 and NASNet
of timm and in DARTS; memory is NCHW, arithmetic float32, the optimiser torch's SGD as it comes.
Only channels and strides come from the package's layout. Modules stand in the same order as in the
package's network, so that its weights can be copied over one by one.
"""

import torch
from torch import nn

from tgas_neuro.architecture.cell.genotype import CellGenotype
from tgas_neuro.architecture.cell.layout import CellLayout, OperationLayout, build_layout
from tgas_neuro.architecture.skeleton import Skeleton

EPSILON = 1e-3


class ReferenceNetwork(nn.Module):
    """Stem, cells, ReLU, global average pool, linear layer."""

    def __init__(self, genotype: CellGenotype, skeleton: Skeleton):
        super().__init__()
        layout = build_layout(genotype, skeleton)
        stem = layout.stem
        self.stem = nn.Sequential(
            nn.Conv2d(
                stem.channels_in, stem.channels_out, 3, stem.stride, stem.padding, bias=False
            ),
            nn.BatchNorm2d(stem.channels_out, eps=EPSILON),
        )
        self.cells = nn.ModuleList(ReferenceCell(cell) for cell in layout.cells)
        self.act = nn.ReLU()
        self.linear = nn.Linear(layout.features, layout.n_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From (n, channel, y, x) to logits, (n, class)."""
        before = previous = self.stem(images)
        for cell in self.cells:
            before, previous = previous, cell(before, previous)
        return self.linear(self.act(previous).mean((2, 3)))


class ReferenceCell(nn.Module):
    """One cell: inputs adjusted, blocks, concatenation."""

    def __init__(self, layout: CellLayout):
        super().__init__()
        self.blocks, self.concat = layout.blocks, [state for state, _ in layout.concat]
        self.adjust = nn.ModuleList(build_plainly(operation) for operation in layout.adjust)
        self.operations = nn.ModuleList(
            nn.ModuleList(build_plainly(operation) for operation in block.operations)
            for block in layout.blocks
        )
        self.output = nn.ModuleList(build_plainly(operation) for _, operation in layout.concat)

    def forward(self, before: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
        """The outputs of two cells to this one's."""
        states = [self.adjust[0](before), self.adjust[1](previous)]
        for block, (left, right) in zip(self.blocks, self.operations, strict=True):
            one, other = block.inputs
            states.append(left(states[one]) + right(states[other]))
        outputs = [
            adjust(states[state]) for state, adjust in zip(self.concat, self.output, strict=True)
        ]
        return torch.cat(outputs, 1)


class FactorizedReduction(nn.Module):
    """Two convolutions 1x1 of stride 2, one of them shifted by a pixel (as timm's)."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.act = nn.ReLU()
        self.path_1 = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.shift = nn.ZeroPad2d((-1, 1, -1, 1))
        self.path_2 = nn.Conv2d(c_in, c_out - c_out // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Half the height and width."""
        x = self.act(x)
        return self.bn(torch.cat([self.path_1(x), self.path_2(self.shift(x))], 1))


def build_plainly(layout: OperationLayout | None) -> nn.Module:
    """One operation of the layout; None passes its input on."""
    if layout is None:
        return nn.Identity()
    c_in, c_out, stride = layout.channels_in, layout.channels_out, layout.stride
    same = stride == 1 and c_in == c_out
    if layout.name.startswith("sep_conv"):
        return _build_separable(c_in, c_out, int(layout.name[-1]), stride)
    if layout.name == "max_pool_3x3":
        pool = nn.MaxPool2d(3, stride, 1)
        return pool if c_in == c_out else nn.Sequential(pool, *_build_conv(c_in, c_out)[1:])
    if layout.name == "avg_pool_3x3":
        pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return pool if c_in == c_out else nn.Sequential(pool, *_build_conv(c_in, c_out)[1:])
    if layout.name == "factorized_reduction":
        return FactorizedReduction(c_in, c_out)
    if layout.name == "dil_conv_3x3":
        return _build_conv(c_in, c_out, 3, stride, padding=2, dilation=2)
    if layout.name == "conv_1x7_7x1":
        row = _build_conv(c_in, c_out, (1, 7), (1, stride), padding=(0, 3))
        return nn.Sequential(*row, *_build_conv(c_out, c_out, (7, 1), (stride, 1), padding=(3, 0)))
    if layout.name == "identity" and same:
        return nn.Identity()
    return _build_conv(c_in, c_out, 1, stride)  # conv_1x1, or an identity that has to stride


def _build_conv(
    c_in: int,
    c_out: int,
    kernel: int | tuple[int, int] = 1,
    stride: int | tuple[int, int] = 1,
    **arguments: int | tuple[int, int],
) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel, stride, bias=False, **arguments),
        nn.BatchNorm2d(c_out, eps=EPSILON),
    )


def _build_separable(c_in: int, c_out: int, kernel: int, stride: int) -> nn.Sequential:
    padding = kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_in, kernel, stride, padding, groups=c_in, bias=False),
        nn.Conv2d(c_in, c_out, 1, bias=False),
        nn.BatchNorm2d(c_out, eps=EPSILON),
        nn.ReLU(),
        nn.Conv2d(c_out, c_out, kernel, 1, padding, groups=c_out, bias=False),
        nn.Conv2d(c_out, c_out, 1, bias=False),
        nn.BatchNorm2d(c_out, eps=EPSILON),
    )


def copy_weights(network: nn.Module, reference: nn.Module) -> None:
    """Give the reference the weights of the package's network, in the order of modules."""
    names = list(reference.state_dict())
    values = [value.contiguous() for value in network.state_dict().values()]
    reference.load_state_dict(dict(zip(names, values, strict=True)))
