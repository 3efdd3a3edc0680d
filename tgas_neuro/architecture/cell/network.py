"""The network of a cell genotype: cells in their skeleton."""

import torch
from torch import nn

from tgas_neuro.architecture.cell.genotype import CellGenotype
from tgas_neuro.architecture.cell.operations import ConvBn, Identity, build_operation
from tgas_neuro.architecture.cell.plan import CellPlan, OperationPlan, build_plan
from tgas_neuro.architecture.concatenation import concatenate
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.state import State


class CellNetwork(nn.Module):
    """Stem, cells, ReLU, global average pool, linear layer.

    Attributes
    ----------
    plan
        What it was built from (see `build_plan`).
    """

    def __init__(self, genotype: CellGenotype, skeleton: Skeleton):
        super().__init__()
        self.plan = build_plan(genotype, skeleton)
        stem = self.plan.stem
        self.stem = ConvBn(stem.channels_in, stem.channels_out, 3, stem.stride, stem.padding)
        self.cells = nn.ModuleDict({cell.name: CellModule(cell) for cell in self.plan.cells})
        self.linear = nn.Linear(self.plan.features, self.plan.n_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class scores.

        Parameters
        ----------
        images
            (n, channels, height, width), float; fastest as ``torch.channels_last``.

        Returns
        -------
        torch.Tensor
            (n, class), logits.
        """
        before = previous = State(self.stem(images))
        for cell in self.cells.values():
            before, previous = previous, State(cell(before, previous))
        return self.linear(previous.rectified.mean(dim=(2, 3)))

    def layers(self) -> dict[str, nn.Module]:
        """The modules whose outputs are compared with recordings, from input to output.

        "stem", "cell_0", ...; in the imagenet stem also "stem_cell_0" and "stem_cell_1".
        Each puts out (n, channels, height, width).
        """
        return {"stem": self.stem, **self.cells}


class CellModule(nn.Module):
    """One cell (see `CellPlan`)."""

    def __init__(self, plan: CellPlan):
        super().__init__()
        self.inputs = [block.inputs for block in plan.blocks]
        self.concat = [state for state, _ in plan.concat]
        self.adjust = nn.ModuleList(_build_or_pass(operation) for operation in plan.adjust)
        self.operations = nn.ModuleList(
            nn.ModuleList(build_operation(operation) for operation in block.operations)
            for block in plan.blocks
        )
        self.output = nn.ModuleList(_build_or_pass(operation) for _, operation in plan.concat)

    def forward(self, before: State, previous: State) -> torch.Tensor:
        """Outputs of the two cells before it to this one's, each (n, channels, h, w)."""
        states = [
            State(x.give(adjust)) for x, adjust in zip((before, previous), self.adjust, strict=True)
        ]
        for (one, other), (left, right) in zip(self.inputs, self.operations, strict=True):
            states.append(State(states[one].give(left) + states[other].give(right)))
        outputs = [
            states[state].give(adjust)
            for state, adjust in zip(self.concat, self.output, strict=True)
        ]
        return concatenate(outputs)


def _build_or_pass(operation: OperationPlan | None) -> nn.Module:
    return Identity() if operation is None else build_operation(operation)
