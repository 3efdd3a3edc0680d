"""Published validation folders: ImageNet's with a devkit that scipy writes, Tiny-ImageNet's."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.images.published import (
    NAME,
    TRUTH,
    is_annotated,
    is_flat,
    load_annotated_validation,
    load_flat_validation,
    read_ids,
    read_meta,
)
from tgas_neuro.runtime.errors import UserError

# In the order of the devkit's numbers, which is not the alphabet's.
LEAVES = ("n02119789", "n02100735", "n01440764", "n03000684")
TRUTHS = (3, 1, 1, 4, 2, 3, 4)


@pytest.fixture
def flat(tmp_path, write_meta):
    """Folder of images and devkit; image k is a grey of level k."""
    devkit = tmp_path / "devkit"
    write_meta(devkit / "meta.mat", LEAVES)
    (devkit / TRUTH).write_text("".join(f"{number}\n" for number in TRUTHS))
    (tmp_path / "val").mkdir()
    for number in range(1, len(TRUTHS) + 1):
        Image.new("L", (4, 4), number).save(tmp_path / "val" / NAME.format(number))
    return tmp_path / "val", devkit


def test_labels_are_places_of_the_sorted_wordnet_ids(flat):
    folder, devkit = flat
    found = load_flat_validation(folder, devkit, None, "final.data")
    assert is_flat(folder)
    assert found.classes == tuple(sorted(LEAVES))
    assert len(found) == len(TRUTHS)
    for path, label in zip(found.paths, found.labels, strict=True):
        number = Image.open(folder / path).getpixel((0, 0))
        assert path == f"ILSVRC2012_val_{number:08}.JPEG"
        assert found.classes[label] == LEAVES[TRUTHS[number - 1] - 1]


def test_the_same_images_sorted_into_folders_have_the_same_labels(flat, tmp_path):
    folder, devkit = flat
    found = load_flat_validation(folder, devkit, None, "final.data")
    for number, truth in enumerate(TRUTHS, 1):
        path = tmp_path / "sorted" / LEAVES[truth - 1] / NAME.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((folder / path.name).read_bytes())
    other = load_image_folder(tmp_path / "sorted", "validation", "final.data")
    assert not is_flat(tmp_path / "sorted")
    assert found.classes == other.classes
    assert found.labels == other.labels
    assert list(found.paths) == [path.split("/")[1] for path in other.paths]


def test_ids_of_a_text_file_stand_for_meta(flat, tmp_path):
    folder, devkit = flat
    expected = load_flat_validation(folder, devkit, None, "final.data")
    (devkit / "meta.mat").unlink()
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(f"{name} some words" for name in LEAVES) + "\n\n")
    assert load_flat_validation(folder, devkit, ids, "final.data") == expected


def test_other_labels_have_another_digest(flat):
    folder, devkit = flat
    one = load_flat_validation(folder, devkit, None, "final.data")
    (devkit / TRUTH).write_text(" ".join(map(str, TRUTHS[::-1])))
    assert load_flat_validation(folder, devkit, None, "final.data").digest != one.digest


def test_missing_images_are_counted_and_named(flat):
    folder, devkit = flat
    for number in (2, 5):
        (folder / NAME.format(number)).unlink()
    with pytest.raises(UserError, match=r"2 of the 7 .* the first ILSVRC2012_val_00000002.JPEG"):
        load_flat_validation(folder, devkit, None, "final.data")


@pytest.mark.parametrize(
    "name, content, message",
    [
        (TRUTH, None, r"ground_truth.txt: no such file.*final.data.devkit.*val/<WordNet id>/"),
        (TRUTH, b"1\ntwo\n", "not a list of numbers"),
        (TRUTH, b"1\n5\n", "5 is not in 1 to 4"),
        (TRUTH, b"0\n", "0 is not in 1 to 4"),
        (TRUTH, b"", "it is empty"),
        ("meta.mat", None, r"meta.mat: no such file; .*final.data.devkit"),
        ("meta.mat", b"no matrix" * 99, "not the devkit's table .* final.data.class_ids"),
    ],
)
def test_tables_that_are_missing_or_not_as_expected(flat, name, content, message):
    folder, devkit = flat
    (devkit / name).unlink()
    if content is not None:
        (devkit / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_flat_validation(folder, devkit, None, "final.data")


def test_meta_with_other_numbers_or_variables(tmp_path, write_meta):
    assert read_meta(write_meta(tmp_path / "meta.mat", LEAVES), "final.data") == list(LEAVES)
    with pytest.raises(UserError, match="the numbers of its 4 classes are not 1 to 4"):
        read_meta(write_meta(tmp_path / "meta.mat", LEAVES, first=2), "final.data")
    savemat(tmp_path / "meta.mat", {"other": np.eye(2)})
    with pytest.raises(UserError, match="not the devkit's table of synsets"):
        read_meta(tmp_path / "meta.mat", "final.data")


def test_ids_are_first_words_or_whole_lines(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("n01 golden retriever\n\nn02\tgolden plover \nn03\n")
    ids = ["n01", "n02", "n03"]
    assert read_ids(path, "--classes") == ids
    assert read_ids(path, "--classes", ("n02", "n01")) == ids
    path.write_text("golden retriever\ngolden plover \ncow\n")
    whole = ["golden retriever", "golden plover", "cow"]
    for wanted in (["golden plover"], ["cow"], ["golden plover", "absent"], ["absent"]):
        assert read_ids(path, "--classes", wanted) == whole


@pytest.mark.parametrize(
    "content, message",
    [("a\nb\na\n", "'a' is there twice"), ("\n\n", "it is empty"), (None, "not readable")],
)
def test_ids_that_are_not_one_a_line(tmp_path, content, message):
    path = tmp_path / "ids.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f"final.data.class_ids: .*{message}"):
        read_ids(path, "final.data.class_ids")


TINY_CLASSES = {
    "val_0.JPEG": "n03444034",
    "val_1.JPEG": "n04067472",
    "val_2.JPEG": "n01443537",
    "val_10.JPEG": "n04067472",
}


def write_table(folder, rows):
    lines = [f"{name}\t{label}\t0\t32\t44\t62\n" for name, label in rows.items()]
    (folder / "val_annotations.txt").write_text("".join(lines))


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "images").mkdir()
    for number, name in enumerate(TINY_CLASSES):
        Image.new("L", (4, 4), number).save(tmp_path / "images" / name)
    write_table(tmp_path, TINY_CLASSES)
    return tmp_path


def test_labels_of_tiny_imagenet_are_places_of_the_sorted_wordnet_ids(tiny):
    found = load_annotated_validation(tiny)
    assert is_annotated(tiny)
    assert not is_annotated(tiny / "images")
    assert found.classes == ("n01443537", "n03444034", "n04067472")
    assert found.paths == tuple(f"images/val_{number}.JPEG" for number in (2, 0, 1, 10))
    assert found.labels == (0, 1, 2, 2)
    for path, label in zip(found.paths, found.labels, strict=True):
        name = list(TINY_CLASSES)[Image.open(tiny / path).getpixel((0, 0))]
        assert path == f"images/{name}"
        assert found.classes[label] == TINY_CLASSES[name]


def test_other_labels_of_tiny_imagenet_have_another_digest(tiny):
    one = load_annotated_validation(tiny).digest
    write_table(tiny, dict(sorted(TINY_CLASSES.items())))
    assert load_annotated_validation(tiny).digest == one
    write_table(tiny, TINY_CLASSES | {"val_0.JPEG": "n01443537"})
    assert load_annotated_validation(tiny).digest != one


def test_table_and_folder_must_hold_the_same_images(tiny):
    (tiny / "images" / "val_1.JPEG").unlink()
    (tiny / "images" / "val_2.JPEG").unlink()
    with pytest.raises(
        UserError, match=r"2 of the images in val_annotations.txt are not in images/"
    ):
        load_annotated_validation(tiny)
    write_table(tiny, {"val_0.JPEG": "a"})
    with pytest.raises(UserError, match=r"1 of the images in images/ .* the first val_10.JPEG"):
        load_annotated_validation(tiny)


@pytest.mark.parametrize(
    "text, message",
    [
        ("val_0.JPEG n01 0 0 1 1\n", r"line 1: 'val_0.JPEG n01 .*<file><tab><class>"),
        ("val_0.JPEG\ta\n\nval_0.JPEG\tb\n", r"line 3: .* each file once"),
    ],
)
def test_rows_that_cannot_be_read(tiny, text, message):
    (tiny / "val_annotations.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        load_annotated_validation(tiny)


def test_empty_table(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "val_annotations.txt").write_text("\n")
    with pytest.raises(UserError, match="holds no image"):
        load_annotated_validation(tmp_path)
