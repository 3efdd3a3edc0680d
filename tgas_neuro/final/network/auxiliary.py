"""The auxiliary head: a second classifier on an inner layer, which only the training uses."""

import torch
from torch import nn
from torch.nn import functional

from tgas_neuro.architecture.cell.operations import BN_EPSILON
from tgas_neuro.architecture.layers.convolution import PointwiseConv

POOL, STRIDE = 5, 3
PROJECTED, HIDDEN = 128, 768


class AuxiliaryHead(nn.Module):
    """Classifies what the last reduction reads (Szegedy et al. 2015, CVPR, section 5).

    As in the code of NASNet and PNASNet-5: ReLU, average over 5x5 of stride 3, convolution 1x1 to
    128 channels, normalisation, ReLU, a convolution as large as what is left to 768, normalisation,
    ReLU, linear layer. Its loss is added to that of the network with a weight of 0.4 there.

    Parameters
    ----------
    channels, size
        Channels, height and width [px] of what it reads; one smaller than 5 is averaged as a whole.
    n_classes
        Outputs.
    """

    def __init__(self, channels: int, size: int, n_classes: int):
        super().__init__()
        pool = min(POOL, size)
        left = (size - pool) // STRIDE + 1
        self.pool = nn.AvgPool2d(pool, STRIDE)
        self.project = PointwiseConv(channels, PROJECTED)
        self.bn_1 = nn.BatchNorm2d(PROJECTED, eps=BN_EPSILON)
        self.hidden = nn.Conv2d(PROJECTED, HIDDEN, left, bias=False)
        self.bn_2 = nn.BatchNorm2d(HIDDEN, eps=BN_EPSILON)
        self.linear = nn.Linear(HIDDEN, n_classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """From (n, channels, size, size) to logits, (n, class)."""
        pooled = self.pool(functional.relu(features))
        projected = functional.relu(self.bn_1(self.project(pooled)), inplace=True)
        hidden = functional.relu(self.bn_2(self.hidden(projected)), inplace=True)
        return self.linear(hidden.flatten(1))
