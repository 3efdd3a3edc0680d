"""The network of a cell genotype: cells in their skeleton."""

from typing import cast

import torch
from torch import nn

from tgas_neuro.architecture.cell.genotype import CellGenotype
from tgas_neuro.architecture.cell.layout import (
    CellLayout,
    NetworkLayout,
    OperationLayout,
    build_layout,
)
from tgas_neuro.architecture.cell.operations import ConvBn, Identity, build_operation
from tgas_neuro.architecture.layers import State, concatenate, drop_path
from tgas_neuro.architecture.network import GenotypeNetwork
from tgas_neuro.architecture.skeleton import Skeleton


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
        return concatenate(outputs)


def _build_or_pass(operation: OperationLayout | None) -> nn.Module:
    return Identity() if operation is None else build_operation(operation)
