"""Tiny-ImageNet as it comes: JPEG, some of it grey, WordNet ids as classes."""

import tarfile

import pytest
import torch

from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.images.image_folder import load_image_folder, match_classes

CLASSES = ("n01443537", "n01644900")


@pytest.mark.real_data
def test_tiny_imagenet_is_read(real_data, tmp_path):
    with tarfile.open(real_data / "tiny_imagenet_100.tar.gz") as archive:
        members = [
            member
            for member in archive
            if any(f"/{name}/" in member.name for name in CLASSES) and member.isfile()
        ]
        archive.extractall(tmp_path, members, filter="data")
    training = load_image_folder(tmp_path / "tiny_imagenet_100" / "train", "training", "final.data")
    validation = load_image_folder(
        tmp_path / "tiny_imagenet_100" / "val", "validation", "final.data"
    )
    assert training.classes == CLASSES
    assert (len(training), len(validation)) == (200, 100)
    matched = FolderImages(match_classes(validation, training), 32, "pad_crop")
    batches = list(iterate_batches(matched, [range(64), range(64, 100)], torch.device("cpu")))
    images = torch.cat([inputs for inputs, _ in batches])
    assert images.shape == (100, 3, 32, 32)
    # ImageNet's mean and deviation bring photographs near 0 and 1.
    assert images.mean().abs() < 0.6
    assert 0.6 < images.std() < 1.5
