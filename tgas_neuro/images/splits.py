"""A split of classification data: made, listed in any layout, checked, decoded for the search."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tgas_neuro.images.corruption import find_corrupt, leave_out
from tgas_neuro.images.decoded import Images, decode_cifar10, decode_listing
from tgas_neuro.images.image_folder import ImageFolder, load_image_folder
from tgas_neuro.images.published import (
    DEVKIT,
    is_annotated,
    is_flat,
    load_annotated_validation,
    load_flat_validation,
)
from tgas_neuro.recordings.formats.archives import unpack_archive
from tgas_neuro.runtime.errors import UserError

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
