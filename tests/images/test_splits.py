"""Splits in each layout: labels, counts of published data sets, corrupt images."""

import pytest
from PIL import Image

from tgas_neuro.images import splits
from tgas_neuro.images.decoded import Images
from tgas_neuro.images.image_folder import match_classes
from tgas_neuro.images.published import DEVKIT, NAME, TRUTH
from tgas_neuro.images.splits import Counts, load_split
from tgas_neuro.runtime.errors import UserError

KEY = "final.data"
LEAVES = ("n03", "n01", "n02")  # in the order of the devkit's numbers
TRUTHS = (2, 2, 1, 3, 1, 3)
TABLE = "val_annotations.txt"


def write(path, level=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), level).save(path)


def write_training(root, counts, inside=""):
    for name, count in counts.items():
        for number in range(count):
            write(root / "train" / name / inside / f"{name}_{number}.JPEG")


def make(kind, root, **data):
    where = "path" if kind == "image_folder" else "root"
    return Images(f"{kind}-toy", kind, {where: str(root), **data}, None, 8)


@pytest.fixture
def imagenet(tmp_path, monkeypatch, write_meta):
    """Root of an ImageNet of three classes; flat validation images of the level of their class."""
    root = tmp_path / "imagenet"
    write_training(root, dict.fromkeys(LEAVES, 3))
    for number, truth in enumerate(TRUTHS, 1):
        write(root / "val" / NAME.format(number), level=int(LEAVES[truth - 1][1:]))
    write_meta(root / DEVKIT / "meta.mat", LEAVES)
    (root / DEVKIT / TRUTH).write_text("\n".join(map(str, TRUTHS)))
    monkeypatch.setitem(splits.PUBLISHED, ("imagenet", "train"), Counts(3, 9, 3))
    monkeypatch.setitem(splits.PUBLISHED, ("imagenet", "val"), Counts(3, 6, 2))
    return root


def check_levels(listing):
    assert listing.classes == tuple(sorted(LEAVES))
    for path, label in zip(listing.paths, listing.labels, strict=True):
        assert int(listing.classes[label][1:]) == Image.open(listing.folder / path).getpixel((0, 0))


def test_imagenet_flat_and_sorted(imagenet):
    images = make("imagenet", imagenet)
    training, flat = (load_split(images, split, KEY) for split in ("train", "val"))
    assert training.classes == flat.classes
    assert (len(training), len(flat)) == (9, 6)
    check_levels(flat)
    assert match_classes(flat, training).labels == flat.labels
    for number, truth in enumerate(TRUTHS, 1):
        path = imagenet / "val" / NAME.format(number)
        write(imagenet / "val" / LEAVES[truth - 1] / path.name, int(LEAVES[truth - 1][1:]))
        path.unlink()
    in_folders = load_split(images, "val", KEY)
    check_levels(in_folders)
    assert in_folders.labels == flat.labels


def test_the_devkit_may_lie_elsewhere(imagenet, tmp_path):
    (imagenet / DEVKIT).rename(tmp_path / "kit")
    with pytest.raises(UserError, match=r"final.data.devkit"):
        load_split(make("imagenet", imagenet), "val", KEY)
    check_levels(load_split(make("imagenet", imagenet, devkit=str(tmp_path / "kit")), "val", KEY))
    (tmp_path / "kit" / "meta.mat").unlink()
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(LEAVES))
    images = make("imagenet", imagenet, devkit=str(tmp_path / "kit"), class_ids=str(ids))
    check_levels(load_split(images, "val", KEY))


