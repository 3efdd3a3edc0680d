"""What a candidate sees of a stimulus."""

import os
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from support.commands import run_printed
from torchvision.io import ImageReadMode, decode_jpeg

from tgas_neuro.images.pixels import resize_pixels
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.teacher import note_shown, show_image, show_stimuli


def paint(mode, width, height, colour):
    return np.array(Image.new(mode, (width, height), colour).convert("RGB"))


def test_an_image_that_fills_the_field_is_only_resized():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(show_image(pixels, 8, 16, 8), pixels)
    seen = show_image(pixels, 8, 8, 8)
    np.testing.assert_array_equal(seen, resize_pixels(pixels, 8, 8))
    expected = Image.fromarray(pixels).resize((8, 8), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(seen.astype(int), np.asarray(expected).astype(int), atol=1)


def test_a_smaller_image_is_centred_on_grey():
    seen = show_image(paint("RGB", 50, 50, (255, 0, 0)), 4, 32, 8)
    inside = seen[8:24, 8:24]
    assert (inside == (255, 0, 0)).all()
    outside = np.ones((32, 32), dtype=bool)
    outside[8:24, 8:24] = False
    assert (seen[outside] == 128).all()


def test_a_larger_image_loses_its_border():
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[16:48, 16:48] = 200
    assert (show_image(pixels, 16, 32, 8) == 200).all()


@pytest.mark.parametrize("width, height", [(7, 40), (40, 7), (33, 12), (12, 33), (200, 5)])
@pytest.mark.parametrize("degrees", [1.0, 5.0, 8.0, 13.0])
def test_images_are_placed_as_pillow_pastes_them(width, height, degrees):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    shown_width = max(1, round(21 * degrees / 8))
    shown_height = max(1, round(shown_width * height / width))
    field = Image.new("RGB", (21, 21), (128, 128, 128))
    resized = Image.fromarray(resize_pixels(pixels, shown_width, shown_height))
    field.paste(resized, ((21 - shown_width) // 2, (21 - shown_height) // 2))
    np.testing.assert_array_equal(show_image(pixels, degrees, 21, 8), np.asarray(field))


def test_proportions_and_grey_images():
    seen = show_image(paint("L", 40, 20, 255), 8, 32, 8)
    assert seen.shape == (32, 32, 3)
    assert (seen[8:24] == 255).all()
    assert (seen[:8] == 128).all()


def test_missing_and_broken_images_are_named(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    table = pd.DataFrame({"filename": ["a.png", "b.png"], "degrees": [8.0, 8.0]})
    with pytest.raises(UserError, match=r"b.png: image is missing"):
        show_stimuli(table, tmp_path, 8, 8)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:30])
    with pytest.raises(UserError, match=r"b.png: not a readable image"):
        show_stimuli(table, tmp_path, 8, 8)


def test_stimuli_that_look_alike_and_wide_ones_are_noted():
    stimuli = pd.DataFrame({"stimulus_id": ["a", "b", "c"], "degrees": [8.0, 8.0, 40.0]})
    images = np.zeros((3, 4, 4, 3), np.uint8)
    images[1] = 9
    assert note_shown(images, stimuli, 8) == (
        "1 of 3 stimuli look like another one to a candidate (c like a)",
        "1 of 3 stimuli are up to 40 degrees wide, teacher.stimuli.visual_degrees is 8: a "
        "candidate sees the middle 0.04 of their area",
    )
    images[2] = 200
    assert note_shown(images, stimuli.assign(degrees=12), 8) == ()


def test_jpegs_are_shown_as_torchvision_decodes_them_and_without_it(tmp_path):
    """Loading torchvision would take seconds of every process that compares with a teacher."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    contents = []
    for name, mode in (("colour.jpg", "RGB"), ("grey.jpg", "L")):
        Image.fromarray(pixels).convert(mode).save(tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    script = (
        "import sys, numpy as np, pandas as pd\n"
        "from tgas_neuro.teacher.teacher import show_stimuli\n"
        "table = pd.DataFrame({'filename': ['colour.jpg', 'grey.jpg'], 'degrees': [8.0, 8.0]})\n"
        "np.save('seen.npy', show_stimuli(table, '.', 30, 8.0))\n"
        "print('torchvision' in sys.modules)\n"
    )
    said = run_printed([sys.executable, "-c", script], tmp_path, os.environ)
    assert said.strip() == "False"
    for seen, content in zip(np.load(tmp_path / "seen.npy"), contents, strict=True):
        buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        decoded = decode_jpeg(buffer, ImageReadMode.RGB).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(seen, show_image(decoded, 8, 30, 8))
