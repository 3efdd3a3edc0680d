"""Numbers and pictures as a page holds them, read back."""

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from tgas_neuro.report.packed import UNDEFINED, build_sprite, pack_json, quantise


def test_json_is_read_back():
    content = {"a": [1, 2.5, None], "b": "<é>"}
    assert json.loads(zlib.decompress(base64.b64decode(pack_json(content)))) == content


def test_a_quantised_value_is_off_by_at_most_half_a_step():
    rdm = np.random.default_rng(0).normal(1, 0.3, 5000).astype(np.float32)
    levels, low, high = quantise(rdm)
    assert (low, high) == (rdm.min(), rdm.max())
    restored = low + levels * (high - low) / 254
    assert np.abs(restored - rdm).max() <= (high - low) / 508 * 1.0001
    assert (levels.min(), levels.max()) == (0, 254)


@pytest.mark.parametrize(
    ("rdm", "levels"),
    [
        ([1.0, np.nan, 2.0], [0, UNDEFINED, 254]),
        ([3.0, 3.0], [0, 0]),
        ([np.nan, np.nan], [UNDEFINED, UNDEFINED]),
        ([], []),
    ],
)
def test_what_is_not_defined_and_what_does_not_differ(rdm, levels):
    assert quantise(np.array(rdm, dtype=np.float32))[0].tolist() == levels


def test_a_sprite_has_each_picture_in_its_place():
    greys = np.array([0, 60, 120, 180, 240], dtype=np.uint8)
    images = np.broadcast_to(greys[:, None, None, None], (5, 16, 16, 3)).copy()
    uri, columns = build_sprite(images, 8)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L"))
    assert (columns, sheet.shape) == (3, (16, 24))
    for number, grey in enumerate(greys):
        y, x = number // 3 * 8 + 4, number % 3 * 8 + 4
        assert abs(int(sheet[y, x]) - int(grey)) < 8  # WebP keeps no exact values
