"""Decoded squares against Pillow, the reference, through torchvision's transforms."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.resizing import resize_by_torchvision
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from tgas_neuro.images.augmentation import Cut, choose_middle
from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.images.decoded import decode_listing, load_decoded
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.images.pixels import (
    DEVIATION,
    INTERPOLATIONS,
    MEAN,
    Reading,
    decode_square,
    load_batch,
    normalise,
    resize_pixels,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.teacher import show_stimuli


def make_photo(width, height, seed=0, grain=12):
    """Smooth like a photograph: noise of few pixels, enlarged."""
    generator = np.random.default_rng(seed)
    shape = (height // grain + 2, width // grain + 2, 3)
    few = generator.integers(0, 256, shape, dtype=np.uint8)
    image = Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)
    noisy = np.asarray(image).astype(int) + generator.integers(-6, 7, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def save(path, image, **options):
    image.save(path, **options)
    return path


def view(path, size, resize, **reading):
    def choose(width, height):
        return choose_middle(width, height, size, resize)

    return decode_square(path, choose, size, Reading(**reading))


def refer(path, size, resize, interpolation="bicubic"):
    transform = Compose([Resize(resize, InterpolationMode(interpolation)), CenterCrop(size)])
    return np.asarray(transform(Image.open(path).convert("RGB")))


def differ(one, other):
    return np.abs(one.astype(int) - other.astype(int))


@pytest.mark.parametrize("interpolation", sorted(INTERPOLATIONS))
@pytest.mark.parametrize("shape", [(500, 375), (333, 500), (256, 256), (90, 61), (224, 224)])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_views_are_torchvisions(tmp_path, interpolation, shape, suffix):
    path = save(tmp_path / f"1.{suffix}", make_photo(*shape), quality=90)
    expected = refer(path, 224, 256, interpolation)
    exact = view(path, 224, 256, interpolation=interpolation, exact=True)
    np.testing.assert_array_equal(exact, expected)
    fast = differ(view(path, 224, 256, interpolation=interpolation), expected)
    assert fast.max() <= (2 if min(shape) < 256 else 1)  # two where an image is enlarged
    assert (fast > 1).mean() < 1e-4
    assert (fast > 0).mean() < 0.02


FORMATS = {
    "rgb.jpg": ("RGB", {"quality": 90}),
    "progressive.jpg": ("RGB", {"progressive": True}),
    "grey.jpg": ("L", {}),
    "cmyk.jpg": ("CMYK", {}),
    "rgb.png": ("RGB", {}),
    "grey.png": ("L", {}),
    "palette.png": ("P", {}),
    "transparent.png": ("RGBA", {}),
    "black_and_white.png": ("1", {}),
    "rgb.bmp": ("RGB", {}),
    "rgb.webp": ("RGB", {"quality": 90}),
}


@pytest.mark.parametrize("size", [24, 96, 300])
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_candidate_teacher_and_final_see_the_same_pixels(tmp_path, name, size):
    """An image of 96 pixels, made smaller, left as it is and enlarged, on all three ways."""
    mode, options = FORMATS[name]
    path = tmp_path / "images" / "a" / name
    path.parent.mkdir(parents=True)
    make_photo(96, 96).convert(mode).save(path, **options)
    listing = load_image_folder(tmp_path / "images", "training", "data")

    decode_listing(listing, size, tmp_path / "decoded")
    candidate = load_decoded(tmp_path / "decoded")[0]
    table = pd.DataFrame({"filename": [name], "degrees": [8.0]})
    teacher = show_stimuli(table, path.parent, size, 8)
    final = FolderImages(listing, size, "pad_crop")
    np.testing.assert_array_equal(candidate, teacher)
    np.testing.assert_array_equal(candidate, final.load([0]))
    with Image.open(path) as image:
        whole = image.convert("RGB")
    np.testing.assert_array_equal(candidate[0], resize_by_torchvision(whole, size, size))
    pillow = np.asarray(whole.resize((size, size), Image.Resampling.BICUBIC))
    assert differ(candidate[0], pillow).max() <= {24: 1, 96: 0, 300: 2}[size]
    assert (differ(candidate[0], pillow) > 1).mean() < 1e-3

    inputs = load_batch(candidate, np.array([0]), torch.device("cpu"))
    assert torch.equal(inputs, normalise(torch.from_numpy(teacher)))
    assert torch.equal(inputs, next(iterate_batches(final, [[0]], torch.device("cpu")))[0])


@pytest.mark.parametrize("shape", [(120, 61), (61, 120), (47, 130), (31, 20)])
def test_candidate_and_final_see_the_same_part(tmp_path, shape):
    path = tmp_path / "images" / "a" / "1.jpg"
    path.parent.mkdir(parents=True)
    make_photo(*shape).save(path)
    listing = load_image_folder(tmp_path / "images", "training", "data")
    decode_listing(listing, 32, tmp_path / "decoded")
    final = FolderImages(listing, 32, "pad_crop", memory_mb=0).load([0])
    np.testing.assert_array_equal(load_decoded(tmp_path / "decoded")[0], final)


@pytest.mark.parametrize("shape", [(50, 37), (128, 96), (30, 70)])
def test_pixels_are_those_of_torchvisions_resize_of_tensors(shape):
    pixels = np.array(make_photo(64, 48))
    found = resize_pixels(pixels, *shape)
    expected = resize_by_torchvision(Image.fromarray(pixels), *shape[::-1])
    np.testing.assert_array_equal(found, expected)
    assert resize_pixels(pixels, 64, 48) is pixels


@settings(max_examples=25)
@given(st.data(), st.integers(20, 120), st.integers(20, 120), st.integers(0, 99))
def test_crops_are_pillows_to_two_levels(tmp_path_factory, data, width, height, seed):
    path = tmp_path_factory.mktemp("crop") / "1.jpg"
    save(path, make_photo(width, height, seed), quality=85)
    left, top = data.draw(st.integers(0, width - 8)), data.draw(st.integers(0, height - 8))
    part = data.draw(st.integers(8, width - left)), data.draw(st.integers(8, height - top))
    cut = Cut(left, top, *part, 16, 16)
    found = decode_square(path, lambda *shape: cut, 16, Reading())
    box = (left, top, left + part[0], top + part[1])
    # Pillow resizes rows first where only they become fewer, torch always columns
    expected = Image.open(path).crop(box).resize((16, part[1])).resize((16, 16))
    assert differ(found, np.asarray(expected)).max() <= 2


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_large_parts_are_decoded_at_a_reduced_scale(tmp_path, scale):
    path = save(tmp_path / "1.jpg", make_photo(900, 901, grain=8 * scale), quality=90)

    def read(left, top, side, reduce=False):
        cut = Cut(left, top, side, side, 48, 48)
        return decode_square(path, lambda *shape: cut, 48, Reading(), reduce)

    side = (2 * 48 + 8) * scale
    whole, reduced = read(32, 48, side), read(32, 48, side, reduce=True)
    # 0.65, 0.39 and 0.39 of 255: the decoder averages what the filter weighs
    assert 0 < differ(whole, reduced).mean() < 1
    # A part begins and ends at pixels of the reduced image: at most a quarter of a result's pixel
    # away. Here by one pixel, to where the reduced part above is.
    np.testing.assert_array_equal(read(31, 47, side + 2, reduce=True), reduced)
    # nothing is reduced where pixels would be missing
    small = Cut(31, 47, 190, 800, 48, 48)
    np.testing.assert_array_equal(
        decode_square(path, lambda *shape: small, 48, Reading(), reduce=True),
        decode_square(path, lambda *shape: small, 48, Reading()),
    )


def test_reduced_is_where_the_whole_is(tmp_path):
    """A bright square lands at the same place, to a pixel, in a part near the far corner."""
    pixels = np.zeros((1003, 1207, 3), dtype=np.uint8)
    pixels[700:800, 900:1000] = 255
    path = save(tmp_path / "1.jpg", Image.fromarray(pixels), quality=95)
    cut = Cut(607, 403, 600, 600, 100, 100)
    found = [
        decode_square(path, lambda *shape: cut, 100, Reading(), reduce=reduce)[..., 0] > 127
        for reduce in (False, True)
    ]
    for bright in found:
        rows, columns = np.nonzero(bright)
        assert abs(rows.min() - (700 - 403) / 6) <= 1
        assert abs(columns.max() + 1 - (1000 - 607) / 6) <= 1


@pytest.mark.parametrize("kind", ["L", "CMYK", "P", "RGBA", "1", "progressive", "png as jpg"])
def test_odd_files_are_read_as_pillow_reads_them(tmp_path, kind):
    image, path = make_photo(60, 50), tmp_path / "1.jpg"
    if kind == "progressive":
        image.save(path, progressive=True)
    elif kind == "png as jpg":
        image.save(path, format="png")
    elif kind in ("L", "CMYK"):
        image.convert(kind).save(path)
    else:
        path = save(tmp_path / "1.png", image.convert(kind))
    assert differ(view(path, 40, 40), refer(path, 40, 40)).max() <= 2
    np.testing.assert_array_equal(view(path, 50, 50), refer(path, 50, 50))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("kept", [0, 30, 2000])
@pytest.mark.parametrize("exact", [False, True])
def test_truncated_files_are_named(tmp_path, suffix, kept, exact):
    path = save(tmp_path / f"1.{suffix}", make_photo(120, 110))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"1.(jpg|png): not a readable image .*check: decode"):
        view(path, 40, 40, exact=exact)


def test_orientation_is_passed_over_as_by_image_folder(tmp_path):
    image = make_photo(60, 40)
    turned = Image.Exif()
    turned[274] = 6
    path = save(tmp_path / "1.jpg", image, exif=turned)
    plain = save(tmp_path / "2.jpg", image)
    np.testing.assert_array_equal(view(path, 40, 40), view(plain, 40, 40))


def test_batches_are_normalised():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    batch = load_batch(images, np.array([4, 1]), torch.device("cpu"))
    expected = (images[[4, 1]] / 255 - np.array(MEAN)) / np.array(DEVIATION)
    np.testing.assert_allclose(batch, expected.transpose(0, 3, 1, 2), atol=1e-5)
    assert batch.is_contiguous(memory_format=torch.channels_last)
