"""Networks of a few units, imported by tests as a user's own."""

import torch
from torch import nn


class Tiny(nn.Module):
    """Two convolutions, a part that is never used, and one that gives two tensors."""

    def __init__(self):
        super().__init__()
        self.early = nn.Sequential(nn.Conv2d(3, 4, 5, stride=2), nn.ReLU())
        self.late = nn.Conv2d(4, 6, 3, stride=2)
        self.pair = Pair()
        self.unused = nn.Linear(2, 2)
        self.head = nn.Linear(12, 5)

    def forward(self, images):
        first, second = self.pair(self.late(self.early(images)).relu().mean(dim=(2, 3)))
        return self.head(torch.cat([first, second], dim=1))


class Pair(nn.Module):
    def forward(self, features):
        return features, features.square()


def build_tiny():
    return Tiny()


def build_seeded():
    network = Tiny()
    generator = torch.Generator().manual_seed(7)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.2, generator)
    return network


def build_in_place():
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=2), nn.ReLU(inplace=True))


def build_list():
    return [1]


def fail():
    raise KeyError("my own mistake")


NOT_A_FUNCTION = 3
