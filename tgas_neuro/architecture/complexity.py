"""Parameters and multiply-adds of the parts that all networks are made of."""

from dataclasses import dataclass


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
