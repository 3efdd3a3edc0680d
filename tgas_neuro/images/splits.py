"""A split of classification data: made, listed in any layout, corrupt images left out, decoded."""

import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tgas_neuro.images.decoded import Images, decode_cifar10, decode_listing
from tgas_neuro.images.image_folder import Found, ImageFolder, build_listing, load_image_folder
from tgas_neuro.images.published import (
    DEVKIT,
    is_annotated,
    is_flat,
    load_annotated_validation,
    load_flat_validation,
)
from tgas_neuro.recordings.formats.archives import unpack_archive
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


SPLITS = {"train": "training", "val": "validation"}  # folder, and how messages call it


class Counts(NamedTuple):
    """Images of a split of a published data set."""

    classes: int
    images: int
    fewest: int  # in one class


# ILSVRC2012 as its readme counts it, and Tiny-ImageNet.
PUBLISHED = {
    ("imagenet", "train"): Counts(1000, 1_281_167, 732),
    ("imagenet", "val"): Counts(1000, 50_000, 50),
    ("tiny_imagenet", "train"): Counts(200, 100_000, 500),
    ("tiny_imagenet", "val"): Counts(200, 10_000, 50),
}


def make_split(images: Images, split: str, folder: Path) -> None:
    """Render or unpack the folder of one split; it appears when it is complete.

    Parameters
    ----------
    images
        Simulated ones, or an archive.
    split
        ``train`` or ``val``. The other split is not opened.
    folder
        Receives ``<class>/<image>``.
    """
    if images.archive is not None:
        unpack_archive(images.archive, folder, inside=split)
        return
    # loads scipy and pandas, which the other splits do not need
    from tgas_neuro.simulation.stimuli import simulate_classification_split

    number = images.count_images_per_class(split)
    simulate_classification_split(folder, images.data["seed"], split, number, images.size)


def load_split(
    images: Images,
    split: str,
    key: str,
    checked: Path | None = None,
    report: Callable[[str], None] | None = None,
    folder: str | Path | None = None,
) -> ImageFolder:
    """List the images of one split and check them; the other split is not opened.

    Parameters
    ----------
    images
        Where they come from.
    split
        ``train`` or ``val``.
    key
        The key of the configuration that names them, for messages.
    checked
        Folder that keeps the list of corrupt images; None checks the images every time.
    report
        Called with a line when corrupt images are left out.
    folder
        Where the split is on this machine, if not where `images` says: a rule's input may be a
        copy from an object store.

    Returns
    -------
    ImageFolder
        Classes are sorted by name. ImageNet's WordNet ids sorted are in the order of the outputs of
        published networks. Corrupt images are left out.

    Raises
    ------
    UserError
        Images are missing or not labelled, their number is not that of the published data set, or
        more of them are corrupt than ``max_corrupt`` allows.
    """
    folder = Path(folder or images.get_split_folder(split))
    devkit, ids = (images.data.get(name) for name in ("devkit", "class_ids"))
    listing = list_split(
        folder, split, key, Path(devkit) if devkit else None, Path(ids) if ids else None
    )
    published = PUBLISHED.get((images.kind, split))
    if published is not None:
        _check_counts(listing, published, images.kind, split, key)
    if images.kind == "simulated":
        return listing
    if listing.others and report is not None:
        report(
            f"Note: {key}: {len(listing.others):,} files among the {len(listing):,} "
            f"{SPLITS[split]} images end in no image's ending and are left out, such as "
            f"{min(listing.others)}"
        )
    corrupt = find_corrupt(listing, images.data.get("check", "header"), checked)
    share = images.data.get("max_corrupt", 0)
    whole = leave_out(listing, corrupt, share, SPLITS[split], key)
    if corrupt and report is not None:
        report(
            f"{key}: {len(corrupt):,} of {len(listing):,} {SPLITS[split]} images are corrupt and "
            f"left out: {', '.join(list(corrupt)[:5])}{', ...' if len(corrupt) > 5 else ''}"
            + (f" (all of them in {checked})" if checked is not None else "")
        )
    return whole


def decode_training_split(
    images: Images,
    size: int,
    destination: Path,
    folder: str | Path | None = None,
    checked: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> int:
    """Decode the training split of the search.

    Parameters
    ----------
    images
        Where they come from.
    size, destination
        See `decode_listing`.
    folder, checked, report
        See `load_split`.

    Returns
    -------
    n_images
    """
    if images.kind == "cifar10":
        return decode_cifar10(Path(images.data["root"]), size, destination)
    listing = load_split(images, "train", "premature.data", checked, report, folder)
    key = "premature.data.images"
    return decode_listing(listing, size, destination, images.pictures, key, report)


def list_split(
    folder: Path, split: str, key: str, devkit: Path | None = None, ids: Path | None = None
) -> ImageFolder:
    """List the images of one split in any layout (see `load_split`).

    Parameters
    ----------
    folder
        ``<folder>/<class>/<image>``; for ``val`` also ``<folder>/images/<image>`` with Tiny-
        ImageNet's table, or ImageNet's validation images themselves.
    split, key
        See `load_split`.
    devkit, ids
        See `load_flat_validation`. By default the devkit is beside `folder`.
    """
    if split == "val" and is_annotated(folder):
        return load_annotated_validation(folder)
    if split == "val" and is_flat(folder):
        return load_flat_validation(folder, devkit or folder.parent / DEVKIT, ids, key)
    return load_image_folder(folder, SPLITS[split], key)


def _check_counts(listing: ImageFolder, published: Counts, kind: str, split: str, key: str) -> None:
    found = (len(listing.classes), len(listing))
    if found == published[:2]:
        return
    counts = Counter(listing.labels)
    few = [name for label, name in enumerate(listing.classes) if counts[label] < published.fewest]
    named = f", fewer than {published.fewest} in {len(few)}, the first {few[0]}" if few else ""
    raise UserError(
        f"{listing.folder}: {found[1]:,} {SPLITS[split]} images in {found[0]:,} classes, but "
        f"{kind} has {published.images:,} in {published.classes:,}{named}; put the missing ones "
        f"there, or use a part of it as {{kind: image_folder, path: ...}} in {key}"
    )
