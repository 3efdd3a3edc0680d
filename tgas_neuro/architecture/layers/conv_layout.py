"""Planned convolutions, of which chains, NAS-Bench-201's networks and their stems are made."""

from dataclasses import dataclass

from tgas_neuro.architecture.complexity import Complexity, calc_conv_bn
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.runtime.errors import UserError


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
