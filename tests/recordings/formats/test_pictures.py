"""Files and arrays as the pictures that a candidate sees, against Pillow and closed forms."""

import io
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.formats.pictures import (
    PictureSource,
    Survey,
    calc_pixel_digest,
    convert_array,
    opened_picture,
    show_as_file,
    show_picture,
)
from tgas_neuro.runtime.errors import UserError

RAMP = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


def show(content: bytes, **pictures) -> tuple[np.ndarray, list[str], bool]:
    source = PictureSource("set: image 'a'", Pictures(**pictures), "options.images")
    notes: Counter[str] = Counter()
    with opened_picture(content) as image:
        plain = show_as_file(image, source)
        return show_picture(image, source, notes), list(notes), plain


def in_grey(pixels: np.ndarray) -> np.ndarray:
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.fromarray(RAMP), RAMP),
        (Image.fromarray(np.stack([RAMP] * 3, -1)), RAMP),
        (Image.fromarray(RAMP).convert("P"), RAMP),
        (Image.fromarray(RAMP > 100), np.where(RAMP > 100, 255, 0)),
    ],
    ids=["grey", "RGB", "palette", "1 bit"],
)
def test_ordinary_images_stay_as_they_are(image, expected):
    pixels, notes, plain = show(encode(image))
    np.testing.assert_array_equal(in_grey(pixels), expected)
    assert not notes and plain


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_grey_of_16_bits_is_scaled_by_the_full_range(kind):
    values = (np.arange(64, dtype=np.uint32).reshape(8, 8) * 1040).astype(np.uint16)
    pixels, notes, plain = show(encode(values, kind))
    np.testing.assert_array_equal(in_grey(pixels), np.round(values / 65535 * 255))
    assert notes == ["have 16 bits; 65535 is shown white"] and not plain


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=40))
def test_an_array_of_16_bits_is_rounded(values):
    images = np.array(values, dtype=np.uint16).reshape(1, 1, -1)
    found = convert_array(images, PictureSource("x"), Counter())
    np.testing.assert_array_equal(found, np.round(images / 257))


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (RAMP.astype(np.float32) / 252, "TIFF", [0, 1]),
        (RAMP.astype(np.int32) * 1000 - 5000, "TIFF", [-5000, 247000]),
        ((RAMP > 100).astype(np.uint8), "PNG", [0, 1]),
        (RAMP.astype(np.uint16) * 16, "PNG", [0, 4032]),
    ],
    ids=["float", "32 bits", "0 and 1", "12 bits in 16"],
)
def test_a_range_says_what_is_black_and_white(array, kind, values):
    pixels, _, plain = show(encode(array, kind), range=values)
    scaled = (array.astype(float) - values[0]) / (values[1] - values[0])
    np.testing.assert_array_equal(in_grey(pixels), np.round(scaled * 255))
    assert not plain


@pytest.mark.parametrize("array", [RAMP.astype(np.float32), RAMP.astype(np.int32)])
def test_values_without_a_range_are_refused(array):
    with pytest.raises(UserError, match=r"image 'a'.*\(0 to 252\).*set options.images.range: "):
        show(encode(array, "TIFF"))
    with pytest.raises(UserError, match="go from 0 to 252, beyond the range"):
        show(encode(array, "TIFF"), range=[0, 100])


def make_cut_out(mode: str) -> Image.Image:
    grey = Image.new("LA", (8, 8), (200, 255))
    grey.putalpha(Image.fromarray(RAMP))
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_are_laid_on_the_colour(mode):
    content = encode(make_cut_out(mode))
    with pytest.raises(UserError, match=r"100% of its pixels are transparent; set options.*alpha"):
        show(content)
    pixels, notes, plain = show(content, alpha="#204060")
    shares = RAMP[..., np.newaxis] / 255
    expected = shares * 200 + (1 - shares) * np.array([0x20, 0x40, 0x60])
    assert np.abs(pixels - expected).max() <= 1
    assert notes == ["have transparent pixels, which are laid on #204060"] and not plain


def test_a_palette_with_a_transparent_colour_is_refused():
    image = Image.fromarray(RAMP).convert("P")
    with pytest.raises(UserError, match="of its pixels are transparent"):
        show(encode(image, transparency=8))


def test_opaque_alpha_says_nothing():
    image = Image.fromarray(RAMP).convert("RGBA")
    pixels, notes, _ = show(encode(image))
    np.testing.assert_array_equal(in_grey(pixels), RAMP)
    assert not notes


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_one_is_chosen(kind):
    frames = [Image.new("L", (8, 8), value) for value in (10, 90, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    with pytest.raises(UserError, match=r"has 3 frames; set options.images.frame: 0"):
        show(content)
    for number, value in enumerate((10, 90, 200)):
        pixels, notes, plain = show(content, frame=number)
        assert np.abs(pixels.astype(int) - value).max() <= 1
        assert len(notes) == 1 and not plain
    with pytest.raises(UserError, match=r"has 3 frames, not 4; set options.images.frame: 2"):
        show(content, frame=3)


def test_other_colour_spaces_are_converted_and_noted():
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    pixels, notes, plain = show(encode(image, "JPEG", quality=95))
    np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))
    assert notes == ["are converted from CMYK to RGB"] and plain


def test_orientation_is_noted():
    exif = Image.Exif()
    exif[0x0112] = 6
    _, notes, _ = show(encode(Image.fromarray(RAMP), "JPEG", exif=exif))
    assert notes == ["have an EXIF orientation, which is not applied"]


class TestArrays:
    def test_logical_images_are_black_and_white(self):
        notes: Counter[str] = Counter()
        images = np.stack([RAMP > 100, RAMP > 50])
        found = convert_array(images, PictureSource("x"), notes)
        np.testing.assert_array_equal(found, np.where(images, 255, 0))
        assert notes == {"are logical; true is shown white": 2}

    @pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int16])
    def test_other_numbers_need_a_range(self, dtype):
        images = np.stack([RAMP, RAMP[::-1]]).astype(dtype)
        with pytest.raises(UserError, match=r"\(0 to 252\).*set a.range: \[0, 255\] or"):
            convert_array(images, PictureSource("x", key="a"), Counter())
        source = PictureSource("x", Pictures(range=[0, 252]))
        found = convert_array(images, source, Counter())
        np.testing.assert_array_equal(found[..., 0], np.round(images / 252 * 255))


class TestSurvey:
    def test_repeated_pictures_and_few_levels_are_described(self):
        survey = Survey()
        for name, value in (("a", 0), ("b", 40), ("c", 0), ("d", 40)):
            survey.add(name, np.full((4, 4, 3), value, np.uint8))
        assert list(survey.describe()) == [
            "2 of 4 images show the same picture as another (c as a)",
            "all images together have 2 levels of 256 (0 to 40)",
        ]

    def test_zero_and_one_are_dark(self):
        survey = Survey()
        survey.add("a", np.stack([(RAMP > 100).astype(np.uint8)] * 3, -1))
        assert survey.is_dark()
        survey.add("b", np.stack([RAMP] * 3, -1))
        assert not survey.is_dark()


def test_the_digest_of_pixels_tells_shapes_apart():
    flat = np.zeros((2, 8, 3), np.uint8)
    assert calc_pixel_digest(flat) != calc_pixel_digest(flat.reshape(8, 2, 3))
    assert calc_pixel_digest(flat) == calc_pixel_digest(flat.copy())
