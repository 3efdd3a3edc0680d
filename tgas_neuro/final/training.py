"""The final training: the best genotype at full size, trained, checkpointed and evaluated."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import nn

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.architecture.complexity import calc_complexity
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.classification.image_folder import ImageFolder, load_image_folder, match_classes
from tgas_neuro.devices import (
    choose_device,
    computing_with,
    keep_freed_memory,
    measure_peak_memory,
)
from tgas_neuro.files import calc_digest
from tgas_neuro.final.checkpoint import write_weights
from tgas_neuro.final.data import FolderImages, build_val_loader
from tgas_neuro.final.epochs import train_epochs
from tgas_neuro.final.evaluation import evaluate
from tgas_neuro.seeds import derive_seed

KEY = "final.data"  # the key of the configuration that names the images, for messages

# Keys of the `final` section on which the weights depend.
DECISIVE = (
    "network",
    "image_size",
    "epochs",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "warmup",
    "gradient_clip",
    "augmentation",
    "threads",
)


def train_final(
    config: dict,
    genotype: Genotype,
    train_folder: Path,
    val_folder: Path,
    folder: Path,
    seed: int,
    report: Callable[[str], None] = print,
    build: Callable[[Genotype, Skeleton, torch.Generator], nn.Module] = build_network,
) -> dict:
    """Train `genotype` at full size and evaluate it on the validation split.

    Called again after a break it goes on after the last whole epoch and gives the same numbers as
    an unbroken run. In `folder` it keeps ``checkpoint.pt``, ``log.csv`` and, at the end,
    ``weights.pt``.

    Parameters
    ----------
    config
        The section ``final`` of the configuration, with all its keys.
    genotype
        The winner of the search.
    train_folder, val_folder
        Image folders, ``<folder>/<class>/<image>``; both are checked before anything is trained.
    folder
        Where checkpoint, log and weights lie.
    seed
        The run's seed; the training's own is derived from it and the genotype's hash.
    report
        Called with a line after each epoch.
    build
        Makes the network; another one in tests.

    Returns
    -------
    dict
        ``top1, top5, top1_interval, loss, n_images, n_classes`` of the validation split,
        ``n_train_images, params, macs, epochs, digests``, and ``cost`` and ``dates``, which alone
        may differ between two runs.

    Raises
    ------
    UserError
        Images are missing, unreadable or of unknown classes; the loss is not finite.
    """
    started = datetime.now(UTC)
    keep_freed_memory()
    device = choose_device(config["device"], "final.device")
    training = load_image_folder(train_folder, "training", KEY)
    validation = match_classes(load_image_folder(val_folder, "validation", KEY), training)
    skeleton = Skeleton(
        **config["network"], n_classes=len(training.classes), image_size=config["image_size"]
    )
    seed = derive_seed(seed, "final", genotype.hash)
    identity = calc_identity(config, genotype.hash, seed, training, device)
    with computing_with(config["threads"]):
        train_images, val_images = _load_images(config, training, validation, seed)
        network = build(genotype, skeleton, _derive_torch_generator(seed))
        network = network.to(device, memory_format=torch.channels_last)
        log = train_epochs(config, network, train_images, Path(folder), identity, device, report)
        val_loader = build_val_loader(val_images, config["batch_size"], config["workers"])
        metrics = evaluate(network, val_loader, device)
    write_weights(Path(folder) / "weights.pt", network.state_dict())
    complexity = calc_complexity(genotype, skeleton)
    return metrics.to_dict() | {
        "n_train_images": len(training),
        "params": complexity.params,
        "macs": complexity.macs,
        "epochs": config["epochs"],
        "digests": {"training_images": training.digest, "validation_images": validation.digest},
        "cost": {
            "images_seen": sum(entry.images for entry in log),
            "seconds": round(sum(entry.seconds for entry in log), 1),
            "peak_memory_mb": round(measure_peak_memory(device), 1),
            "device": device.type,
        },
        "dates": {"started": started.isoformat(), "ended": datetime.now(UTC).isoformat()},
    }


def calc_identity(
    config: dict, genotype_hash: str, seed: int, training: ImageFolder, device: torch.device
) -> str:
    """Digest of everything that the trained weights depend on, 64 hexadecimal digits."""
    return calc_digest(
        {
            "config": {key: config[key] for key in DECISIVE},
            "genotype": genotype_hash,
            "seed": seed,
            "training_images": training.digest,
            "device": device.type,
            "results_version": RESULTS_VERSION,
        }
    )


def _derive_torch_generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, "weights"))


def _load_images(
    config: dict, training: ImageFolder, validation: ImageFolder, seed: int
) -> tuple[FolderImages, FolderImages]:
    size, augmentation, memory_mb = (
        config[key] for key in ("image_size", "augmentation", "memory_mb")
    )
    return (
        FolderImages(training, size, augmentation, seed, memory_mb=memory_mb),
        FolderImages(validation, size, augmentation, memory_mb=memory_mb),
    )
