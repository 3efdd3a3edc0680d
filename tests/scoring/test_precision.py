"""Layers are recorded with all digits of float32, whatever the device would take."""

import numpy as np
import torch
from torch import nn

from tgas_neuro.scoring.activations import record_activations


def test_layers_are_recorded_in_whole_float32():
    """A GPU convolves in TF32, with 10 binary digits, unless it is forbidden."""
    allowed = []
    network = nn.Sequential(nn.Conv2d(3, 2, 3)).eval()
    network.register_forward_hook(lambda *_: allowed.append(torch.backends.cudnn.allow_tf32))
    images, row = np.zeros((13, 9, 9, 3), dtype=np.uint8), np.arange(13)
    device = torch.device("cpu")
    record_activations(network, {"conv": network[0]}, images, row, device, batch_size=7)
    assert allowed and not any(allowed)
    assert torch.backends.cudnn.allow_tf32
