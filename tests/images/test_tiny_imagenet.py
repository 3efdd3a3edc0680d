"""Tiny-ImageNet's validation folder: one folder of images and a table."""

import pytest
from PIL import Image

from tgas_neuro.images.tiny_imagenet import is_annotated, load_annotated_validation
from tgas_neuro.runtime.errors import UserError

CLASSES = {
    "val_0.JPEG": "n03444034",
    "val_1.JPEG": "n04067472",
    "val_2.JPEG": "n01443537",
    "val_10.JPEG": "n04067472",
}


def write_table(folder, rows):
    lines = [f"{name}\t{label}\t0\t32\t44\t62\n" for name, label in rows.items()]
    (folder / "val_annotations.txt").write_text("".join(lines))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for number, name in enumerate(CLASSES):
        Image.new("L", (4, 4), number).save(tmp_path / "images" / name)
    write_table(tmp_path, CLASSES)
    return tmp_path


def test_labels_are_places_of_the_sorted_wordnet_ids(folder):
    found = load_annotated_validation(folder)
    assert is_annotated(folder)
    assert not is_annotated(folder / "images")
    assert found.classes == ("n01443537", "n03444034", "n04067472")
    assert found.paths == tuple(f"images/val_{number}.JPEG" for number in (2, 0, 1, 10))
    assert found.labels == (0, 1, 2, 2)
    for path, label in zip(found.paths, found.labels, strict=True):
        name = list(CLASSES)[Image.open(folder / path).getpixel((0, 0))]
        assert path == f"images/{name}"
        assert found.classes[label] == CLASSES[name]


def test_other_labels_have_another_digest(folder):
    one = load_annotated_validation(folder).digest
    write_table(folder, dict(sorted(CLASSES.items())))
    assert load_annotated_validation(folder).digest == one
    write_table(folder, CLASSES | {"val_0.JPEG": "n01443537"})
    assert load_annotated_validation(folder).digest != one


def test_table_and_folder_must_hold_the_same_images(folder):
    (folder / "images" / "val_1.JPEG").unlink()
    (folder / "images" / "val_2.JPEG").unlink()
    with pytest.raises(
        UserError, match=r"2 of the images in val_annotations.txt are not in images/"
    ):
        load_annotated_validation(folder)
    write_table(folder, {"val_0.JPEG": "a"})
    with pytest.raises(UserError, match=r"1 of the images in images/ .* the first val_10.JPEG"):
        load_annotated_validation(folder)


@pytest.mark.parametrize(
    "text, message",
    [
        ("val_0.JPEG n01 0 0 1 1\n", r"line 1: 'val_0.JPEG n01 .*<file><tab><class>"),
        ("val_0.JPEG\ta\n\nval_0.JPEG\tb\n", r"line 3: .* each file once"),
    ],
)
def test_rows_that_cannot_be_read(folder, text, message):
    (folder / "val_annotations.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        load_annotated_validation(folder)


def test_empty_table(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "val_annotations.txt").write_text("\n")
    with pytest.raises(UserError, match="holds no image"):
        load_annotated_validation(tmp_path)
