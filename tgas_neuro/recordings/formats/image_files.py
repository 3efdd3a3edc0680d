"""Images of a stimulus set: from an archive or a folder, or encoded from pixels."""

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tgas_neuro.recordings.formats.archives import read_members
from tgas_neuro.runtime.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def read_image_files(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Yield (plain file name, bytes) of each image of a folder or of a zip or tar archive.

    Folders inside are passed through and left out of the names; files that are no images by
    their ending are skipped.

    Raises
    ------
    UserError
        The archive is missing or broken, or two folders hold an image of the same name.
    """
    seen: dict[str, str] = {}
    members = _read_folder(Path(path)) if Path(path).is_dir() else read_members(path)
    for member, content in members:
        name = member.rsplit("/", 1)[-1]
        if not name.lower().endswith(ENDINGS):
            continue
        if name in seen:
            raise UserError(
                f"{path}: image {name!r} is there twice, as {seen[name]} and {member}; rename one"
            )
        seen[name] = member
        yield name, content


def _read_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def list_image_files(path: str | Path) -> list[str]:
    """Names of the images in the order of the alphabet, where that order is beyond doubt.

    Raises
    ------
    UserError
        There are none, or the order of the alphabet is not that of the numbers in the names
        (image10.png before image2.png): which stimulus is which must then be said.
    """
    names = sorted(name for name, _ in read_image_files(path))
    if not names:
        raise UserError(f"{path}: no images; their names end in {', '.join(ENDINGS)}")
    numeric = sorted(names, key=split_numbers)
    if names != numeric:
        place = next(k for k, name in enumerate(names) if name != numeric[k])
        raise UserError(
            f"{path}: the order of the images is not clear, {names[place]} or {numeric[place]} as "
            f"number {place + 1}; give the file names in options.stimuli.filename"
        )
    return names


def split_numbers(name: str) -> list[tuple[int, int | str]]:
    """Key of the order in which image2 comes before image10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def encode_png(pixels: np.ndarray) -> bytes:
    """Bytes of a PNG file of (row, column) grey or (row, column, 3 or 4) colour values, uint8."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="png")
    return file.getvalue()


def encode_images(
    filenames: Iterable[str], images: Iterable[np.ndarray]
) -> Iterator[tuple[str, bytes]]:
    """Yield (filename, bytes of the PNG file), one at a time (see `encode_png`)."""
    for filename, pixels in zip(filenames, images, strict=True):
        yield filename, encode_png(pixels)


def check_pixels(dtype: np.dtype, shape: tuple[int, ...], name: str) -> None:
    """Refuse pixels that are not uint8, (row, column) or (row, column, 3 or 4)."""
    if dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))):
        raise UserError(
            f"{name}: an image is {tuple(shape)} of {dtype}, expected (row, column) grey or "
            "(row, column, 3 or 4) colour values from 0 to 255 as uint8; convert it"
        )
