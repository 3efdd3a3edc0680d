import numpy as np
import pytest
import torch
from PIL import Image

from tgas_neuro.classification.image_folder import load_image_folder
from tgas_neuro.errors import UserError
from tgas_neuro.final.data import (
    DEVIATION,
    MEAN,
    FolderImages,
    build_train_loader,
    build_val_loader,
    count_batches,
    iterate_normalised,
)


@pytest.fixture
def listing(tmp_path, write_images):
    return load_image_folder(write_images(tmp_path, {"a": 4, "b": 3}), "training", "final.data")


def collect(loader):
    images, labels = zip(*loader, strict=True)
    return torch.cat(images), torch.cat(labels)


def test_kept_images_equal_those_decoded_each_time(listing):
    for seed in (None, 5):
        kept = FolderImages(listing, 8, "pad_crop", seed)
        read = FolderImages(listing, 8, "pad_crop", seed, memory_mb=0)
        assert kept.kept is not None
        assert read.kept is None
        for images in (kept, read):
            images.set_epoch(2)
        for index in range(len(listing)):
            assert torch.equal(kept[index][0], read[index][0])
            assert kept[index][1] == listing.labels[index]


def test_unaugmented_pixels_are_those_of_the_file(listing):
    image, label = FolderImages(listing, 12, "pad_crop")[5]
    expected = np.asarray(Image.open(listing.folder / listing.paths[5]))
    np.testing.assert_array_equal(image.permute(1, 2, 0), expected)
    assert label == 1


def test_random_resized_crops_are_never_kept(listing):
    assert FolderImages(listing, 8, "resized_crop", 1).kept is None


@pytest.mark.parametrize("augmentation", ["pad_crop", "resized_crop"])
def test_batches_do_not_depend_on_workers(listing, augmentation):
    images = FolderImages(listing, 8, augmentation, 7)
    alone = collect(build_train_loader(images, 3, 2, workers=0))
    together = collect(build_train_loader(images, 3, 2, workers=2))
    assert torch.equal(alone[0], together[0])
    assert torch.equal(alone[1], together[1])
    assert len(alone[1]) == 6


def test_order_changes_with_the_epoch_and_the_seed(listing):
    images = FolderImages(listing, 8, "none", 7)
    first = collect(build_train_loader(images, 0, 2))[0]
    assert torch.equal(first, collect(build_train_loader(images, 0, 2))[0])
    assert not torch.equal(first, collect(build_train_loader(images, 1, 2))[0])
    other = FolderImages(listing, 8, "none", 8)
    assert not torch.equal(first, collect(build_train_loader(other, 0, 2))[0])


def test_loaders_leave_the_global_generator_alone(listing):
    before = torch.get_rng_state()
    images = FolderImages(listing, 8, "pad_crop", 7)
    collect(build_train_loader(images, 0, 2))
    collect(build_val_loader(images, 2))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("n, batch_size, expected", [(7, 2, 3), (7, 7, 1), (7, 50, 1), (6, 2, 3)])
def test_training_leaves_out_an_incomplete_batch(listing, n, batch_size, expected):
    assert count_batches(n, batch_size) == expected
    if n == len(listing):
        images = FolderImages(listing, 8, "pad_crop", 7)
        assert len(build_train_loader(images, 0, batch_size)) == expected


def test_validation_holds_every_image_once_in_order(listing):
    images = FolderImages(listing, 12, "pad_crop")
    batches = list(build_val_loader(images, 3))
    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    assert torch.cat([labels for _, labels in batches]).tolist() == list(listing.labels)


def test_normalisation_by_hand(listing):
    loader = build_val_loader(FolderImages(listing, 12, "pad_crop"), 3)
    images, _ = next(iterate_normalised(loader, torch.device("cpu")))
    pixels = np.asarray(Image.open(listing.folder / listing.paths[0])) / 255
    expected = (pixels - np.array(MEAN)) / np.array(DEVIATION)
    np.testing.assert_allclose(images[0].permute(1, 2, 0), expected, atol=1e-6)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [0, 1])
def test_corrupt_image_is_named_in_one_line(listing, workers):
    path = listing.folder / listing.paths[2]
    path.write_bytes(path.read_bytes()[:60])
    images = FolderImages(listing, 8, "pad_crop", memory_mb=0)
    with pytest.raises(UserError) as caught:
        list(iterate_normalised(build_val_loader(images, 3, workers), torch.device("cpu")))
    message = str(caught.value)
    assert message.startswith(f"{path}: not a readable image")
    assert "Traceback" not in message
    assert "\n" not in message


def test_grey_and_transparent_images_become_rgb(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (8, 8), 77).save(tmp_path / "a" / "1.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 4)).save(tmp_path / "a" / "2.png")
    images = FolderImages(load_image_folder(tmp_path, "training", "final.data"), 8, "none")
    assert images[0][0].unique().tolist() == [77]
    assert images[1][0][:, 0, 0].tolist() == [1, 2, 3]
