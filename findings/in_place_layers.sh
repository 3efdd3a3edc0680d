#!/usr/bin/env bash
# brainscore-vision 2.4.2, torchvision 0.29.1: a layer's activations are those of the layer after
# it, when that one works in place.
#
# Expected: the activations of ResNet-18's "bn1" are what its batch normalisation puts out, about
# half of them below zero, as a hook that copies them sees.
# What happens: both read the tensor when the whole pass is over. On the CPU, Brain-Score's
# PytorchWrapper keeps a view of it in numpy, and create_feature_extractor the tensor itself. By then
# ReLU(inplace=True) has written into it: "bn1" is equal to "relu", without a word. (From a GPU,
# PytorchWrapper copies inside the hook, so that the same model has other activations there.)
# Why it matters: normalisations and convolutions are scored against neural recordings under their
# own names; every residual network of torchvision has such pairs. The scores of two layers are then
# one score, and depend on the device.
#
# Output seen:
#   brainscore-vision 2.4.2 torchvision 0.29.1 torch 2.14.1
#   share of bn1 below zero: copied in a hook 0.501, PytorchWrapper 0.000, feature extractor 0.000
#   bn1 equals relu: PytorchWrapper True, feature extractor True
#   without inplace, share of bn1 below zero: PytorchWrapper 0.501, feature extractor 0.501
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q brainscore-vision==2.4.2 torch==2.14.1 torchvision==0.29.1 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" -W ignore - <<'PY'
import importlib.metadata as metadata
import sys

import numpy as np
import torch
from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

print(*(f"{name} {metadata.version(name)}" for name in ("brainscore-vision", "torchvision", "torch")))
torch.manual_seed(0)
network = resnet18().eval()
images = torch.randn(4, 3, 64, 64)
names = ["bn1", "relu"]
copies = {}
hook = network.bn1.register_forward_hook(lambda module, x, y: copies.update(bn1=y.detach().clone()))


def record():
    wrapper = PytorchWrapper(network, preprocessing=None, identifier="network")
    wrapped = wrapper.get_activations(images.numpy(), names)
    with torch.no_grad():
        extracted = create_feature_extractor(network, names)(images)
    return {"PytorchWrapper": wrapped, "feature extractor": {k: v.numpy() for k, v in extracted.items()}}


def count(values):
    return f"{np.mean(np.asarray(values) < 0):.3f}"


# "relu" is called again in each block of a ResNet, but not of its stem: it has no blocks here
for name in ("layer1", "layer2", "layer3", "layer4", "fc"):
    setattr(network, name, torch.nn.Identity())
found = record()
shares = [count(copies["bn1"]), *(count(one["bn1"]) for one in found.values())]
print("share of bn1 below zero: copied in a hook {}, PytorchWrapper {}, feature extractor {}".format(*shares))
equal = [bool(np.array_equal(one["bn1"], one["relu"])) for one in found.values()]
print("bn1 equals relu: PytorchWrapper {}, feature extractor {}".format(*equal))
network.relu.inplace = False
others = [count(one["bn1"]) for one in record().values()]
print("without inplace, share of bn1 below zero: PytorchWrapper {}, feature extractor {}".format(*others))
same = shares[1:] == ["0.000"] * 2 and all(equal) and others == [shares[0]] * 2 and shares[0] != "0.000"
print("as recorded" if same else "the behaviour has changed")
sys.exit(not same)
PY
