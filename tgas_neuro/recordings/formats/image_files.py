"""Image files in archives and folders, and pixels as the bytes of image files."""

import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tgas_neuro.recordings.formats.archives import open_members, read_member
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.name_order import Order, compose, sort_names

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")


def read_image_files(
    path: str | Path, wanted: Collection[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (plain file name, bytes) of each image of a folder or of a zip or tar archive.

    Names are without folders; files whose ending is not that of an image are skipped. With
    `wanted`, only images of these names are read; of others two may have the same name. Letters
    may be composed in one and decomposed in the other (Unicode NFC and NFD).

    Raises
    ------
    UserError
        The archive is missing or broken, or two folders hold an image of the same name.
    """
    seen: dict[str, str] = {}
    listed = None if wanted is None else {compose(name): name for name in wanted}
    for member, read in _open_images(Path(path)):
        name = member.rsplit("/", 1)[-1]
        if listed is not None:
            if compose(name) not in listed:
                continue
            name = listed[compose(name)]
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


def list_image_files(path: str | Path, order: Order | None = None) -> list[str]:
    """Names of the images in the order in which they are shown (see `sort_names`).

    Raises
    ------
    UserError
        There are none, or the order is ambiguous: common programs sort the names differently
        (image10.png comes before image2.png, Cat.png before apple.png), and `order` is None.
    """
    names = [name for name, _ in read_image_files(path)]
    if not names:
        raise UserError(f"{path}: no images; their names end in {', '.join(ENDINGS)}")
    way_out = (
        "set options.images.order: name or natural as the program sorted that made the responses, "
        "or give the file names in options.stimuli.filename"
    )
    return sort_names(names, order, str(path), "images", way_out)


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
