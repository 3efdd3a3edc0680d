import pytest
from PIL import Image

from tgas_neuro.images.image_folder import load_image_folder, match_classes
from tgas_neuro.runtime.errors import UserError


def write(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 3)).save(folder / path)
    return folder


def test_classes_and_images_are_sorted_and_nested_folders_are_read(tmp_path):
    folder = write(tmp_path, "b/images/2.JPEG", "b/1.png", "a/9.jpg", "a/10.jpg")
    (folder / "a" / "readme.txt").write_text("not an image")
    (folder / "a" / ".hidden.png").write_bytes(b"")
    (folder / "notes.csv").write_text("not a class")
    found = load_image_folder(folder, "training", "final.data")
    assert found.classes == ("a", "b")
    assert found.paths == ("a/10.jpg", "a/9.jpg", "b/1.png", "b/images/2.JPEG")
    assert found.labels == (0, 0, 1, 1)
    assert len(found) == 4


def test_digest_follows_names_and_sizes_but_not_the_place(tmp_path):
    one = load_image_folder(write(tmp_path / "one", "a/1.png", "b/1.png"), "training", "final.data")
    two = load_image_folder(write(tmp_path / "two", "a/1.png", "b/1.png"), "training", "final.data")
    assert one.digest == two.digest
    write(tmp_path / "two", "b/2.png")
    more = load_image_folder(tmp_path / "two", "training", "final.data")
    with (tmp_path / "one/a/1.png").open("ab") as file:
        file.write(b"x")
    longer = load_image_folder(tmp_path / "one", "training", "final.data")
    assert len({one.digest, more.digest, longer.digest}) == 3


def test_missing_folder_says_which_split_and_where(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: the validation images are missing.*final.data"):
        load_image_folder(tmp_path / "nowhere", "validation", "final.data")


@pytest.mark.parametrize(
    "paths, message", [((), "no class folders"), (("a/1.png",), "b: no image")]
)
def test_folder_without_classes_or_images(tmp_path, paths, message):
    write(tmp_path, *paths)
    if paths:
        (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match=message):
        load_image_folder(tmp_path, "training", "final.data")


def test_validation_takes_the_numbers_of_the_training_classes(tmp_path):
    training = load_image_folder(
        write(tmp_path / "t", "a/1.png", "b/1.png", "c/1.png"), "training", "final.data"
    )
    val = load_image_folder(write(tmp_path / "v", "a/1.png", "c/1.png"), "validation", "final.data")
    matched = match_classes(val, training)
    assert val.labels == (0, 1)
    assert matched.labels == (0, 2)
    assert matched.classes == ("a", "b", "c")
    assert matched.digest == val.digest


def test_unknown_validation_class_is_named(tmp_path):
    training = load_image_folder(
        write(tmp_path / "t", "a/1.png", "b/1.png"), "training", "final.data"
    )
    val = load_image_folder(
        write(tmp_path / "v", "a/1.png", "zebra/1.png"), "validation", "final.data"
    )
    with pytest.raises(UserError, match=r"1 of its 2 classes.*zebra"):
        match_classes(val, training)
