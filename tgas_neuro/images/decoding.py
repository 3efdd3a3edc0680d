"""Files of images to squares of pixels: decoded, cut and resized in as few steps as possible.

JPEGs are decoded by torchvision and resized by torch on bytes, everything else by Pillow, the
reference: decoded pixels are equal, resized ones differ by a level of 255 here and there (torch's
filter has fewer digits; `docs/images.md` has the figures).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torchvision.io import ImageReadMode, decode_jpeg

from tgas_neuro.images.augmentation import Cut
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.candidate.training import DEVIATION, MEAN

BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

# Of a reduced scale, as in Pillow's `thumbnail`: with less the resize could not tell the decoder's
# average from its own filter, and the result would be sharper than that of the whole image.
GAP = 2

# Bytes: to look at a header first takes a tenth of decoding such a file, and few of them are large
# enough for a reduced scale.
SMALL = 2**17
JPEG = b"\xff\xd8"

# As Pillow names them; torch's own names are the keys.
INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


@dataclass(frozen=True)
class Reading:
    """How files become inputs of a network.

    Attributes
    ----------
    resize
        Length of the shorter side before the middle is cut out [pixel]; None: as the augmentation
        has it.
    interpolation
        A key of `INTERPOLATIONS`; both widen their filter where they shrink (no aliasing).
    exact
        Decode and resize with Pillow alone, pixel by pixel as torchvision's transforms of a PIL
        image do; slower.
    mean, deviation
        Of red, green and blue in [0, 1]: subtracted, and divided by.
    """

    resize: int | None = None
    interpolation: str = "bilinear"
    exact: bool = False
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION


def decode_square(
    path: Path,
    choose: Callable[[int, int], Cut],
    size: int,
    reading: Reading,
    reduce: bool = False,
) -> np.ndarray:
    """A part of an image, resized to a square.

    Parameters
    ----------
    path
        Any format that Pillow reads; grey, palette and transparent images become RGB. EXIF's
        orientation is passed over, as torchvision's ``ImageFolder`` does.
    choose
        ``(width, height) -> Cut``: what is taken.
    size
        Width and height of the square [pixel].
    reading
        How it is resized.
    reduce
        Decode a JPEG at a half, a quarter or an eighth where the part is larger than the square
        by twice as much: the decoder's averages stand for half of the resize.

    Returns
    -------
    pixels
        (y, x, rgb), uint8.

    Raises
    ------
    UserError
        The file cannot be read.
    """
    try:
        content = path.read_bytes()
        if not reading.exact and (not reduce or len(content) <= SMALL):
            pixels = _decode_whole_jpeg(content)
            if pixels is not None:
                return _resize(pixels, choose(pixels.shape[3], pixels.shape[2]), size, reading)
        with warnings.catch_warnings(action="ignore"):  # broken EXIF, transparent palettes
            return _decode(content, choose, size, reading, reduce)
    except BROKEN as error:
        raise UserError(
            f"{path}: not a readable image ({error}); replace it, remove it, or have all of them "
            "decoded before with check: decode"
        ) from None


def _decode_whole_jpeg(content: bytes) -> torch.Tensor | None:
    """(1, rgb, y, x), uint8, channels last; None where Pillow is to read it, or to say why not."""
    if content[: len(JPEG)] != JPEG:
        return None
    try:
        buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        decoded = decode_jpeg(buffer, ImageReadMode.UNCHANGED)
    except RuntimeError:
        return None
    if len(decoded) == 1:
        decoded = decoded.expand(3, -1, -1)
    # Pillow alone knows how CMYK becomes RGB
    return _as_batch(decoded.permute(1, 2, 0)) if len(decoded) == 3 else None


def _decode(
    content: bytes,
    choose: Callable[[int, int], Cut],
    size: int,
    reading: Reading,
    reduce: bool,
) -> np.ndarray:
    with Image.open(BytesIO(content)) as image:
        cut = choose(*image.size)
        if reading.exact:
            return _resize_exactly(image.convert("RGB"), cut, size, reading)
        if reduce:
            cut = _reduce(image, cut)
        # Pillow alone decodes at a reduced scale, and knows CMYK.
        reduced = image.decoderconfig[:1] not in ((), (1,))
        plain = image.mode in ("RGB", "L") and not reduced
        pixels = _decode_whole_jpeg(content) if plain else None
        return _resize(_to_tensor(image) if pixels is None else pixels, cut, size, reading)


def _to_tensor(image: Image.Image) -> torch.Tensor:
    """(1, rgb, y, x), uint8, channels last."""
    return _as_batch(torch.from_numpy(np.array(image.convert("RGB"))))


def _as_batch(pixels: torch.Tensor) -> torch.Tensor:
    """(y, x, rgb) as (1, rgb, y, x), channels last.

    The batch's stride must be that of a whole image: torch then knows the layout, resizes in half
    of the time and gives it back. `unsqueeze` of (rgb, y, x) makes one that it takes for planes.
    """
    return pixels[None].permute(0, 3, 1, 2)


def _reduce(image: Image.Image, cut: Cut) -> Cut:
    """Have a JPEG decoded at the lowest scale that leaves `GAP` pixels for one of the result."""
    width, height = image.size
    resized = min(cut.width / cut.resized_width, cut.height / cut.resized_height)
    wanted = int(resized / GAP)
    if wanted < 2 or image.draft(None, (width // wanted, height // wanted)) is None:
        return cut
    scale = image.decoderconfig[0]
    left, top, right, bottom = (
        round(edge / scale)
        for edge in (cut.left, cut.top, cut.left + cut.width, cut.top + cut.height)
    )
    right, bottom = min(right, image.width), min(bottom, image.height)
    return cut._replace(left=left, top=top, width=right - left, height=bottom - top)


def _resize(pixels: torch.Tensor, cut: Cut, size: int, reading: Reading) -> np.ndarray:
    part = pixels[..., cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    resized = (cut.resized_height, cut.resized_width)
    if part.shape[2:] != resized:
        part = functional.interpolate(
            part, resized, mode=reading.interpolation, antialias=True, align_corners=False
        )
    return part[0, :, cut.y : cut.y + size, cut.x : cut.x + size].permute(1, 2, 0).numpy()


def _resize_exactly(image: Image.Image, cut: Cut, size: int, reading: Reading) -> np.ndarray:
    part = image.crop((cut.left, cut.top, cut.left + cut.width, cut.top + cut.height))
    resized = part.resize(
        (cut.resized_width, cut.resized_height), INTERPOLATIONS[reading.interpolation]
    )
    return np.asarray(resized.crop((cut.x, cut.y, cut.x + size, cut.y + size)))
