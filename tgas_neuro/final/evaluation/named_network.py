"""A network by name, for the evaluation alone: a run's result, or another one with its weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.launch.distributed import Group
from tgas_neuro.final.launch.job import Job, read_job
from tgas_neuro.final.network.trained import load_trained
from tgas_neuro.final.training.training import load_splits
from tgas_neuro.images.augmentation import AUGMENTATIONS
from tgas_neuro.images.image_folder import ImageFolder
from tgas_neuro.images.source import Images
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.teacher.network.model import build_model
from tgas_neuro.teacher.options import NetworkOptions

# Where published networks are found, and the module that holds a function for each.
LIBRARIES = {"torchvision": "", "timm": "timm.models:"}


@dataclass(frozen=True)
class NamedNetwork:
    """A network and how it sees images.

    Attributes
    ----------
    network
        In evaluation mode.
    size, resize
        Width and height of its input, and length of the shorter side before the cut [pixel].
    exact
        Whether images are read as published networks were evaluated, with Pillow alone.
    load_validation
        Lists the validation split that belongs to it, checked and numbered as in its training;
        None where there is none.
    """

    network: nn.Module
    size: int = 224
    resize: int = 256
    exact: bool = True
    load_validation: Callable[[], ImageFolder] | None = None


def load_named_network(name: str, weights: Path | None) -> NamedNetwork:
    """Load a network.

    Parameters
    ----------
    name
        ``torchvision:<name>``, ``timm:<name>``, ``package.module:function`` (called without
        arguments), or the folder of a final training, ``results/final/<run>``.
    weights
        File with a state dict, read with ``weights_only=True``; None takes what the function
        gives, or the run's own. Nothing is downloaded.

    Raises
    ------
    UserError
        The network is unknown, or the weights are missing or not its.
    """
    if name and Path(name).is_dir():
        return _load_run(Path(name), weights)
    library, _, rest = name.partition(":")
    if library in LIBRARIES:
        if weights is None:
            raise UserError(
                f"--weights: is missing; {name} comes without weights: name a local file with them"
            )
        # timm's names end with the tag of the weights, which are the user's here
        name = LIBRARIES[library] + (rest.partition(".")[0] if library == "timm" else rest)
    elif not rest:
        raise UserError(
            f"--model: {name!r} is neither a folder nor one of torchvision:<name>, timm:<name>, "
            "package.module:function"
        )
    options = NetworkOptions(
        model=name, weights=None if weights is None else str(weights), layers={}
    )
    try:
        return NamedNetwork(build_model(options, seed=0))
    except UserError as error:  # worded for the configuration's keys
        raise UserError(str(error).replace("teacher.network.", "--")) from None


def _load_run(folder: Path, weights: Path | None) -> NamedNetwork:
    job, metrics = read_job(folder / "work" / "job.json"), read_json(folder / "metrics.json")
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
        size,
        view.resized_width,
        exact=False,
        load_validation=lambda: _load_validation(job),
    )


def _load_validation(job: Job) -> ImageFolder:
    alone = Group(0, 1, torch.device("cpu"))
    images = Images(**job.images)
    return load_splits(images, Path(job.checked), alone, None, job.splits)[1]
