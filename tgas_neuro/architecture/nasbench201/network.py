"""The network of a NAS-Bench-201 cell in the benchmark's skeleton."""

import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.layers import (
    ConvBn,
    State,
    build_conv,
    drop_path,
    leave_out_placeholders,
    name_output,
)
from tgas_neuro.architecture.nasbench201.genotype import EDGES, NASBench201Genotype
from tgas_neuro.architecture.nasbench201.layout import (
    CellLayout,
    NetworkLayout,
    ReductionLayout,
    build_layout,
)
from tgas_neuro.architecture.network import GenotypeNetwork
from tgas_neuro.architecture.skeleton import ConvLayout, Skeleton


class NASBench201Network(GenotypeNetwork):
    """Stem, stages of cells with residual blocks between, normalisation, ReLU, pool, linear layer.

    As ``TinyNetwork`` of the benchmark's code (Dong & Yang 2020, ICLR, figure 1).

    Attributes
    ----------
    layout
        What it was built from (see `build_layout`).
    """

    layout: NetworkLayout

    def __init__(self, genotype: NASBench201Genotype, skeleton: Skeleton):
        super().__init__()
        self.layout = build_layout(genotype, skeleton)
        first, *others = self.layout.stem
        self.stem = nn.Sequential(ConvBn(first), *map(ReluConvBn, others))
        self.parts = nn.ModuleDict()
        n_paths = 0
        for part in self.layout.parts:
            self.parts[part.name] = MODULES[type(part)](part, n_paths)
            n_paths += len(part.paths)
        self.last = nn.Sequential(nn.BatchNorm2d(self.layout.features), nn.ReLU(inplace=True))
        self.linear = nn.Linear(self.layout.features, self.layout.n_classes)

    def forward(
        self, images: torch.Tensor, kept: torch.Tensor | None = None, tap: str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Class scores, logits, (n, class), of images (n, channels, height, width).

        `kept` is (n, path), see `drop_path`, or None, which drops nothing. With `tap`, the name of
        a part, its output is given as well, (n, channels, h, w).
        """
        kept, tap = leave_out_placeholders(kept, tap)
        features = tapped = self.stem(images)
        for name, part in self.parts.items():
            features = part(features, kept)
            if name == tap:
                tapped = features
        # `last` rectifies in place what it has made itself
        logits = self.linear(self.last(features).mean(dim=(2, 3)))
        return logits if tap is None else (logits, tapped)

    def layers(self) -> dict[str, nn.Module]:
        """The modules whose outputs are compared with recordings, from input to output.

        "stem", "cell_0", ..., "reduction_0", "cell_n", ...; each puts out (n, channels, height,
        width).
        """
        return {"stem": self.stem, **self.parts}


class ReluConvBn(ConvBn):
    """ReLU, convolution, batch normalisation."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From (n, channels_in, size_in, size_in) to (n, channels_out, size_out, size_out)."""
        return super().forward(functional.relu(features))


class Conv(ConvBn):
    """Convolution and batch normalisation of a node that the cell has rectified."""

    reads_rectified = True


class AveragePool(nn.AvgPool2d):
    """Average over 3x3 positions, those beyond the edge left out."""

    reads_rectified = False

    def __init__(self):
        super().__init__(3, stride=1, padding=1, count_include_pad=False)


class Skip(nn.Identity):
    """The node itself."""

    reads_rectified = False


class Cell(nn.Module):
    """Four nodes; each one is the sum of what the edges bring from the nodes before it.

    An edge of none brings nothing, and a node that nothing enters is zero. Edges that lead
    nowhere are calculated all the same, as in the benchmark, whose counts contain them.
    """

    def __init__(self, layout: CellLayout, first_path: int = 0):
        super().__init__()
        used = [edge for edge, operation in enumerate(layout.operations) if operation != "none"]
        self.edges = [EDGES[edge] for edge in used]
        numbers = {edge: first_path + number for number, edge in enumerate(layout.paths)}
        self.paths = [numbers.get(edge) for edge in used]
        self.operations = nn.ModuleList(
            _build_operation(layout.operations[edge], layout.convs[edge]) for edge in used
        )

    def forward(self, features: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """From (n, channels, size, size) to the same; `kept` as in the network."""
        nodes = [State(features)]
        for node in (1, 2, 3):
            entering = [
                drop_path(nodes[start].apply(operation), kept, path)
                for (start, end), operation, path in zip(
                    self.edges, self.operations, self.paths, strict=True
                )
                if end == node
            ]
            total = sum(entering[1:], entering[0]) if entering else torch.zeros_like(features)
            nodes.append(State(total))
        return name_output(nodes[3].raw)


class Reduction(nn.Module):
    """Residual block of stride 2: two convolutions 3x3, beside average and convolution 1x1."""

    def __init__(self, layout: ReductionLayout, first_path: int = 0):
        super().__init__()
        self.convs = nn.Sequential(*map(ReluConvBn, layout.convs))
        # Positions beyond an odd edge are left out, so that both paths have the same size.
        self.pool = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
        self.shortcut = build_conv(layout.shortcut)

    def forward(self, features: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """From (n, channels, size, size) to (n, 2 channels, size / 2, size / 2), rounded up."""
        return self.shortcut(self.pool(features)) + self.convs(features)


def _build_operation(name: str, conv: ConvLayout | None) -> nn.Module:
    return OPERATIONS[name]() if conv is None else Conv(conv)


OPERATIONS = {"skip_connect": Skip, "avg_pool_3x3": AveragePool}
MODULES = {CellLayout: Cell, ReductionLayout: Reduction}
