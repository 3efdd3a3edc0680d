"""Corrupt images are found before training, named, and left out up to a given share."""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from tgas_neuro.images.image_folder import Found, ImageFolder, build_listing
from tgas_neuro.recordings.formats.pictures import BROKEN
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json

TAIL = 1024  # bytes at the end of a file that are searched for the end mark
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


def check_decode(path: Path) -> str | None:
    """Why an image cannot be decoded; None if it can."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            image.load()
    except BROKEN as error:
        return str(error) or type(error).__name__
    return None


def check_header(path: Path) -> str | None:
    """Why an image cannot be decoded, judged by its first and last bytes; None if they look sound.

    An image without the end mark of its format is decoded, and is refused only if that fails.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            with Image.open(file) as image:
                end = ENDS.get(image.format or "")
            file.seek(max(0, path.stat().st_size - TAIL))
            if end is not None and end in file.read():
                return None
    except BROKEN as error:
        return str(error) or type(error).__name__
    return check_decode(path)


CHECKS = {"header": check_header, "decode": check_decode}


def find_corrupt(listing: ImageFolder, check: str, checked: Path | None = None) -> dict[str, str]:
    """Find the corrupt images of a listing: path to what is wrong, in the listing's order.

    Parameters
    ----------
    listing
        The split.
    check
        A key of `CHECKS`.
    checked
        Folder that keeps the result under the listing's digest. Of the same images only the corrupt
        ones are checked again. None keeps nothing.
    """
    kept = None if checked is None else checked / f"{listing.digest[:16]}_{check}.json"
    known = None if kept is None or not kept.is_file() else read_json(kept)["corrupt"]
    # A corrupt image may have been replaced by a sound file of the same size.
    paths = listing.paths if known is None else tuple(known)
    with ThreadPoolExecutor(_count_cores()) as pool:  # reading and decoding run side by side
        found = pool.map(CHECKS[check], [listing.folder / path for path in paths], chunksize=256)
        pairs = zip(paths, found, strict=True)
        corrupt = {path: reason for path, reason in pairs if reason is not None}
    if kept is not None and (known is None or len(corrupt) < len(paths)):
        content = {"folder": str(listing.folder), "n_images": len(listing), "corrupt": corrupt}
        write_json(kept, content)
    return corrupt


def leave_out(
    listing: ImageFolder, corrupt: dict[str, str], max_share: float, split: str, key: str
) -> ImageFolder:
    """The listing without its corrupt images.

    Raises
    ------
    UserError
        They are more than `max_share` of all, or all of a class.
    """
    if not corrupt:
        return listing
    path, reason = next(iter(corrupt.items()))
    first = f"{listing.folder / path} ({reason})"
    if len(corrupt) > max_share * len(listing):
        raise UserError(
            f"{key}.max_corrupt: {len(corrupt):,} of {len(listing):,} {split} images are corrupt, "
            f"more than the share of {max_share:g} that may be left out; the first is {first}; "
            "replace them or raise the share"
        )
    found = [
        Found(label, path, (listing.folder / path).stat().st_size)
        for label, path in zip(listing.labels, listing.paths, strict=True)
        if path not in corrupt
    ]
    emptied = sorted(set(listing.labels) - {image.label for image in found})
    if emptied:
        raise UserError(
            f"{listing.folder}: all {split} images of class {listing.classes[emptied[0]]} are "
            f"corrupt; the first corrupt one is {first}; replace them"
        )
    return build_listing(listing.folder, listing.classes, found, labelled=True)


def _count_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
