"""A split decoded once into arrays that all candidates map into memory and share."""

from pathlib import Path

import numpy as np
from PIL import Image

from tgas_neuro.images.cifar10 import read_cifar10
from tgas_neuro.images.image_folder import ImageFolder, load_image_folder
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json, written_whole


def decode_image_folder(folder: Path, size: int, destination: Path, key: str) -> int:
    """Decode the training split of an image folder.

    Parameters
    ----------
    folder
        ``<folder>/<class>/<image>``.
    size
        Width and height [pixel]; the shorter side is scaled to it, the middle of the longer kept.
    destination
        Folder that receives ``images.npy`` (image, y, x, rgb) uint8, ``labels.npy`` (image,)
        int64 and ``classes.json``.
    key
        The key of the configuration that names the images, for messages.

    Returns
    -------
    n_images
    """
    return decode_listing(load_image_folder(folder, "training", key), size, destination)


def decode_listing(listing: ImageFolder, size: int, destination: Path) -> int:
    """Decode the images of a listing (see `decode_image_folder`)."""
    destination.mkdir(parents=True, exist_ok=True)
    shape = (len(listing), size, size, 3)
    with written_whole(destination / "images.npy") as beside:
        images = np.lib.format.open_memmap(beside, mode="w+", dtype=np.uint8, shape=shape)
        for number, path in enumerate(listing.paths):
            images[number] = _decode_square(listing.folder / path, size)
        images.flush()
        del images
    _write_labels(destination, np.array(listing.labels), list(listing.classes), listing.digest)
    return len(listing)


def decode_cifar10(root: Path, size: int, destination: Path) -> int:
    """Copy CIFAR-10's training split from its binary form (see `read_cifar10`)."""
    images, labels, classes, digest = read_cifar10(root)
    destination.mkdir(parents=True, exist_ok=True)
    if size != images.shape[1]:
        resized = [Image.fromarray(image).resize((size, size)) for image in images]
        images = np.stack([np.asarray(image) for image in resized])
    with written_whole(destination / "images.npy") as beside, beside.open("wb") as file:
        np.save(file, images)
    _write_labels(destination, labels, classes, digest)
    return len(images)


def _write_labels(folder: Path, labels: np.ndarray, classes: list[str], digest: str) -> None:
    with written_whole(folder / "labels.npy") as beside, beside.open("wb") as file:
        np.save(file, labels.astype(np.int64))
    write_json(folder / "classes.json", {"classes": classes, "digest": digest})


def _decode_square(path: Path, size: int) -> np.ndarray:
    """One image, (y, x, rgb), uint8."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (size, size))  # JPEGs are decoded at a reduced scale where possible
            width, height = image.size
            scale = size / min(width, height)
            shape = (max(size, round(width * scale)), max(size, round(height * scale)))
            image = image.convert("RGB").resize(shape, Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a readable image ({error}); replace or remove it") from None
    left, top = (shape[0] - size) // 2, (shape[1] - size) // 2
    return np.asarray(image.crop((left, top, left + size, top + size)))


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


def load_classes(folder: str | Path) -> list[str]:
    """Names of the classes of decoded images."""
    return read_json(Path(folder) / "classes.json")["classes"]


def load_images_digest(folder: str | Path) -> str:
    """SHA-256 of what decoded images were made from."""
    return read_json(Path(folder) / "classes.json")["digest"]
