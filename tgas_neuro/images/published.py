"""ImageNet and Tiny-ImageNet as published: validation images in one folder, classes in a table."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from tgas_neuro.images.image_folder import Found, ImageFolder, build_listing, list_images
from tgas_neuro.runtime.errors import UserError

DEVKIT = "ILSVRC2012_devkit_t12/data"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"
NAME = "ILSVRC2012_val_{:08d}.JPEG"
TINY_TABLE = "val_annotations.txt"
TINY_IMAGES = "images"
WAY_OUT = (
    "put the devkit's data folder there, name it in {key}.devkit, or sort the images into "
    "val/<WordNet id>/"
)


def is_flat(folder: Path) -> bool:
    """Whether `folder` itself holds validation images, not folders of classes."""
    return folder.is_dir() and any(
        entry.name.startswith("ILSVRC2012_val_") for entry in folder.iterdir()
    )


def load_flat_validation(folder: Path, devkit: Path, ids: Path | None, key: str) -> ImageFolder:
    """List the validation images that the devkit's ground truth labels.

    Parameters
    ----------
    folder
        Holds ``ILSVRC2012_val_00000001.JPEG`` and so on. Line k of the ground truth labels image k.
    devkit
        Folder with ``ILSVRC2012_validation_ground_truth.txt``, numbers from 1 to 1,000.
    ids
        File with the WordNet id of each number, one a line; None reads ``meta.mat`` of the devkit.
    key
        The key of the configuration that names the images, for messages.

    Returns
    -------
    ImageFolder
        Classes are the sorted WordNet ids. Labels are numbered as those of the training folders,
        not as in the devkit.

    Raises
    ------
    UserError
        A table is missing or not as expected, or images are missing.
    """
    names = read_ids(ids, f"{key}.class_ids") if ids else read_meta(devkit / "meta.mat", key)
    truth = _read_truth(devkit / TRUTH, len(names), key)
    found = dict(list_images(folder, "."))
    missing = [number for number in range(1, len(truth) + 1) if NAME.format(number) not in found]
    if missing:
        raise UserError(
            f"{folder}: {len(missing):,} of the {len(truth):,} validation images of {TRUTH} are "
            f"missing, the first {NAME.format(missing[0])}; unpack ILSVRC2012_img_val.tar again"
        )
    classes = sorted(names)
    numbers = {name: label for label, name in enumerate(classes)}
    paths = [NAME.format(number) for number in range(1, len(truth) + 1)]
    images = [
        Found(numbers[names[number - 1]], path, found[path])
        for path, number in zip(paths, truth, strict=True)
    ]
    return build_listing(folder, classes, images, labelled=True)


def read_meta(path: Path, key: str) -> list[str]:
    """Read WordNet ids in the order of the devkit's numbers, which begin at 1.

    ``meta.mat`` also holds inner synsets of WordNet; only those without children are classes.
    """
    try:
        with path.open("rb") as file:  # scipy has another message for a missing file
            synsets = np.atleast_1d(loadmat(file, squeeze_me=True)["synsets"])
        leaves = {
            int(synset["ILSVRC2012_ID"]): str(synset["WNID"])
            for synset in synsets
            if int(synset["num_children"]) == 0
        }
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {WAY_OUT.format(key=key)}") from None
    except (ValueError, KeyError, IndexError, TypeError, NotImplementedError, OSError) as error:
        raise UserError(
            f"{path}: not the devkit's table of synsets ({error}); unpack the devkit again, or "
            f"give the ids as text in {key}.class_ids"
        ) from None
    if sorted(leaves) != list(range(1, len(leaves) + 1)):
        raise UserError(
            f"{path}: the numbers of its {len(leaves)} classes are not 1 to {len(leaves)}; unpack "
            "the devkit again"
        )
    return [leaves[number] for number in sorted(leaves)]


def read_ids(path: Path, key: str, wanted: Collection[str] = ()) -> list[str]:
    """Read WordNet ids, or other names of classes, one a line.

    A name is the first word of its line; a description may follow. If `wanted` is given, a name is
    the whole line unless more of `wanted` are first words.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{key}: {path}: not readable ({error})") from None
    whole = [line.strip() for line in lines if line.strip()]
    first = [line.split()[0] for line in whole]
    names = max(whole, first, key=lambda names: len({*wanted} & {*names})) if wanted else first
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or not names:
        what = f"{twice!r} is there twice" if names else "it is empty"
        raise UserError(f"{key}: {path}: {what}; expected each class once, one a line")
    return names


def _read_truth(path: Path, n_classes: int, key: str) -> list[int]:
    """Read the number of each image's class, which begins at 1."""
    try:
        truth = [int(line) for line in path.read_text(encoding="utf-8").split()]
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file, and the validation images are in one folder; "
            f"{WAY_OUT.format(key=key)}"
        ) from None
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path}: not a list of numbers ({error}); unpack the devkit again"
        ) from None
    wrong = [number for number in truth if not 1 <= number <= n_classes]
    if wrong or not truth:
        what = f"{wrong[0]} is not in 1 to {n_classes}" if wrong else "it is empty"
        raise UserError(f"{path}: {what}; unpack the devkit again, or correct {key}.class_ids")
    return truth


def is_annotated(folder: Path) -> bool:
    """Whether a validation folder has Tiny-ImageNet's table."""
    return (folder / TINY_TABLE).is_file()


def load_annotated_validation(folder: Path) -> ImageFolder:
    """List the images of ``images/`` that ``val_annotations.txt`` labels.

    Parameters
    ----------
    folder
        Each row of its table holds the name of a file, its class and a box, separated by tabs. The
        box is not read.

    Raises
    ------
    UserError
        A row cannot be read, or the table and the folder do not hold the same images.
    """
    path, names = folder / TINY_TABLE, {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        columns = line.split("\t")
        if not line.strip():
            continue
        if len(columns) < 2 or columns[0] in names:
            raise UserError(
                f"{path}: line {number}: {line[:60]!r}; expected <file><tab><class>, each file once"
            )
        names[columns[0]] = columns[1].strip()
    found = {Path(name).name: (name, size) for name, size in list_images(folder, TINY_IMAGES)}
    for what, one, other in (
        (f"of the images in {path.name} are not in {TINY_IMAGES}/", names, found),
        (f"of the images in {TINY_IMAGES}/ are not in {path.name}", found, names),
    ):
        missing = sorted(name for name in one if name not in other)
        if missing:
            raise UserError(
                f"{folder}: {len(missing):,} {what}, the first {missing[0]}; unpack the data set "
                "again"
            )
    if not names:
        raise UserError(f"{path}: holds no image; unpack the data set again")
    classes = sorted(set(names.values()))
    numbers = {name: label for label, name in enumerate(classes)}
    images = [Found(numbers[name], *found[file]) for file, name in names.items()]
    return build_listing(folder, classes, images, labelled=True)
