"""A search space in one folder: stacks of so many 3x3 convolutions of one width."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import nn

from tgas_neuro.architecture.skeleton import calc_conv_bn, calc_linear
from tgas_neuro.architecture.space import Space, check_choices
from tgas_neuro.config.section import Section, key
from tgas_neuro.runtime.errors import UserError, check_choice, check_keys
from tgas_neuro.runtime.files import calc_digest

WIDTHS = (1, 2, 3)


@dataclass(frozen=True)
class Stack:
    space: str
    depth: int
    width: int

    @cached_property
    def hash(self):
        return calc_digest(self.to_json())[:16]

    def canonical(self):
        return self

    def to_json(self):
        return {"space": self.space, "depth": self.depth, "width": self.width}


@dataclass(frozen=True)
class StackLayout:
    names: tuple[str, ...]
    channels: int
    size: int
    skeleton: object

    path_depths = ()
    last_before_reduction = None

    @property
    def layer_stages(self):
        return (self.names,)

    def calc_cost(self):
        total = calc_linear(self.channels, self.skeleton.n_classes)
        for channels_in in (self.skeleton.channels, *[self.channels] * len(self.names)):
            total += calc_conv_bn(channels_in, self.channels, 9, self.size**2)
        return total


class StackNetwork(nn.Module):
    def __init__(self, genotype, skeleton):
        super().__init__()
        self.layout = StackSpace.build_layout(genotype, skeleton)
        channels = self.layout.channels

        def build(channels_in):
            conv = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())

        self.stem = build(skeleton.channels)
        self.stack = nn.ModuleDict({name: build(channels) for name in self.layout.names})
        self.linear = nn.Linear(channels, skeleton.n_classes)

    def forward(self, images):
        features = self.stem(images)
        for layer in self.stack.values():
            features = layer(features)
        return self.linear(features.mean(dim=(2, 3)))

    def layers(self):
        return {"stem": self.stem, **self.stack}


class StackOptions(Section):
    """Options of the space stack."""

    depth: int = key(4, "Most convolutions of a stack.", decides=True, ge=1, le=9)


@dataclass(frozen=True)
class StackSpace(Space[Stack]):
    name: ClassVar = "stack"
    about: ClassVar = "stacks of convolutions"
    options: ClassVar = StackOptions
    cheapest: ClassVar = {"space": "stack", "depth": 1, "width": 1}
    holder: ClassVar = "stack"
    no_place: ClassVar = {
        "drop_path": "adds nothing up",
        "auxiliary": "has no stages",
    }

    depth: int = 4

    @property
    def stages(self):
        return self.depth

    @staticmethod
    def read(content, name):
        check_keys(content, name, ("space", "depth", "width"))
        check_choice(f"{name}: width", content["width"], WIDTHS)
        return Stack(**content)

    @staticmethod
    def build_layout(genotype, skeleton):
        names = tuple(f"layer_{number}" for number in range(genotype.depth))
        channels = genotype.width * skeleton.filters
        return StackLayout(names, channels, skeleton.image_size, skeleton)

    @staticmethod
    def build_module(genotype, skeleton):
        return StackNetwork(genotype, skeleton)

    @staticmethod
    def describe(genotype):
        return [f"{genotype.depth} convolutions, {genotype.width} F filters each"]

    @staticmethod
    def calc_drawing_size(genotype):
        return 2.0, 1.0 + genotype.depth

    @staticmethod
    def draw(genotype, figure, title):
        ax = figure.subplots()
        ax.bar(range(genotype.depth), genotype.width)
        ax.set_title(title)

    def choices(self):
        return {"depth": self.depth, "width": len(WIDTHS)}

    def from_choices(self, values: Mapping[str, int]):
        values = check_choices(self, values)
        return Stack("stack", values["depth"] + 1, WIDTHS[values["width"]])

    def to_choices(self, genotype):
        return {"depth": genotype.depth - 1, "width": WIDTHS.index(genotype.width)}

    def validate(self, genotype):
        check_choice("genotype: space", genotype.space, ["stack"])
        if genotype.depth > self.depth:
            raise UserError(f"genotype: depth: {genotype.depth}; this space has {self.depth}")
        return genotype

    def get_stage(self, genotype):
        return genotype.depth if genotype.space == "stack" else None

    def grow(self, genotype):
        if genotype is None:
            yield from (Stack("stack", 1, width) for width in WIDTHS)
        elif genotype.depth < self.depth:
            yield Stack("stack", genotype.depth + 1, genotype.width)