def test_tiny_imagenet(tmp_path, monkeypatch):
    write_training(tmp_path, {"n02": 2, "n01": 2}, inside="images")
    rows = {"val_0.JPEG": "n02", "val_1.JPEG": "n01", "val_2.JPEG": "n02"}
    for name, label in rows.items():
        write(tmp_path / "val" / "images" / name, int(label[1:]))
    text = "".join(f"{name}\t{label}\t0\t0\t3\t3\n" for name, label in rows.items())
    (tmp_path / "val" / TABLE).write_text(text)
    monkeypatch.setitem(splits.PUBLISHED, ("tiny_imagenet", "train"), Counts(2, 4, 2))
    monkeypatch.setitem(splits.PUBLISHED, ("tiny_imagenet", "val"), Counts(2, 3, 1))
    images = make("tiny_imagenet", tmp_path)
    training, validation = (load_split(images, split, KEY) for split in ("train", "val"))
    assert training.paths[0] == "n01/images/n01_0.JPEG"
    assert training.labels == (0, 0, 1, 1)
    assert training.classes == validation.classes == ("n01", "n02")
    assert validation.labels == (0, 1, 1)
    assert validation.paths == tuple(f"images/val_{number}.JPEG" for number in (1, 0, 2))


@pytest.mark.parametrize(
    "kind, split, n_classes, n_images, fewest",
    [
        ("imagenet", "train", 1000, 1_281_167, 732),
        ("imagenet", "val", 1000, 50_000, 50),
        ("tiny_imagenet", "train", 200, 100_000, 500),
        ("tiny_imagenet", "val", 200, 10_000, 50),
    ],
)
def test_counts_are_those_of_the_publications(kind, split, n_classes, n_images, fewest):
    """Russakovsky et al. 2015, table 2; Tiny-ImageNet's readme."""
    assert splits.PUBLISHED[kind, split] == (n_classes, n_images, fewest)


def test_a_part_of_a_published_data_set_is_refused_and_said_how_to_use(imagenet, monkeypatch):
    next((imagenet / "train" / "n02").iterdir()).unlink()
    message = (
        r"8 training images in 3 classes, but imagenet has 9 in 3, fewer than 3 in 1, the first "
        r"n02; .*kind: image_folder.*final.data"
    )
    with pytest.raises(UserError, match=message):
        load_split(make("imagenet", imagenet), "train", KEY)
    assert len(load_split(make("image_folder", imagenet), "train", KEY)) == 8
    monkeypatch.undo()
    with pytest.raises(
        UserError, match=r"but imagenet has 1,281,167 in 1,000, fewer than 732 in 3"
    ):
        load_split(make("imagenet", imagenet), "train", KEY)


def test_missing_and_additional_classes_are_counted(imagenet):
    write(imagenet / "train" / "n99" / "1.JPEG")
    with pytest.raises(
        UserError, match=r"10 training images in 4 classes, but imagenet has 9 in 3"
    ):
        load_split(make("imagenet", imagenet), "train", KEY)
    for path in (imagenet / "train" / "n99", imagenet / "train" / "n01"):
        for image in path.iterdir():
            image.unlink()
        path.rmdir()
    with pytest.raises(UserError, match=r"6 training images in 2 classes, but imagenet has 9 in 3"):
        load_split(make("imagenet", imagenet), "train", KEY)


def test_corrupt_images_are_reported_and_left_out_up_to_the_share(imagenet, tmp_path):
    path = imagenet / "train" / "n01" / "n01_1.JPEG"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"final.data.max_corrupt: 1 of 9 training .*n01_1.JPEG"):
        load_split(make("imagenet", imagenet), "train", KEY)
    images = make("imagenet", imagenet, max_corrupt=0.12)
    lines, checked = [], tmp_path / "checked"
    whole = load_split(images, "train", KEY, checked, lines.append)
    assert len(whole) == 8
    assert whole.labels == (0,) * 2 + (1,) * 3 + (2,) * 3
    (line,) = lines
    assert line.startswith("final.data: 1 of 9 training images are corrupt and left out: n01/n01_1")
    assert str(checked) in line
    assert load_split(images, "train", KEY, checked) == whole


def test_the_other_split_is_not_opened(imagenet):
    for path in (imagenet / "val").iterdir():
        path.write_bytes(b"")
    assert len(load_split(make("imagenet", imagenet), "train", KEY)) == 9
