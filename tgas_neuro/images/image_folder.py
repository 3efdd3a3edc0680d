"""Lists of images with classes, from folders in ImageNet's layout: `<folder>/<class>/<image>`."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tgas_neuro.recordings.formats.archives import ENDINGS
from tgas_neuro.runtime.errors import UserError

SUFFIXES = frozenset(ENDINGS)


@dataclass(frozen=True)
class ImageFolder:
    """The images of one split.

    Attributes
    ----------
    folder
        Where the images are.
    classes
        Names of the classes, sorted; a label is an index into them.
    paths
        Relative to `folder`, sorted within each class.
    labels
        One per path, in [0, len(classes)).
    digest
        SHA-256 of relative paths and file sizes, 64 hexadecimal digits. The contents are not
        digested, since ImageNet has 150 GB.
    others
        Files of other endings that lie among the images, relative to `folder`.
    """

    folder: Path
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    digest: str
    others: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)


def load_image_folder(folder: str | Path, split: str, key: str) -> ImageFolder:
    """List the images of one split.

    Parameters
    ----------
    folder
        Holds one folder per class. Images may be in folders below, as in Tiny-ImageNet's
        ``<class>/images/``. Hidden files and suffixes that are not in `SUFFIXES` are ignored.
    split
        ``"training"`` or ``"validation"``, for messages.
    key
        The key of the configuration that names the images, for messages.

    Raises
    ------
    UserError
        The folder is missing, holds no class, or a class holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(
            f"{folder}: the {split} images are missing: no such folder; it must hold one folder "
            f"per class, each with its images: put it there or change {key}"
        )
    classes = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."
    )
    if not classes:
        raise UserError(
            f"{folder}: no class folders among the {split} images; expected "
            f"<folder>/<class>/<image> as in ImageNet: change {key} or sort the images"
        )
    found: list[Found] = []
    others: list[str] = []
    for label, name in enumerate(classes):
        images = list_images(folder, name, others)
        if not images:
            raise UserError(
                f"{folder / name}: no image ({', '.join(sorted(SUFFIXES))}) in this class of the "
                f"{split} images; add some or remove the folder"
            )
        found += [Found(label, path, size) for path, size in images]
    return replace(build_listing(folder, classes, found), others=tuple(others))


class Found(NamedTuple):
    """An image of a split: number of its class, path relative to the folder, size [byte]."""

    label: int
    path: str
    size: int


def build_listing(
    folder: Path, classes: Sequence[str], found: Iterable[Found], labelled: bool = False
) -> ImageFolder:
    """Sort images by class and then by path, and digest them.

    Parameters
    ----------
    folder
        Where the images are.
    classes
        Sorted names.
    found
        In any order.
    labelled
        Whether classes come from a table beside the images. If so they are digested as well;
        otherwise they are part of the path.
    """
    found, digest = sorted(found), hashlib.sha256()
    for label, path, size in found:
        name = f"{classes[label]}\0" if labelled else ""
        digest.update(f"{name}{path}\0{size}\n".encode())
    return ImageFolder(
        folder,
        tuple(classes),
        tuple(path for _, path, _ in found),
        tuple(label for label, _, _ in found),
        digest.hexdigest(),
    )


def list_images(folder: Path, name: str, others: list[str] | None = None) -> list[tuple[str, int]]:
    """List pairs (path relative to `folder`, size [byte]) of one class, sorted.

    Files of other endings are added to `others`.
    """
    found = []
    for parent, folders, files in os.walk(folder / name, followlinks=True):
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        for file in files:
            if file[0] == ".":
                continue
            path = Path(parent, file)
            place = path.relative_to(folder).as_posix()
            if path.suffix.lower() in SUFFIXES:
                found.append((place, path.stat().st_size))
            elif others is not None:
                others.append(place)
    return sorted(found)


def match_classes(validation: ImageFolder, training: ImageFolder) -> ImageFolder:
    """Give the classes of `validation` their numbers in `training`, which must have all of them."""
    numbers = {name: number for number, name in enumerate(training.classes)}
    unknown = [name for name in validation.classes if name not in numbers]
    if unknown:
        shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        raise UserError(
            f"{validation.folder}: {len(unknown)} of its {len(validation.classes)} classes are not "
            f"among the {len(training.classes)} training classes of {training.folder}: {shown}; "
            "both splits must use the same class names"
        )
    labels = tuple(numbers[validation.classes[label]] for label in validation.labels)
    return ImageFolder(
        validation.folder, training.classes, validation.paths, labels, validation.digest
    )
