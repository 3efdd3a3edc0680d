"""The command `evaluate`: a named network on a folder of images, by the final stage's own code."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tgas_neuro.final.evaluation.evaluation import Metrics, check_complete, evaluate
from tgas_neuro.final.evaluation.named_network import NamedNetwork, load_named_network
from tgas_neuro.images.data import FolderImages
from tgas_neuro.images.decoding import INTERPOLATIONS, Reading
from tgas_neuro.images.image_folder import ImageFolder
from tgas_neuro.images.imagenet import read_ids
from tgas_neuro.images.layouts import SPLITS, list_split
from tgas_neuro.runtime.devices import choose_device, computing_with, keep_freed_memory
from tgas_neuro.runtime.errors import UserError, check_choice


def evaluate_named(arguments: argparse.Namespace) -> tuple[Metrics, Sequence[str]]:
    """Evaluate what the command's arguments name.

    Returns
    -------
    metrics, classes
        Classes in the order of the network's outputs.

    Raises
    ------
    UserError
        The network, its weights or images are missing, of unknown classes or not as many as
        expected.
    """
    check_choice("--interpolation", arguments.interpolation, INTERPOLATIONS)
    device = choose_device(arguments.device, "--device")
    named = load_named_network(arguments.model, arguments.weights)
    listing = _list(arguments, named)
    size = _choose_size(arguments, named)
    images = FolderImages(listing, size, "none", memory_mb=0, reading=_read(arguments, named))
    keep_freed_memory()
    with computing_with(arguments.threads):
        metrics = evaluate(
            named.network.to(device),
            images,
            len(listing.classes),
            device,
            arguments.batch_size,
            arguments.workers,
        )
    counts = Counter(listing.labels)
    check_complete(
        metrics, [counts[label] for label in range(len(listing.classes))], listing.classes
    )
    return metrics, listing.classes


def _list(arguments: argparse.Namespace, named: NamedNetwork) -> ImageFolder:
    if arguments.images is not None:
        _refuse_both_splits(arguments.images)
        try:
            listing = list_split(arguments.images, "val", "--images", arguments.devkit)
        except UserError as error:  # worded for the keys of a configuration
            raise UserError(str(error).replace("--images.devkit", "--devkit")) from None
    elif named.load_validation is not None:
        listing = named.load_validation()
    else:
        raise UserError("--images: is missing; name the folder of the validation images")
    if arguments.expect is not None and len(listing) != arguments.expect:
        raise UserError(
            f"{listing.folder}: {len(listing):,} images in {len(listing.classes):,} classes, but "
            f"--expect says {arguments.expect:,}; put the missing ones there or correct it"
        )
    if arguments.classes is None:
        return listing
    return number_by(listing, read_ids(arguments.classes, "--classes", listing.classes))


def _refuse_both_splits(folder: Path) -> None:
    """`UserError` for the folder above train/ and val/, which would pass for two classes."""
    if all((folder / split).is_dir() for split in SPLITS):
        raise UserError(
            f"--images: {folder}: holds both splits, {' and '.join(SPLITS)}; name the one to "
            f"evaluate: --images {folder / 'val'}"
        )


def number_by(listing: ImageFolder, classes: Sequence[str]) -> ImageFolder:
    """The listing with its classes numbered by `classes`, of which it may lack some."""
    numbers = {name: number for number, name in enumerate(classes)}
    unknown = [name for name in listing.classes if name not in numbers]
    if unknown:
        raise UserError(
            f"--classes: {len(unknown)} of the {len(listing.classes)} classes of {listing.folder} "
            f"are not among its {len(classes)}, the first {unknown[0]}; give the class of every "
            "output, as the folders are called"
        )
    labels = tuple(numbers[listing.classes[label]] for label in listing.labels)
    return ImageFolder(listing.folder, tuple(classes), listing.paths, labels, listing.digest)


def _choose_size(arguments: argparse.Namespace, named: NamedNetwork) -> int:
    return named.size if arguments.size is None else arguments.size


def _read(arguments: argparse.Namespace, named: NamedNetwork) -> Reading:
    size, resize = _choose_size(arguments, named), arguments.resize
    if resize is None:
        resize = round(size * named.resize / named.size)
    if resize < size:
        raise UserError(f"--resize: {resize} is less than --size {size}; nothing would fill it")
    colours = {
        key: tuple(getattr(arguments, key))
        for key in ("mean", "deviation")
        if getattr(arguments, key) is not None
    }
    if min(colours.get("deviation", (1,))) <= 0:
        raise UserError(f"--deviation: {colours['deviation']}: must be above 0")
    return Reading(
        resize=resize,
        interpolation=arguments.interpolation,
        exact=named.exact and not arguments.fast,
        **colours,
    )
