"""Image files in archives and folders, and pixels as the bytes of image files."""

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tgas_neuro.recordings.formats.archives import open_members, read_member
from tgas_neuro.runtime.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")


def read_image_files(
    path: str | Path, wanted: Collection[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (plain file name, bytes) of each image of a folder or of a zip or tar archive.

    Names are without folders; files whose ending is not that of an image are skipped. With
    `wanted`, only images of these names are read; of others two may have the same name.

    Raises
    ------
    UserError
        The archive is missing or broken, or two folders hold an image of the same name.
    """
    seen: dict[str, str] = {}
    for member, read in _open_images(Path(path)):
        name = member.rsplit("/", 1)[-1]
        if wanted is not None and name not in wanted:
            continue
        if name in seen:
            raise UserError(
                f"{path}: image {name!r} is there twice, as {seen[name]} and {member}; rename one"
            )
        seen[name] = member
        yield name, read()


def count_image_files(path: str | Path) -> Counter[str]:
    """Plain names of the images of a folder or an archive, and how often each is there."""
    return Counter(member.rsplit("/", 1)[-1] for member, _ in _open_images(Path(path)))


def _open_images(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name inside the folder or archive of each image, and what reads it before the next one."""
    if path.is_dir():
        for found in sorted(path.rglob("*")):
            member = found.relative_to(path).as_posix()
            hidden = found.name.startswith(".")
            if member.lower().endswith(ENDINGS) and not hidden and found.is_file():
                yield member, found.read_bytes
        return
    for name, file in open_members(path):
        if name.lower().endswith(ENDINGS):
            yield name, partial(read_member, path, file)


def list_image_files(path: str | Path) -> list[str]:
    """Names of the images in alphabetical order.

    Raises
    ------
    UserError
        There are none, or the order is ambiguous: the alphabetical order is not the order of the
        numbers in the names (image10.png comes before image2.png).
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
    """Sort key that puts image2 before image10."""
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
