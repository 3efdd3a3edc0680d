"""The final training: the best genotype at full size, trained, checkpointed and evaluated."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import torch

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.config.final import Final, check_batches
from tgas_neuro.config.recordings import Pictures
from tgas_neuro.config.section import dump_decisive
from tgas_neuro.final.evaluation.evaluation import build_validation
from tgas_neuro.final.launch.processes import Group, StopRequest
from tgas_neuro.final.network.network import FinalNetwork, build_final_network
from tgas_neuro.final.network.scaling import describe_size, find_skeleton
from tgas_neuro.final.training.epochs import Training, find_best
from tgas_neuro.final.training.folder import LogEntry, remove_fragments, write_weights
from tgas_neuro.images.data import FolderImages
from tgas_neuro.images.decoded import Images
from tgas_neuro.images.image_folder import ImageFolder, match_classes
from tgas_neuro.images.pixels import Reading
from tgas_neuro.images.splits import load_split
from tgas_neuro.runtime.devices import (
    choose_device,
    computing_with,
    keep_freed_memory,
    measure_peak_memory,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.runtime.provenance import derive_seed

KEY = "final.data"  # the key of the configuration that names the images, for messages

# Keys that decide numbers, but have no part of their own in the identity of a training: it holds
# what they lead to (images, kind of device, skeleton), or they decide which epochs are measured.
REPLACED = ("data", "device", "image_size", "network", "target", "evaluate_every")

Build = Callable[[Genotype, Skeleton, Final, torch.Generator], FinalNetwork]


class BestEpoch(TypedDict):
    """The epoch with the best validation accuracy, and the images that chose and measured it."""

    epoch: int
    top1: float
    chosen_on: str


class FinalCost(TypedDict):
    """Training images and time [s] of all epochs, memory [MB], device and number of processes."""

    images_seen: int
    seconds: float
    peak_memory_mb: float
    device: str
    processes: int


class FinalMetrics(TypedDict):
    """``metrics.json``: the validation after the last epoch, and how it was reached.

    The keys down to `per_class` are those of `Metrics`. `best` is not the epoch that is reported:
    it is chosen and measured on the same images. Only `cost` and `dates` may differ between two
    runs.
    """

    top1: float
    top5: float
    top1_interval: list[float]
    loss: float
    n_images: int
    n_classes: int
    per_class: dict[str, list[int]]
    best: BestEpoch
    n_train_images: int
    params: int
    macs: int
    network: dict[str, Any]
    epochs: int
    evaluated: str
    digests: dict[str, str]
    cost: FinalCost
    dates: dict[str, str]


def train_final(
    settings: Final,
    genotype: Genotype,
    images: Images,
    folder: Path,
    seed: int,
    report: Callable[[str], None] = print,
    build: Build = build_final_network,
    group: Group | None = None,
    checked: Path | None = None,
    splits: Mapping[str, str | Path] | None = None,
) -> FinalMetrics:
    """Train `genotype` at full size and evaluate it on the validation split.

    Called again after a break, it resumes from the last checkpoint and gives the same numbers as a
    run without a break. It keeps ``checkpoint.pt`` (the last one), ``best.pt``, ``log.csv``,
    ``tensorboard/`` and, at the end, ``weights.pt``.

    Parameters
    ----------
    settings
        The section ``final`` of the configuration, with all its keys.
    genotype
        The winner of the search.
    images
        The two splits; both are checked before anything is trained.
    folder
        Folder of checkpoints, log and weights.
    seed
        The run's seed; the training's own is derived from it and the genotype's hash.
    report
        Called with lines for the user, in the first process.
    build
        Builds the network; tests pass another one.
    group
        The processes that train together; each of them calls this function with the same
        arguments. None: this process alone.
    checked
        Folder that remembers which images are corrupt, see `load_split`.
    splits
        From the split to the folder that a rule made, see `load_split`.

    Raises
    ------
    UserError
        Images are missing, unreadable or of unknown classes; the processes cannot share a batch
        equally; the loss is not finite.
    PreemptedError
        SIGTERM or SIGUSR1 arrived; a checkpoint is written.
    """
    started, folder = datetime.now(UTC), Path(folder)
    keep_freed_memory()
    check_batches(settings)
    group = group or Group(0, 1, choose_device(settings.device, "final.device", claim=True))
    report = report if group.is_first else _say_nothing
    training, validation = load_splits(images, checked, group, report, splits or {})
    skeleton = find_skeleton(settings, genotype, len(training.classes))
    seed = derive_seed(seed, "final", genotype.hash)
    identity = calc_identity(settings, skeleton, genotype.hash, seed, training, group.device)
    if group.is_first:
        remove_fragments(folder)
    report(describe_size(genotype, skeleton, settings.target))
    with computing_with(settings.threads):
        train_images, val_images = _load_images(
            settings, images.pictures, training, validation, seed
        )
        network = build(genotype, skeleton, settings, _derive_torch_generator(seed))
        network = network.to(group.device).to(memory_format=torch.channels_last)
        validate = build_validation(val_images, settings, group)
        run = Training(settings, network, train_images, validate, folder, identity, group, report)
        run.run()
        metrics = run.metrics or validate(run.stepper.result, StopRequest())
    if not math.isfinite(metrics.loss):
        raise UserError(
            f"final.learning_rate: {settings.learning_rate}; after the last epoch the loss on the "
            f"validation images is {metrics.loss}: lower it, or set final.gradient_clip"
        )
    if group.is_first:
        write_weights(folder / "weights.pt", run.stepper.result.state_dict())
    complexity = calc_complexity(genotype, skeleton)
    return {
        **metrics.to_dict(),  # type: ignore[typeddict-item]  # the keys of Metrics
        "best": _describe_best(run.log),
        "n_train_images": len(training),
        "params": complexity.params,
        "macs": complexity.macs,
        "network": asdict(skeleton),
        "epochs": settings.epochs,
        "evaluated": "moving average of the weights" if settings.ema else "weights",
        "digests": {"training_images": training.digest, "validation_images": validation.digest},
        "cost": _describe_cost(run.log, group),
        "dates": {"started": started.isoformat(), "ended": datetime.now(UTC).isoformat()},
    }


def calc_identity(
    settings: Final,
    skeleton: Skeleton,
    genotype_hash: str,
    seed: int,
    training: ImageFolder,
    device: torch.device,
) -> str:
    """Digest of everything that the trained weights depend on, 64 hexadecimal digits.

    It leaves out the number of processes, which changes only the rounding of sums: a run may be
    resumed with another number.
    """
    decisive = {key: value for key, value in dump_decisive(settings).items() if key not in REPLACED}
    return calc_digest(
        {
            "config": decisive | {"micro_batch": settings.micro_batch or settings.batch_size},
            "network": asdict(skeleton),
            "genotype": genotype_hash,
            "seed": seed,
            "training_images": training.digest,
            "device": device.type,
            "results_version": RESULTS_VERSION,
        }
    )


def _say_nothing(line: str) -> None:
    """Replace `report` in all processes but the first."""


def _derive_torch_generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, "weights"))


def load_splits(
    images: Images,
    checked: Path | None,
    group: Group,
    report: Callable[[str], None] | None,
    folders: Mapping[str, str | Path],
) -> tuple[ImageFolder, ImageFolder]:
    """Load the training and the validation split, with the same classes.

    The first process checks the images before the others load them. For the parameters see
    `train_final` and `load_split`.
    """
    if not group.is_first:
        group.wait()
    training, validation = (
        load_split(images, split, KEY, checked, report, folders.get(split))
        for split in ("train", "val")
    )
    if group.is_first:
        group.wait()
    return training, match_classes(validation, training)


def _load_images(
    settings: Final, pictures: Pictures, training: ImageFolder, validation: ImageFolder, seed: int
) -> tuple[FolderImages, FolderImages]:
    size, augmentation = settings.image_size, settings.augmentation
    memory_mb = settings.memory_mb
    reading = Reading(pictures=pictures, key=f"{KEY}.images")
    return (
        FolderImages(training, size, augmentation, seed, memory_mb, reading),
        FolderImages(validation, size, augmentation, None, memory_mb, reading),
    )


def _describe_best(log: list[LogEntry]) -> BestEpoch:
    best = find_best(log)
    assert best is not None  # the last epoch is always validated
    return {"epoch": best[0], "top1": best[1], "chosen_on": "validation images"}


def _describe_cost(log: list[LogEntry], group: Group) -> FinalCost:
    return {
        "images_seen": sum(entry.images for entry in log),
        "seconds": round(sum(entry.seconds + entry.val_seconds for entry in log), 1),
        "peak_memory_mb": round(measure_peak_memory(group.device), 1),
        "device": group.device.type,
        "processes": group.size,
    }
