"""The skeleton: depth, width and stem of a network, for which images, and what it costs."""

from dataclasses import dataclass
from typing import Any

from tgas_neuro.config.final import Final
from tgas_neuro.config.premature import Premature
from tgas_neuro.runtime.errors import UserError, check_choice


@dataclass(frozen=True)
class Complexity:
    """What a network costs.

    Attributes
    ----------
    params
        Learned numbers: weights of convolutions and of the linear layer, its biases, scale
        and shift of batch normalisation (not its running mean and variance).
    macs
        Multiply-adds for one image of the skeleton's size, of convolutions and the linear
        layer, as the papers count them. Batch normalisation, ReLU, pooling, additions and
        biases are not counted.
    """

    params: int
    macs: int

    def __add__(self, other: "Complexity") -> "Complexity":
        return Complexity(self.params + other.params, self.macs + other.macs)


def calc_conv_bn(
    channels_in: int, channels_out: int, taps: int, positions: int, groups: int = 1
) -> Complexity:
    """Convolution of so many taps at so many output positions, then batch normalisation."""
    weights = channels_in // groups * channels_out * taps
    return Complexity(weights + 2 * channels_out, weights * positions)


def calc_depthwise(channels: int, taps: int, positions: int) -> Complexity:
    """Convolution of each channel on its own, without normalisation."""
    return Complexity(channels * taps, channels * taps * positions)


def calc_linear(features: int, n_classes: int) -> Complexity:
    """Linear layer with biases."""
    weights = features * n_classes
    return Complexity(weights + n_classes, weights)


STEMS = ("cifar", "imagenet")
DOWNSAMPLING = ("between", "within")


@dataclass(frozen=True)
class Skeleton:
    """The size of a network.

    Chains have no cells: `cells_per_stage`, `stages` and `downsampling` play no part there. The
    numbers of NAS-Bench-201 are 16 filters, 5 cells a stage, 3 stages, 32 pixels.

    Attributes
    ----------
    filters
        F, the channels of every block in the first stage; doubled from stage to stage. In a chain
        of a layer of width 1.
    cells_per_stage
        N, see `downsampling`.
    stages
        Stages of equal spatial size; between two, width and height are halved (rounded up).
    n_classes
        Outputs of the linear layer.
    image_size
        Height and width of the input [px]; need not be even.
    channels
        Channels of the input.
    stem
        "cifar": convolution 3x3 of stride 1. "imagenet": for cells, convolution 3x3 of stride 2,
        not padded, and two cells of stride 2 with F/4 and F/2 filters (as NASNet and PNASNet-5);
        elsewhere two convolutions 3x3 of stride 2 (see `build_stem_layout`).
    stem_filters
        Channels of the stem's first convolution; None is 3 F for "cifar", 96 for "imagenet", and F
        and F/2 elsewhere than in cells.
    downsampling
        "between": a cell of stride 2 between two stages of N cells each (NASNet). "within":
        the first of the N cells of a later stage has stride 2 (PNASNet-5 as released). In
        NAS-Bench-201 a residual block takes the place of that cell.

    Raises
    ------
    UserError
        A number below 1, or a choice that does not exist.
    """

    filters: int
    cells_per_stage: int
    stages: int
    n_classes: int
    image_size: int
    channels: int = 3
    stem: str = "cifar"
    stem_filters: int | None = None
    downsampling: str = "between"

    def __post_init__(self):
        numbers = ("filters", "cells_per_stage", "stages", "n_classes", "image_size", "channels")
        for name in numbers if self.stem_filters is None else (*numbers, "stem_filters"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UserError(f"{name}: {value!r} is not an integer of at least 1")
        check_choice("stem", self.stem, STEMS)
        check_choice("downsampling", self.downsampling, DOWNSAMPLING)
        if self.stem == "imagenet" and self.image_size < 3:
            raise UserError(f"image_size: {self.image_size}; the imagenet stem needs at least 3")
        if self.stem == "imagenet" and self.filters < 8:
            raise UserError(
                f"filters: {self.filters}; the imagenet stem halves a quarter of them, so that it "
                "needs at least 8"
            )


@dataclass(frozen=True)
class ConvLayout:
    """A square convolution, padded by half its kernel: channels, kernel, stride, input size [px].

    `kernel` is odd, so that at stride 1 the output is as large as the input.
    """

    channels_in: int
    channels_out: int
    kernel: int
    stride: int
    size_in: int

    @property
    def size_out(self) -> int:
        """Height and width of the output [px]: halved, rounded up, at stride 2; at least 1."""
        return -(-self.size_in // self.stride)

    def calc_cost(self) -> Complexity:
        """Its cost together with the batch normalisation that follows."""
        positions = self.size_out**2
        return calc_conv_bn(self.channels_in, self.channels_out, self.kernel**2, positions)


def build_stem_layout(skeleton: Skeleton) -> tuple[ConvLayout, ...]:
    """The stem of a network that wants `filters` channels: one convolution, or two of stride 2.

    "cifar" is NAS-Bench-201's own, a convolution 3x3 of stride 1 (Dong & Yang 2020, ICLR, section
    2.1). "imagenet" halves the image twice by convolutions 3x3, as the first stem of DARTS' network
    for ImageNet does (Liu et al. 2019, ICLR); the first one has half as many channels, or
    `stem_filters`.

    Raises
    ------
    UserError
        `stem_filters` is given where the only convolution makes `filters` channels.
    """
    filters, size = skeleton.filters, skeleton.image_size
    if skeleton.stem == "cifar":
        if skeleton.stem_filters not in (None, filters):
            raise UserError(
                f"stem_filters: {skeleton.stem_filters}; the cifar stem of this space makes "
                f"{filters} channels, as many as filters; leave it out"
            )
        return (ConvLayout(skeleton.channels, filters, 3, 1, size),)
    between = skeleton.stem_filters or filters // 2
    first = ConvLayout(skeleton.channels, between, 3, 2, size)
    return first, ConvLayout(between, filters, 3, 2, first.size_out)


def build_skeleton(stage: Premature | Final, n_classes: int, **changes: Any) -> Skeleton:
    """The skeleton of the networks of a stage.

    Parameters
    ----------
    stage
        The section ``premature`` or ``final``. Read: ``network`` and ``image_size``.
    n_classes
        Classes of its training images.
    **changes
        Fields that replace those of ``network``.
    """
    size = stage.network.model_dump() | changes
    return Skeleton(**size, n_classes=n_classes, image_size=stage.image_size)
