"""Image files and arrays as the pictures that a candidate sees: 8 bits, RGB, opaque.

Where there is one standard conversion it is made, and named in a note. Where there is a choice,
such as the colour behind transparent pixels, the file is refused until an option chooses.
"""

import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from PIL import ExifTags, Image

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.runtime.errors import UserError

# What Pillow raises for a file that it cannot decode.
BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
FULL_16_BITS = 2**16 - 1
PER_LEVEL = 257  # FULL_16_BITS / 255: 16-bit values for one level of 8 bits
FEW_LEVELS = 8
# Formats of one picture of which the others are previews or other views.
SINGLE = ("MPO",)


@dataclass(frozen=True)
class PictureSource:
    """What messages say about an image, and what may be chosen for it.

    Attributes
    ----------
    name
        The file, for messages.
    pictures
        The options that choose.
    key
        The key of `pictures`, such as ``options.images``; None where there are no options.
    """

    name: str
    pictures: Pictures = field(default_factory=Pictures)
    key: str | None = None

    def refuse(self, what: str, option: str, example: str) -> UserError:
        """The error for an image that can be shown in several ways."""
        way_out = f"set {self.key}.{option}: {example}" if self.key else "convert it to RGB, 8 bits"
        return UserError(f"{self.name}: {what}; {way_out}")


@contextmanager
def opened_picture(content: bytes) -> Iterator[Image.Image]:
    """Open an image file without Pillow's warnings; of `BROKEN`, those of its header are raised."""
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
        yield image


def show_as_file(image: Image.Image, source: PictureSource) -> bool:
    """Whether Pillow's and torchvision's RGB of a file is the picture, without any choice."""
    deep = image.mode.startswith("I") or image.mode == "F"
    several = _count_frames(image) > 1
    return not (several or _is_layered(image) or deep) and source.pictures.range is None


def show_picture(
    image: Image.Image, source: PictureSource, notes: Counter[str] | None = None
) -> np.ndarray:
    """The picture that a candidate sees of an opened image file.

    Parameters
    ----------
    image
        From `opened_picture`.
    source
        Its name, and the options.
    notes
        Receives what was converted; how often is counted.

    Returns
    -------
    pixels
        (y, x, rgb), uint8. Grey of 16 bits is divided by 257. With ``range``, values are scaled so
        that its first is black and its second white.

    Raises
    ------
    UserError
        The image has transparent pixels, several frames, or values of an unknown range, and
        `source` does not choose.
    OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError
        It cannot be decoded (`BROKEN`).
    """
    notes = Counter() if notes is None else notes
    _choose_frame(image, source, notes)
    deep = ";16" in str(getattr(image, "tile", ""))  # known before the pixels are decoded
    image.load()
    if image.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1):
        notes["have an EXIF orientation, which is not applied"] += 1
    if _is_layered(image):
        image = _lay_on_colour(image, source, notes)
    if source.pictures.range is not None:
        raw = image.convert("RGB") if image.mode == "P" else image
        return _scale(np.asarray(raw), source)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        notes["have 16 bits; 65535 is shown white"] += 1
        return _stack_grey(_halve_depth(np.asarray(image).astype(np.uint16)))
    if image.mode in ("I", "F"):
        low, high = image.getextrema()
        kind = "whole numbers of 32 bits" if image.mode == "I" else "floating-point numbers"
        raise source.refuse(
            f"its values are {kind} ({low:.6g} to {high:.6g}), of which it is not known which is "
            "white",
            "range",
            "[0, 1], the values of black and white",
        )
    if deep:
        notes["have 16 bits a colour, of which the higher 8 are shown"] += 1
    elif image.mode not in ("1", "L", "P", "RGB"):
        notes[f"are converted from {image.mode} to RGB"] += 1
    return np.array(image.convert("RGB"))


def _count_frames(image: Image.Image) -> int:
    return 1 if image.format in SINGLE else getattr(image, "n_frames", 1)


def _is_layered(image: Image.Image) -> bool:
    """Whether pixels may be transparent."""
    return "A" in image.mode or "a" in image.mode or "transparency" in image.info


def _choose_frame(image: Image.Image, source: PictureSource, notes: Counter[str]) -> None:
    n_frames = _count_frames(image)
    if n_frames == 1:
        return
    frame = source.pictures.frame
    if frame is None:
        raise source.refuse(f"has {n_frames} frames", "frame", "0, counted from 0")
    if frame >= n_frames:
        raise source.refuse(f"has {n_frames} frames, not {frame + 1}", "frame", f"{n_frames - 1}")
    image.seek(frame)
    notes[f"have several frames, of which number {frame} from 0 is shown"] += 1


def _lay_on_colour(image: Image.Image, source: PictureSource, notes: Counter[str]) -> Image.Image:
    layered = image.convert("RGBA")
    if layered.getchannel("A").getextrema()[0] == 255:
        return layered.convert("RGB")
    colour = source.pictures.alpha
    if colour is None:
        transparent = float((np.asarray(layered.getchannel("A")) < 255).mean())
        raise source.refuse(
            f"{transparent:.0%} of its pixels are transparent",
            "alpha",
            "'#808080', the colour behind them",
        )
    notes[f"have transparent pixels, which are laid on {colour}"] += 1
    return Image.alpha_composite(Image.new("RGBA", image.size, colour), layered).convert("RGB")


