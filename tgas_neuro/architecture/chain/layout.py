"""The layout of a chain: its stem and layers with channels and sizes."""

from dataclasses import dataclass

from tgas_neuro.architecture.chain.genotype import ChainGenotype
from tgas_neuro.architecture.skeleton import (
    Complexity,
    ConvLayout,
    Skeleton,
    build_stem_layout,
    calc_linear,
)


@dataclass(frozen=True)
class LayerLayout:
    """A layer in its place.

    Attributes
    ----------
    name
        "layer_0", "layer_1", ...
    conv
        Its convolution; its input channels are those of all that it reads.
    skip
        The output that is concatenated with the one before, or None (see `ChainLayer`).
    step
        Of the skipped output every `step`-th row and column is read, which makes it as large as
        the one before the layer.
    """

    name: str
    conv: ConvLayout
    skip: int | None
    step: int


@dataclass(frozen=True)
class NetworkLayout:
    """Stem, layers, then global average pool and a linear layer."""

    stem: tuple[ConvLayout, ...]
    layers: tuple[LayerLayout, ...]
    n_classes: int

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.layers[-1].conv.channels_out

    @property
    def path_depths(self) -> tuple[float, ...]:
        """None: a chain adds nothing up, so that there is no path to drop."""
        return ()

    @property
    def layer_stages(self) -> tuple[tuple[str, ...], ...]:
        """Names of the layers after the stem, as of a single stage: it has no others."""
        return (tuple(layer.name for layer in self.layers),)

    @property
    def last_before_reduction(self) -> None:
        """None: a chain has no stages."""
        return None

    def calc_cost(self) -> Complexity:
        """The sum over all parts."""
        costs = [conv.calc_cost() for conv in (*self.stem, *(layer.conv for layer in self.layers))]
        return sum(costs, calc_linear(self.features, self.n_classes))


def build_layout(genotype: ChainGenotype, skeleton: Skeleton) -> NetworkLayout:
    """The layout of a genotype's network.

    Skips are concatenated, as in Zoph & Le (2017, ICLR, section 3.3). There a smaller output is
    padded with zeros; here the larger one is subsampled, as by a convolution 1x1 of that stride, so
    that no layer sees zeros of no meaning.
    """
    stem = build_stem_layout(skeleton)
    # Channels of every output, and how many of the image's pixels in a row are one of its own.
    outputs = [(stem[-1].channels_out, 1)]
    size = stem[-1].size_out
    layers = []
    for number, layer in enumerate(genotype.layers):
        channels_in, reduction = outputs[-1]
        step = 1
        if layer.skip is not None:
            channels_in += outputs[layer.skip][0]
            step = reduction // outputs[layer.skip][1]
        filters = layer.width * skeleton.filters
        conv = ConvLayout(channels_in, filters, layer.kernel, layer.stride, size)
        layers.append(LayerLayout(f"layer_{number}", conv, layer.skip, step))
        outputs.append((filters, reduction * layer.stride))
        size = conv.size_out
    return NetworkLayout(stem, tuple(layers), skeleton.n_classes)
