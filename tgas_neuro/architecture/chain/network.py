"""The network of a chain: convolution, batch normalisation, ReLU, layer after layer."""

import torch
from torch import nn

from tgas_neuro.architecture.chain.genotype import ChainGenotype, NetworkLayout, build_layout
from tgas_neuro.architecture.layers import ConvBn, subsample
from tgas_neuro.architecture.network import GenotypeNetwork
from tgas_neuro.architecture.skeleton import ConvLayout, Skeleton


class ChainNetwork(GenotypeNetwork):
    """Stem, layers, global average pool, linear layer.

    Attributes
    ----------
    layout
        What it was built from (see `build_layout`).
    """

    layout: NetworkLayout

    def __init__(self, genotype: ChainGenotype, skeleton: Skeleton):
        super().__init__()
        self.layout = build_layout(genotype, skeleton)
        self.stem = nn.Sequential(*map(ConvBnRelu, self.layout.stem))
        self.chain = nn.ModuleDict(
            {layer.name: ConvBnRelu(layer.conv) for layer in self.layout.layers}
        )
        self.linear = nn.Linear(self.layout.features, self.layout.n_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class scores, logits, (n, class), of images (n, channels, height, width)."""
        outputs = [self.stem(images)]
        for layer, module in zip(self.layout.layers, self.chain.values(), strict=True):
            read = outputs[-1]
            if layer.skip is not None:
                skipped = subsample(outputs[layer.skip], layer.step)
                read = torch.cat((read, skipped), dim=1)
            outputs.append(module(read))
        return self.linear(outputs[-1].mean(dim=(2, 3)))

    def layers(self) -> dict[str, nn.Module]:
        """The modules whose outputs are compared with recordings, from input to output.

        "stem", "layer_0", ...; each puts out (n, channels, height, width).
        """
        return {"stem": self.stem, **self.chain}


class ConvBnRelu(ConvBn):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, layout: ConvLayout):
        super().__init__(layout)
        # In place: this output of a batch normalisation is read here only.
        self.relu = nn.ReLU(inplace=True)
