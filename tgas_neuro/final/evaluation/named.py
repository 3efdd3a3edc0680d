"""The command `evaluate`: measure a network by name on a folder of images, as the final stage does.

The network is the result of a run, or another network with its weights.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.recordings import Pictures
from tgas_neuro.final.evaluation.evaluation import Metrics, check_complete, evaluate
from tgas_neuro.final.evaluation.published import (
    DEFAULTS,
    Settings,
    find_timm_settings,
    find_torchvision_settings,
)
from tgas_neuro.final.launch.job import Job, read_job
from tgas_neuro.final.launch.processes import Group
from tgas_neuro.final.network.network import load_trained
from tgas_neuro.final.training.training import load_splits
from tgas_neuro.images.augmentation import AUGMENTATIONS
from tgas_neuro.images.data import FolderImages
from tgas_neuro.images.decoded import Images
from tgas_neuro.images.image_folder import ImageFolder
from tgas_neuro.images.pixels import INTERPOLATIONS, READING, Reading
from tgas_neuro.images.published import read_ids
from tgas_neuro.images.splits import SPLITS, list_split
from tgas_neuro.recordings.formats.names import ORDERS, sort_names
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.devices import choose_device, computing_with, keep_freed_memory
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.files import read_json, written_whole
from tgas_neuro.teacher.network.model import build_model

# Libraries of published networks, and the module that holds a function for each network.
LIBRARIES = {"torchvision": "", "timm": "timm.models:"}


@dataclass(frozen=True)
class NamedNetwork:
    """A network and how it sees images.

    Attributes
    ----------
    network
        In evaluation mode.
    settings
        How images become its inputs, as its authors or its run state it.
    exact
        Whether images are read as published networks were evaluated, with Pillow alone.
    load_validation
        Lists the validation split that belongs to it, checked and numbered as in its training;
        None where there is none.
    pictures
        What is shown of images that can be shown in several ways.
    """

    network: nn.Module
    settings: Settings = DEFAULTS
    exact: bool = True
    load_validation: Callable[[], ImageFolder] | None = None
    pictures: Pictures = field(default_factory=Pictures)


@dataclass(frozen=True)
class Evaluated:
    """Result of the command.

    Attributes
    ----------
    metrics
        Accuracy and loss.
    classes
        In the order of the network's outputs.
    used
        How images became inputs.
    """

    metrics: Metrics
    classes: Sequence[str]
    used: Settings


def load_named_network(name: str, weights: Path | None) -> NamedNetwork:
    """Load a network.

    Parameters
    ----------
    name
        ``torchvision:<name>``, ``timm:<name>``, ``package.module:function`` (called without
        arguments), or the folder of a final training, ``results/final/<run>``.
    weights
        File with a state dict, read with ``weights_only=True``; None keeps the weights that the
        function returns, or the run's own. Nothing is downloaded.

    Raises
    ------
    UserError
        The network is unknown, or the weights are missing or belong to another network.
    """
    if name and Path(name).is_dir():
        return _load_run(Path(name), weights)
    library, _, rest = name.partition(":")
    # a tag behind the name tells whose settings to use; the user names the weights themselves
    plain = rest.partition(".")[0]
    if library in LIBRARIES and weights is None:
        raise UserError(
            f"--weights: is missing; {name} comes without weights: name a local file with them"
        )
    if library not in LIBRARIES and not rest:
        raise UserError(
            f"--model: {name!r} is neither a folder nor one of torchvision:<name>, timm:<name>, "
            "package.module:function"
        )
    try:
        model = LIBRARIES[library] + plain if library in LIBRARIES else name
        network = build_model(model, None if weights is None else str(weights), seed=0)
    except UserError as error:  # written for the keys of a configuration
        raise UserError(str(error).replace("teacher.network.", "--")) from None
    if library == "timm":
        return NamedNetwork(network, find_timm_settings(network, rest))
    if library == "torchvision" and weights is not None:
        return NamedNetwork(network, find_torchvision_settings(network, rest, weights))
    return NamedNetwork(network)


def _load_run(folder: Path, weights: Path | None) -> NamedNetwork:
    files = folder / "work" / "job.json", folder / "metrics.json"
    for path in files:
        refuse_changed(path, folder / "metrics.json")
    job, metrics = read_job(files[0]), read_json(files[1])
    try:
        skeleton = Skeleton(**metrics["network"])
        augmentation = AUGMENTATIONS[job.config["augmentation"]]
    except (LookupError, TypeError) as error:
        raise UserError(
            f"{folder}: not a final training of this version ({type(error).__name__}: {error}); "
            "train it again with the workflow, or name another run"
        ) from None
    network = load_trained(
        read_genotype(job.genotype), skeleton, weights or folder / "weights.pt", folder
    )
    size = skeleton.image_size
    view = augmentation.view(size, size, size)
    return NamedNetwork(
        network,
        Settings("the run's", size, view.resized_width, interpolation=READING.interpolation),
        exact=False,
        load_validation=lambda: _load_validation(job),
        pictures=Images(**job.images).pictures,
    )


def _load_validation(job: Job) -> ImageFolder:
    alone = Group(0, 1, torch.device("cpu"))
    images = Images(**job.images)
    return load_splits(images, Path(job.checked), alone, None, job.splits)[1]


def evaluate_named(arguments: argparse.Namespace) -> Evaluated:
    """Evaluate the network that the command's arguments name.

    Raises
    ------
    UserError
        The network, its weights or images are missing, or the images have unknown classes or
        another number than expected.
    """
    if arguments.interpolation is not None:
        check_choice("--interpolation", arguments.interpolation, INTERPOLATIONS)
    device = choose_device(arguments.device, "--device")
    if arguments.order is not None:
        check_choice("--order", arguments.order, ORDERS)
    named = load_named_network(arguments.model, arguments.weights)
    listing = _list_images(arguments, named)
    used = choose_settings(arguments, named.settings)
    reading = Reading(
        used.resize,
        used.interpolation,
        exact=named.exact and not arguments.fast,
        pictures=named.pictures,
        mean=used.mean,
        deviation=used.deviation,
        squashed=used.squashed,
    )
    images = FolderImages(listing, used.size, "none", memory_mb=0, reading=reading)
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
    return Evaluated(metrics, listing.classes, used)


def _list_images(arguments: argparse.Namespace, named: NamedNetwork) -> ImageFolder:
    if arguments.images is not None:
        _refuse_both_splits(arguments.images)
        try:
            listing = list_split(arguments.images, "val", "--images", arguments.devkit)
        except UserError as error:  # written for the keys of a configuration
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
    if arguments.classes is not None:
        if arguments.order is not None:
            raise UserError(
                f"--order: {arguments.order!r} is given with --classes, which has the classes in "
                "their order; leave one out"
            )
        return number_by(listing, read_ids(arguments.classes, "--classes", listing.classes))
    if named.load_validation is not None:  # numbered as in its training
        return listing
    way_out = (
        "give --order name or natural as the classes were numbered in the network's training, or "
        "list the class of each output in --classes"
    )
    order = sort_names(listing.classes, arguments.order, str(listing.folder), "classes", way_out)
    return listing if order == list(listing.classes) else number_by(listing, order)


def _refuse_both_splits(folder: Path) -> None:
    """Raise `UserError` for the folder above train/ and val/, which would count as two classes."""
    if all((folder / split).is_dir() for split in SPLITS):
        raise UserError(
            f"--images: {folder}: holds both splits, {' and '.join(SPLITS)}; name the one to "
            f"evaluate: --images {folder / 'val'}"
        )


def number_by(listing: ImageFolder, classes: Sequence[str]) -> ImageFolder:
    """Number the classes of the listing by their places in `classes`; it may lack some of them."""
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


def choose_settings(arguments: argparse.Namespace, stated: Settings) -> Settings:
    """The stated settings, changed by the options that are given; ``--resize`` ends a squash."""
    keys = ("size", "resize", "interpolation", "mean", "deviation")
    given = {key: getattr(arguments, key) for key in keys if getattr(arguments, key) is not None}
    given |= {key: tuple(given[key]) for key in ("mean", "deviation") if key in given}
    if "resize" in given:
        given["squashed"] = False
    elif "size" in given:
        given["resize"] = stated.scale_resize(given["size"])
    used = replace(stated, **given)
    if used.resize < used.size:
        raise UserError(
            f"--resize: {used.resize} is less than --size {used.size}; nothing would fill it"
        )
    if min(used.deviation) <= 0:
        raise UserError(f"--deviation: {used.deviation}: must be above 0")
    words = ", ".join(f"--{key}" for key in keys if getattr(arguments, key) is not None)
    return replace(used, source=f"{words} as given, else {stated.source}") if words else used


def write_per_class(path: str | Path, metrics: Metrics, classes: Sequence[str]) -> None:
    """Write a CSV row for each class: name, images, hits and their shares (empty of no image)."""
    counts = metrics.per_class
    rows = zip(classes, counts.n_images, counts.top1, counts.top5, strict=True)
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["class", "n_images", "hits1", "hits5", "top1", "top5"])
        for name, n, hits1, hits5 in rows:
            shares = (hits1 / n, hits5 / n) if n else ("", "")
            writer.writerow([name, n, hits1, hits5, *shares])
