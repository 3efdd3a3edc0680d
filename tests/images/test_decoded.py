"""Decoded splits against PIL, CIFAR-10's binary form against its description."""

import numpy as np
import pytest
from PIL import Image

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.images.decoded import (
    check_held_back,
    count_held_back,
    decode_cifar10,
    decode_listing,
    load_classes,
    load_decoded,
)
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.runtime.errors import UserError


def write_folder(folder, sizes):
    generator = np.random.default_rng(0)
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return folder


def decode(folder, size, destination):
    listing = load_image_folder(folder, "training", "premature.data.path")
    return decode_listing(listing, size, destination)


def test_images_labels_and_classes(tmp_path):
    folder = write_folder(
        tmp_path / "train", {"b/1.png": (8, 8), "a/2.png": (8, 8), "a/1.png": (16, 8)}
    )
    assert decode(folder, 8, tmp_path / "out") == 3
    images, labels, classes = load_decoded(tmp_path / "out")
    assert classes == load_classes(tmp_path / "out") == ["a", "b"]
    np.testing.assert_array_equal(labels, [0, 0, 1])
    np.testing.assert_array_equal(images[2], np.asarray(Image.open(folder / "b/1.png")))
    # of a tall image the middle is kept
    np.testing.assert_array_equal(images[0], np.asarray(Image.open(folder / "a/1.png"))[4:12])
    assert isinstance(images, np.memmap)


def test_grey_images_become_rgb(tmp_path):
    (tmp_path / "train/a").mkdir(parents=True)
    Image.new("L", (20, 12), 77).save(tmp_path / "train/a/1.png")
    decode(tmp_path / "train", 4, tmp_path / "out")
    assert (load_decoded(tmp_path / "out")[0] == 77).all()


def test_broken_images_are_named_and_nothing_is_left(tmp_path):
    folder = write_folder(tmp_path / "train", {"a/1.png": (8, 8)})
    (folder / "a/2.png").write_bytes(b"not an image")
    with pytest.raises(UserError, match=r"a/2.png: not a readable image"):
        decode(folder, 8, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(UserError, match=r"change premature.data.path"):
        decode(tmp_path / "absent", 8, tmp_path / "out")


def test_broken_arrays_are_named(tmp_path):
    folder = write_folder(tmp_path / "train", {"a/1.png": (8, 8)})
    decode(folder, 8, tmp_path / "out")
    (tmp_path / "out/images.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match=r"not readable .* delete the folder"):
        load_decoded(tmp_path / "out")


@pytest.fixture
def cifar10(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    generator = np.random.default_rng(1)
    planes = generator.integers(0, 256, (5, 4, 3, 32, 32), dtype=np.uint8)
    labels = generator.integers(0, 10, (5, 4), dtype=np.uint8)
    for batch in range(5):
        records = np.concatenate([labels[batch][:, None], planes[batch].reshape(4, -1)], axis=1)
        (folder / f"data_batch_{batch + 1}.bin").write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(f"class{k}" for k in range(10)) + "\n\n")
    return tmp_path, planes.reshape(-1, 3, 32, 32), labels.ravel()


def test_cifar10(cifar10, tmp_path):
    root, planes, labels = cifar10
    assert decode_cifar10(root, 32, tmp_path / "out") == 20
    images, found, classes = load_decoded(tmp_path / "out")
    np.testing.assert_array_equal(images, planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(found, labels)
    assert classes == [f"class{k}" for k in range(10)]
    decode_cifar10(root, 16, tmp_path / "small")
    assert load_decoded(tmp_path / "small")[0].shape == (20, 16, 16, 3)


def test_cifar10_mistakes(cifar10, tmp_path):
    root = cifar10[0]
    path = root / "cifar-10-batches-bin/data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"data_batch_3.bin: .* is truncated"):
        decode_cifar10(root, 32, tmp_path / "out")
    path.unlink()
    with pytest.raises(UserError, match=r"data_batch_3.bin: not readable .*premature.data.root"):
        decode_cifar10(root, 32, tmp_path / "out")


def test_how_many_images_p_is_measured_on():
    labels = np.repeat([0, 1, 2], [200, 300, 12])
    lines: list[str] = []
    assert count_held_back(labels, 0.1) == 3  # one of each class
    with pytest.raises(UserError, match=r"held_back: 0.1: P would be measured on 3 .* 12 of"):
        check_held_back(labels, 0.1, lines.append)
    check_held_back(labels, 0.5, lines.append)
    (line,) = lines
    assert line.startswith("Note: P is measured on 18 held-back images (the smallest of 3 classes")
    check_held_back(np.repeat([0, 1], 500), 0.1, lines.append)
    assert len(lines) == 1


def test_images_of_zeros_and_ones_are_refused(tmp_path):
    folder = tmp_path / "images" / "a"
    folder.mkdir(parents=True)
    mask = (np.eye(8) > 0).astype(np.uint8)
    for number in range(2):
        Image.fromarray(np.roll(mask, number, axis=1)).save(folder / f"{number}.png")
    listing = load_image_folder(tmp_path / "images", "training", "premature.data")
    with pytest.raises(UserError, match=r"values 0 and 1 alone.*set premature.data.images.range"):
        decode_listing(listing, 8, tmp_path / "out", key="premature.data.images")
    assert not (tmp_path / "out" / "images.npy").exists()
    decode_listing(listing, 8, tmp_path / "out", Pictures(range=[0, 1]))
    assert np.unique(load_decoded(tmp_path / "out")[0]).tolist() == [0, 255]
