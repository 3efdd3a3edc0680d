"""Corrupt images: what each check finds, and how many may be left out."""

import numpy as np
import pytest
from PIL import Image

from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.images.splits import CHECKS, TAIL, find_corrupt, leave_out
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json


def write_noise(path, seed=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def cut(path, kept):
    path.write_bytes(path.read_bytes()[:kept])


@pytest.mark.parametrize("check", sorted(CHECKS))
@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp"])
def test_sound_images_pass_and_cut_ones_do_not(tmp_path, check, suffix):
    path = write_noise(tmp_path / f"1.{suffix}")
    size = path.stat().st_size
    assert CHECKS[check](path) is None
    path.write_bytes(path.read_bytes() + bytes(2 * TAIL))  # a camera's trailer
    assert CHECKS[check](path) is None
    for kept in (size // 2, 12, 0):
        cut(path, kept)
        assert CHECKS[check](path)
    path.write_text("<html>404 Not Found</html>")
    assert "cannot identify image file" in CHECKS[check](path)


def test_only_decoding_finds_damage_in_the_middle(tmp_path):
    path = write_noise(tmp_path / "1.png")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert CHECKS["header"](path) is None
    assert CHECKS["decode"](path)


@pytest.fixture
def listing(tmp_path):
    """Ten images in two classes, two of them corrupt, one in each class."""
    for number in range(10):
        write_noise(tmp_path / "images" / "ab"[number % 2] / f"{number}.jpg", number)
    cut(tmp_path / "images" / "a" / "4.jpg", 700)
    cut(tmp_path / "images" / "b" / "1.jpg", 0)
    return load_image_folder(tmp_path / "images", "training", "final.data")


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_corrupt_images_are_found_and_kept_in_mind(listing, tmp_path, check):
    checked = tmp_path / "checked"
    found = find_corrupt(listing, check, checked)
    assert list(found) == ["a/4.jpg", "b/1.jpg"]
    assert all(found.values())
    assert find_corrupt(listing, check) == found
    (kept,) = checked.iterdir()
    assert read_json(kept)["n_images"] == 10
    assert listing.paths[0] not in found
    cut(listing.folder / listing.paths[0], 200)
    assert find_corrupt(listing, check, checked) == found  # sound images are not read again
    again = load_image_folder(listing.folder, "training", "final.data")
    assert list(find_corrupt(again, check, checked)) == [listing.paths[0], *found]


def test_as_many_may_be_left_out_as_the_share_says(listing):
    corrupt = find_corrupt(listing, "header")
    whole = leave_out(listing, corrupt, 0.2, "training", "final.data")
    assert len(whole) == 8
    assert set(listing.paths) - set(whole.paths) == set(corrupt)
    assert [whole.classes[label] for label in whole.labels] == [path[0] for path in whole.paths]
    assert whole.digest != listing.digest
    message = r"max_corrupt: 2 of 10 training images .* share of 0.19 .* the first is .*a/4.jpg"
    with pytest.raises(UserError, match=message):
        leave_out(listing, corrupt, 0.19, "training", "final.data")
    assert leave_out(listing, {}, 0, "training", "final.data") is listing


def test_a_class_without_a_sound_image_is_named(listing):
    corrupt = {path: "broken" for path in listing.paths if path[0] == "b"}
    with pytest.raises(UserError, match="all training images of class b are corrupt"):
        leave_out(listing, corrupt, 1, "training", "final.data")


def test_a_repaired_image_of_the_same_size_is_seen(tmp_path):
    folder, checked = tmp_path / "images", tmp_path / "checked"
    (folder / "ant").mkdir(parents=True)
    for name in ("a", "b"):
        Image.new("RGB", (9, 9)).save(folder / f"ant/{name}.png")
    sound = (folder / "ant/a.png").read_bytes()
    (folder / "ant/a.png").write_bytes(b"x" * len(sound))
    listing = load_image_folder(folder, "training", "data")
    for _ in range(2):
        assert list(find_corrupt(listing, "header", checked)) == ["ant/a.png"]
    (folder / "ant/a.png").write_bytes(sound)
    assert load_image_folder(folder, "training", "data").digest == listing.digest
    for _ in range(2):
        assert find_corrupt(listing, "header", checked) == {}
