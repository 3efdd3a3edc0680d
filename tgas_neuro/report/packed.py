"""How a page holds numbers and pictures: deflated, in base64; it needs no other file."""

import base64
import io
import json
import zlib
from typing import Any

import numpy as np
from PIL import Image

LEVELS = 255  # of a byte; the last value is for what is not defined
UNDEFINED = 255


def pack_bytes(content: bytes) -> str:
    """Deflate bytes, and encode them in base64."""
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def pack_json(content: Any) -> str:
    """JSON, deflated and in base64."""
    return pack_bytes(json.dumps(content, separators=(",", ":"), allow_nan=False).encode())


def quantise(rdm: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Dissimilarities as bytes, and the values of the lowest and the highest byte.

    A value is off by at most half a step, 1/508 of the range.

    Parameters
    ----------
    rdm
        (pair,); NaN, which becomes `UNDEFINED`, is not defined.

    Returns
    -------
    levels, low, high
        (pair,), uint8; level k is low + k (high - low) / (`LEVELS` - 1).
    """
    finite = rdm[np.isfinite(rdm)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    scale = (LEVELS - 1) / (high - low) if high > low else 0.0
    levels = np.full(len(rdm), UNDEFINED, dtype=np.uint8)
    defined = np.isfinite(rdm)
    levels[defined] = np.rint((rdm[defined].astype(np.float64) - low) * scale).astype(np.uint8)
    return levels, low, high


def build_sprite(images: np.ndarray, size: int) -> tuple[str, int]:
    """Many pictures as one, row by row, and the number of columns.

    Parameters
    ----------
    images
        (picture, y, x, rgb), uint8, square.
    size
        Width and height of each in the sprite [px]; smaller pictures keep their own.

    Returns
    -------
    sprite, columns
        A data URI in the format WebP.
    """
    size = min(size, images.shape[1])
    columns = int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size))
    for number, pixels in enumerate(images):
        picture = Image.fromarray(pixels)
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.BICUBIC)
        sheet.paste(picture, (number % columns * size, number // columns * size))
    written = io.BytesIO()
    sheet.save(written, format="WEBP", quality=80, method=4)
    return "data:image/webp;base64," + base64.b64encode(written.getvalue()).decode(), columns