def _scale(values: np.ndarray, source: PictureSource) -> np.ndarray:
    """Values of any type as a picture, by the range that `source` states."""
    low, high = source.pictures.range or (0, 255)
    values = values.astype(float)
    if not np.isfinite(values).all() or values.min() < low or values.max() > high:
        raise source.refuse(
            f"its values go from {values.min():.6g} to {values.max():.6g}, beyond the range "
            f"[{low:g}, {high:g}]",
            "range",
            "the values of black and white",
        )
    pixels = np.round((values - low) / (high - low) * 255).astype(np.uint8)
    return pixels if pixels.ndim == 3 else _stack_grey(pixels)


def _halve_depth(values: np.ndarray) -> np.ndarray:
    return ((values.astype(np.uint32) + PER_LEVEL // 2) // PER_LEVEL).astype(np.uint8)


def _stack_grey(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., np.newaxis], 3, axis=-1)


def read_pixels(content: bytes) -> np.ndarray:
    """Pixels of a file of an ordinary image, (y, x, rgb), uint8."""
    with opened_picture(content) as image:
        return np.array(image.convert("RGB"))


def convert_array(images: np.ndarray, source: PictureSource, notes: Counter[str]) -> np.ndarray:
    """Images of an array as pixels of 8 bits.

    Parameters
    ----------
    images
        (image, row, column) grey or (image, row, column, 3 or 4) colours: uint8 as they are, bool
        (true is white), uint16 (65535 is white), any other numbers with ``range``.
    source
        Its name, and the options.
    notes
        Receives what was converted, with the number of images.

    Raises
    ------
    UserError
        The shape is another, or the type needs a range.
    """
    shape = images.shape[1:]
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))):
        raise UserError(
            f"{source.name}: an image is {tuple(shape)} of {images.dtype}, expected (row, column) "
            "grey or (row, column, 3 or 4) colour values; correct the axes"
        )
    if source.pictures.range is not None:
        if images.dtype.kind not in "biuf":
            raise UserError(f"{source.name}: {images.dtype} is no type of numbers; convert it")
        return np.stack([_scale(image, source) for image in images])
    if images.dtype == np.uint8:
        return images
    if images.dtype == bool:
        notes["are logical; true is shown white"] += len(images)
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype == np.uint16:
        notes["have 16 bits; 65535 is shown white"] += len(images)
        return np.stack([_halve_depth(image) for image in images])
    found = f" ({images.min():.6g} to {images.max():.6g})" if images.dtype.kind in "iuf" else ""
    raise source.refuse(
        f"its images are numbers of type {images.dtype}{found}, of which it is not known which is "
        "white",
        "range",
        "[0, 255] or [0, 1], the values of black and white",
    )


class Survey:
    """What the pictures of a whole set are like: repeated ones, few levels.

    Attributes
    ----------
    notes
        What was converted, with the number of images.
    """

    def __init__(self) -> None:
        self.notes: Counter[str] = Counter()
        self._first: dict[bytes, str] = {}
        self._repeated: list[tuple[str, str]] = []
        self._levels: set[int] = set()
        self._number = 0

    def add(self, name: str, pixels: np.ndarray) -> None:
        """Look at one picture, (y, x, rgb), uint8."""
        self._number += 1
        first = self._first.setdefault(calc_pixel_digest(pixels), name)
        if first != name:
            self._repeated.append((first, name))
        if len(self._levels) <= FEW_LEVELS:
            self._levels |= set(np.flatnonzero(np.bincount(pixels.ravel(), minlength=256)).tolist())

    def is_dark(self) -> bool:
        """Whether all pictures have the values 0 and 1 alone, which are both shown black."""
        return self._levels == {0, 1}

    def describe(self) -> Iterator[str]:
        """A line for each kind of thing that a user should know."""
        for what, number in sorted(self.notes.items()):
            yield f"{number} of {self._number} images {what}"
        if self._repeated:
            first, name = self._repeated[0]
            yield (
                f"{len(self._repeated)} of {self._number} images show the same picture as another "
                f"({name} as {first})"
            )
        if 1 < len(self._levels) <= FEW_LEVELS and self._levels != {0, 255}:
            yield (
                f"all images together have {len(self._levels)} levels of 256 "
                f"({min(self._levels)} to {max(self._levels)})"
            )


def calc_pixel_digest(pixels: np.ndarray) -> bytes:
    """Digest of a picture, (y, x, rgb), uint8: equal for files that show the same."""
    found = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    found.update(np.ascontiguousarray(pixels).data)
    return found.digest()


def check_pixels(dtype: np.dtype, shape: tuple[int, ...], name: str) -> None:
    """Refuse pixels that are not uint8, (row, column) or (row, column, 3 or 4)."""
    if dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))):
        raise UserError(
            f"{name}: an image is {tuple(shape)} of {dtype}, expected (row, column) grey or "
            "(row, column, 3 or 4) colour values from 0 to 255 as uint8; convert it"
        )
