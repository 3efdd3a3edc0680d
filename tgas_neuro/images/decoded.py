"""The images of a stage, and training splits decoded once, which all candidates map into memory."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.images.image_folder import ImageFolder
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json, written_whole

FEWEST_HELD_BACK = 4  # P has as many values as images on which it is measured
FEW_HELD_BACK = 100  # a standard error of up to 0.05
VALIDATION_SHARE = 4  # simulated validation splits are a quarter of the training split

# Where a run keeps the lists of corrupt images.
CHECKED = "results/images/checked"


@dataclass(frozen=True)
class Images:
    """Where the images of a stage come from.

    Attributes
    ----------
    name
        ``<kind>-<digest>``, the folder of the files that are made from them.
    kind, data
        As in the configuration.
    archive
        The archive to unpack, or None.
    size
        Width and height of simulated images [pixel].
    """

    name: str
    kind: str
    data: dict[str, Any]
    archive: str | None
    size: int

    @property
    def is_made(self) -> bool:
        """Whether a rule renders or unpacks the split folders."""
        return self.kind == "simulated" or self.archive is not None

    def get_split_folder(self, split: str) -> str:
        """Folder of one split, ``train`` or ``val``: ``<folder>/<class>/<image>``."""
        if self.is_made:
            return f"results/images/{self.name}/{split}"
        return str(Path(self.data.get("path") or self.data["root"]) / split)

    @property
    def pictures(self) -> Pictures:
        """What is shown of images that can be shown in several ways."""
        return Pictures(**(self.data.get("images") or {}))

    def count_images_per_class(self, split: str) -> int:
        """Count the images to render for each class of a simulated split."""
        number = self.data["images_per_class"]
        return number if split == "train" else max(1, number // VALIDATION_SHARE)


CIFAR10 = "cifar-10-batches-bin"
CIFAR10_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
CIFAR10_BYTES = 1 + 3 * 32 * 32  # of an image: a label, then red, green and blue planes by rows


def decode_listing(
    listing: ImageFolder,
    size: int,
    destination: Path,
    pictures: Pictures | None = None,
    key: str | None = None,
    report: Callable[[str], None] | None = None,
) -> int:
    """Decode the images of a listing.

    Parameters
    ----------
    listing
        The split.
    size
        Width and height [pixel]; the shorter side is scaled to it, the middle of the longer kept.
    destination
        Folder that receives ``images.npy`` (image, y, x, rgb) uint8, ``labels.npy`` (image,)
        int64 and ``classes.json``.
    pictures, key
        What is shown of images that can be shown in several ways, and the key that chooses it.
    report
        Receives a line for each kind of conversion.

    Returns
    -------
    n_images

    Raises
    ------
    UserError
        An image cannot be read, or all have the values 0 and 1 alone; then no array is written.
    """
    # These load torch, which readers of decoded images may not need.
    from tgas_neuro.images.augmentation import choose_square
    from tgas_neuro.images.pixels import Reading, decode_square

    reading = Reading(pictures=pictures or Pictures(), key=key)
    notes: Counter[str] = Counter()
    brightest = 0
    choose = partial(choose_square, size=size)
    destination.mkdir(parents=True, exist_ok=True)
    shape = (len(listing), size, size, 3)
    with written_whole(destination / "images.npy") as beside:
        images = np.lib.format.open_memmap(beside, mode="w+", dtype=np.uint8, shape=shape)
        for number, path in enumerate(listing.paths):
            images[number] = decode_square(
                listing.folder / path, choose, size, reading, notes=notes
            )
            brightest = max(brightest, int(images[number].max()))
        if brightest == 1:
            raise UserError(
                f"{listing.folder}: all images have the values 0 and 1 alone, which are both shown "
                f"black; set {key or 'images'}.range: [0, 1], the values of black and white"
            )
        images.flush()
        del images
    _write_labels(destination, np.array(listing.labels), list(listing.classes), listing.digest)
    if report is not None:
        for what, number in sorted(notes.items()):
            report(f"Note: {listing.folder}: {number} of {len(listing)} images {what}")
    return len(listing)


def decode_cifar10(root: Path, size: int, destination: Path) -> int:
    """Copy CIFAR-10's training split from its binary version (see `decode_listing`)."""
    images, labels, classes, digest = read_cifar10(root)
    destination.mkdir(parents=True, exist_ok=True)
    if size != images.shape[1]:
        from tgas_neuro.images.pixels import resize_pixels  # loads torch

        images = np.stack([resize_pixels(image, size, size) for image in images])
    with written_whole(destination / "images.npy") as beside, beside.open("wb") as file:
        np.save(file, images)
    _write_labels(destination, labels, classes, digest)
    return len(images)


