"""The one way from image files to inputs of a network: decode, cut, resize, normalise.

Candidates and the final training read images here: JPEGs are decoded by torchvision, other formats
by Pillow, with equal pixels. Stimuli are few, and decoded by Pillow alone, so that no process loads
torchvision for them (`tgas_neuro.recordings.formats.pictures`). All are resized by torch's
antialiased bicubic filter on bytes, which is faster than Pillow's; a few values differ by one level
of 255 (`docs/images.md`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.images.augmentation import Cut
from tgas_neuro.recordings.formats.pictures import (
    BROKEN,
    PictureSource,
    opened_picture,
    show_picture,
)
from tgas_neuro.runtime.errors import UserError

# Mean and deviation of ImageNet's pixels, red, green, blue, of values in [0, 1]; training images
# and stimuli are normalised alike.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

JPEG = b"\xff\xd8"

# A JPEG decoded at a reduced scale keeps so many pixels for one of the result, as in Pillow's
# `thumbnail`: with fewer, the decoder's average would replace the resize filter, and the result
# would be sharper than that of the whole image.
GAP = 2

# Bytes: a look at the header takes a tenth of decoding such a file, and few of them are large
# enough for a reduced scale.
SMALL = 2**17

SERIAL = 2**15 - 1  # elements of an operation that torch does not split among threads

# Pillow's filters; the keys are torch's names.
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
        Length of the shorter side before the middle is cut out [pixel]; None: the augmentation
        chooses it.
    interpolation
        A key of `INTERPOLATIONS`; both widen their filter when they shrink an image (antialiasing).
    exact
        Decode and resize with Pillow alone. Pixels then equal those of torchvision's transforms of
        a PIL image; slower.
    pictures, key
        What is shown of images that can be shown in several ways, and the key that chooses it.
    mean, deviation
        Of red, green and blue in [0, 1]: subtracted, and divided by.
    squashed
        The image becomes a square of `resize` pixels, whatever its proportions.
    """

    resize: int | None = None
    interpolation: str = "bicubic"
    exact: bool = False
    pictures: Pictures = field(default_factory=Pictures)
    key: str | None = None
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION
    squashed: bool = False


READING = Reading()


