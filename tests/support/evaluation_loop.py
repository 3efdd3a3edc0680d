"""The command `evaluate` beside a loop of Pillow and torchvision's transforms, image by image."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cross_entropy
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor,
)

from tgas_neuro.__main__ import main
from tgas_neuro.images.pixels import DEVIATION, MEAN


def make_photo(width, height, seed):
    """Smooth like a photograph: noise of few pixels, enlarged."""
    few = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)


def write_toy(folder):
    """Images of three classes, 4, 3 and 2 of them, in `folder`, which is given back."""
    for label, name in enumerate(("ant", "bee", "cow")):
        (folder / name).mkdir(parents=True)
        for number in range(4 - label):
            photo = make_photo(70 + 9 * number, 50 + 20 * label, 10 * label + number)
            photo.save(folder / name / f"{number}.jpg")
    return folder


def refer(network, path, size=224, resize=256, mode="bilinear", mean=MEAN, deviation=DEVIATION):
    """Logits of one image, (class,), by Pillow and torchvision alone."""
    steps = [Resize(resize, InterpolationMode(mode)), CenterCrop(size), ToTensor()]
    transform = Compose([*steps, Normalize(mean, deviation)])
    with Image.open(path) as image, torch.inference_mode():
        return network.eval()(transform(image.convert("RGB"))[None])[0]


def count_hits(logits, labels):
    """Hits among the first and the first five of each image, (image,) each."""
    order = [np.argsort(-row.numpy(), kind="stable").tolist() for row in logits]
    ranks = np.array([row.index(label) for row, label in zip(order, labels, strict=True)])
    return ranks < 1, ranks < 5


def run_evaluate(tmp_path, *arguments):
    """What the command writes as JSON."""
    path = tmp_path / "out.json"
    assert main(["evaluate", *map(str, arguments), "--json", str(path)]) == 0
    return json.loads(path.read_text())


def check(found, logits, labels, classes):
    """The command's numbers are those of the loop, class by class."""
    hits1, hits5 = count_hits(logits, labels)
    assert found["n_images"] == len(labels)
    assert found["classes"] == list(classes)
    assert found["top1"] == hits1.mean()
    assert found["top5"] == hits5.mean()
    for key, hits in (("top1", hits1), ("top5", hits5), ("n_images", np.ones(len(labels)))):
        expected = np.bincount(labels, hits, minlength=len(classes))
        np.testing.assert_array_equal(found["per_class"][key], expected)
    loss = cross_entropy(torch.stack(logits).double(), torch.tensor(labels)).item()
    assert found["loss"] == pytest.approx(loss, rel=1e-4)