def read_cifar10(root: Path) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """Read CIFAR-10's training split.

    Parameters
    ----------
    root
        Folder that holds ``cifar-10-batches-bin`` of the "binary version" of the data set; the
        "python version" consists of pickles, which are never loaded.

    Returns
    -------
    images, labels, classes, digest
        (image, y, x, rgb) uint8; (image,); names in the order of the labels; SHA-256 of the files.

    Raises
    ------
    UserError
        A file is missing or has another size.
    """
    folder = root / CIFAR10
    digest, images, labels = hashlib.sha256(), [], []
    for name in CIFAR10_FILES:
        content = _read_cifar10_file(folder / name)
        if len(content) == 0 or len(content) % CIFAR10_BYTES:
            raise UserError(
                f"{folder / name}: {len(content)} bytes is not a multiple of {CIFAR10_BYTES}; "
                "it is truncated or not CIFAR-10's binary version"
            )
        digest.update(content)
        records = np.frombuffer(content, dtype=np.uint8).reshape(-1, CIFAR10_BYTES)
        labels.append(records[:, 0].astype(np.int64))
        images.append(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    classes = _read_cifar10_file(folder / "batches.meta.txt").decode().split()
    return np.concatenate(images), np.concatenate(labels), classes, digest.hexdigest()


def _read_cifar10_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: not readable ({error.strerror}); premature.data.root must hold {CIFAR10}, "
            "CIFAR-10's binary version"
        ) from None


def _write_labels(folder: Path, labels: np.ndarray, classes: list[str], digest: str) -> None:
    with written_whole(folder / "labels.npy") as beside, beside.open("wb") as file:
        np.save(file, labels.astype(np.int64))
    write_json(folder / "classes.json", {"classes": classes, "digest": digest})


def load_decoded(folder: str | Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images (image, y, x, rgb) uint8 mapped into memory, labels (image,), names of the classes."""
    folder = Path(folder)
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: the decoded images are not readable ({error}); delete the folder to have "
            "them decoded again"
        ) from None
    return images, labels, load_classes(folder)


def count_held_back(labels: np.ndarray, share: float) -> int:
    """Training images on which P is measured: the same number of each class, at least one.

    Parameters
    ----------
    labels
        (image,), class numbers.
    share
        In (0, 0.5], of the smallest class.
    """
    _, counts = np.unique(labels, return_counts=True)
    return len(counts) * max(1, round(share * int(counts.min())))


def check_held_back(labels: np.ndarray, share: float, report: Callable[[str], None]) -> None:
    """Say on how few images P will be measured, and refuse fewer than `FEWEST_HELD_BACK`.

    Parameters
    ----------
    labels, share
        See `count_held_back`.
    report
        Receives a line if they are fewer than `FEW_HELD_BACK`.

    Raises
    ------
    UserError
        They are fewer than `FEWEST_HELD_BACK`: P would have so few values that it cannot rank.
    """
    number = count_held_back(labels, share)
    _, counts = np.unique(labels, return_counts=True)
    why = f"the smallest of {len(counts)} classes has {counts.min()} of {len(labels):,} images"
    if number < FEWEST_HELD_BACK:
        raise UserError(
            f"premature.held_back: {share:g}: P would be measured on {number} images ({why}); at "
            f"least {FEWEST_HELD_BACK} are needed: add images of that class, remove it, or raise "
            "the share"
        )
    if number < FEW_HELD_BACK:
        report(
            f"Note: P is measured on {number} held-back images ({why}), in steps of "
            f"{1 / number:.3f}; more images of that class or a higher premature.held_back make it "
            "more precise"
        )


def load_classes(folder: str | Path) -> list[str]:
    """Names of the classes of decoded images."""
    return read_json(Path(folder) / "classes.json")["classes"]


def load_images_digest(folder: str | Path) -> str:
    """SHA-256 of the files that decoded images were made from."""
    return read_json(Path(folder) / "classes.json")["digest"]