def decode_square(
    path: Path,
    choose: Callable[[int, int], Cut],
    size: int,
    reading: Reading = READING,
    reduce: bool = False,
    notes: Counter[str] | None = None,
) -> np.ndarray:
    """Decode an image and resize a part of it to a square.

    Parameters
    ----------
    path
        Any format that Pillow reads; grey, palette and transparent images become RGB. EXIF's
        orientation is ignored, as by torchvision's ``ImageFolder``.
    choose
        ``(width, height) -> Cut``: the part that is taken.
    size
        Width and height of the square [pixel].
    reading
        How it is resized.
    reduce
        Decode a JPEG at a half, a quarter or an eighth, if the part stays at least twice as large
        as the square. The decoder's averages replace a part of the resize.
    notes
        Receives what was converted (see `show_picture`).

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
        by_pillow = reading.exact or reading.pictures.range is not None
        by_pillow = by_pillow or (reduce and len(content) > SMALL)
        pixels = None if by_pillow else _decode_jpeg(content)
        if pixels is None:
            source = PictureSource(str(path), reading.pictures, reading.key)
            with opened_picture(content) as image:
                cut = choose(*image.size)
                if reading.exact:
                    shown = Image.fromarray(show_picture(image, source, notes))
                    resized = _resize_exactly(shown, cut, reading.interpolation)
                    return _cut_square(resized, cut, size)
                if reduce:
                    cut = _reduce(image, cut)
                pixels = _decode_opened(image, content, source, notes)
        else:
            cut = choose(pixels.shape[1], pixels.shape[0])
    except BROKEN as error:
        raise UserError(
            f"{path}: not a readable image ({error}); replace it, remove it, or have all of them "
            "decoded before with check: decode"
        ) from None
    part = pixels[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    resized = resize_pixels(part, cut.resized_width, cut.resized_height, reading.interpolation)
    return _cut_square(resized, cut, size)


def resize_pixels(
    pixels: np.ndarray, width: int, height: int, interpolation: str = READING.interpolation
) -> np.ndarray:
    """Resize an image, (y, x, rgb), uint8; one that has this size already is returned as it is."""
    if pixels.shape[:2] == (height, width):
        return pixels
    # A batch in channels last; torch resizes it in half of the time that it takes for planes.
    batch = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
    resized = functional.interpolate(
        batch, (height, width), mode=interpolation, antialias=True, align_corners=False
    )
    return resized[0].permute(1, 2, 0).numpy()


def _decode_jpeg(content: bytes) -> np.ndarray | None:
    """Decode a JPEG, (y, x, rgb); None leaves the file to Pillow and its messages."""
    if content[: len(JPEG)] != JPEG:
        return None
    # candidates, which read decoded pixels, start seconds faster without torchvision
    from torchvision.io import ImageReadMode, decode_jpeg

    try:
        buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        decoded = decode_jpeg(buffer, ImageReadMode.UNCHANGED)
    except RuntimeError:
        return None
    if len(decoded) == 1:
        decoded = decoded.expand(3, -1, -1)
    # Pillow alone knows how CMYK becomes RGB
    return decoded.permute(1, 2, 0).numpy() if len(decoded) == 3 else None


def _decode_opened(
    image: Image.Image, content: bytes, source: PictureSource, notes: Counter[str] | None
) -> np.ndarray:
    """Decode at the scale that `_reduce` has set, which Pillow alone can do."""
    plain = image.mode in ("RGB", "L") and _get_scale(image) == 1
    plain = plain and source.pictures.range is None
    pixels = _decode_jpeg(content) if plain else None
    return show_picture(image, source, notes) if pixels is None else pixels


def _get_scale(image: Image.Image) -> int:
    """Pixels of the file for one of the decoded image, in each dimension; set by `draft`."""
    scale = getattr(image, "decoderconfig", ())[:1]
    return scale[0] if scale else 1


def _reduce(image: Image.Image, cut: Cut) -> Cut:
    """Have a JPEG decoded at the lowest scale that leaves `GAP` pixels for one of the result."""
    width, height = image.size
    resized = min(cut.width / cut.resized_width, cut.height / cut.resized_height)
    wanted = int(resized / GAP)
    if wanted < 2 or image.draft(None, (width // wanted, height // wanted)) is None:
        return cut
    scale = _get_scale(image)
    left, top, right, bottom = (
        round(edge / scale)
        for edge in (cut.left, cut.top, cut.left + cut.width, cut.top + cut.height)
    )
    right, bottom = min(right, image.width), min(bottom, image.height)
    return cut._replace(left=left, top=top, width=right - left, height=bottom - top)


def _resize_exactly(image: Image.Image, cut: Cut, interpolation: str) -> np.ndarray:
    box = (cut.left, cut.top, cut.left + cut.width, cut.top + cut.height)
    size = (cut.resized_width, cut.resized_height)
    return np.asarray(image.crop(box).resize(size, INTERPOLATIONS[interpolation]))


def _cut_square(pixels: np.ndarray, cut: Cut, size: int) -> np.ndarray:
    return pixels[cut.y : cut.y + size, cut.x : cut.x + size]


def normalise(
    pixels: torch.Tensor,
    mean: Sequence[float] = MEAN,
    deviation: Sequence[float] = DEVIATION,
) -> torch.Tensor:
    """Make inputs of a network from pixels.

    Parameters
    ----------
    pixels
        (image, y, x, rgb), uint8.
    mean, deviation
        Of red, green and blue in [0, 1]: subtracted, and divided by.

    Returns
    -------
    inputs
        (image, rgb, y, x), float32, channels last, on the device of `pixels`.
    """
    count, height, width, _ = pixels.shape
    means, deviations = (
        torch.tensor(colour, device=pixels.device).mul(255).repeat(width)
        for colour in (mean, deviation)
    )
    # By whole rows of an image: 9 times as fast as with an innermost dimension of 3.
    rows = pixels.reshape(count * height, width * 3)
    inputs = _allocate(rows.shape, pixels.device)
    # On a CPU in blocks that stay in the cache and are too small for torch's threads: where the
    # workers use all cores, these would wait for each other.
    block = max(1, SERIAL // (width * 3)) if pixels.device.type == "cpu" else len(rows)
    for part, source in zip(inputs.split(block), rows.split(block), strict=True):
        part.copy_(source).sub_(means).div_(deviations)
    return inputs.view(pixels.shape).permute(0, 3, 1, 2)


def _allocate(shape: torch.Size, device: torch.device) -> torch.Tensor:
    """An empty float32 tensor.

    On a CPU by numpy, which asks Linux for huge pages: a batch of 224 pixels is more than glibc
    keeps, and mapping 4 KB at a time takes longer than filling it.
    """
    if device.type == "cpu":
        return torch.from_numpy(np.empty(shape, dtype=np.float32))
    return torch.empty(shape, dtype=torch.float32, device=device)


def load_batch(images: np.ndarray, chosen: np.ndarray, device: torch.device) -> torch.Tensor:
    """Normalise the chosen ones of decoded images.

    Parameters
    ----------
    images
        (image, y, x, rgb), uint8, memory-mapped or not.
    chosen
        Their numbers, in the order in which they are wanted.
    device
        Where the inputs are wanted.

    Returns
    -------
    inputs
        (image, rgb, y, x), float32, channels last (see `normalise`).
    """
    return normalise(torch.from_numpy(np.ascontiguousarray(images[chosen])).to(device))
