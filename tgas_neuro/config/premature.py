"""The section ``premature``: the short training of a candidate.

And the images with classes that networks train on: ``premature.data`` and ``final.data``.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.config.section import Device, Section, SectionError, Text, Unique, UserPath, key


class SimulatedImages(Section):
    """Rendered images of simulated objects."""

    kind: Literal["simulated"] = key("simulated", "Rendered images of 8 classes.", decides=True)
    images_per_class: int = key(
        160,
        "Images of each class in the training split; the validation split has a quarter.",
        decides=True,
        ge=10,
        le=100_000,
    )
    seed: int = key(0, "Seed of objects, poses and backgrounds.", decides=True, ge=0)


class CheckedImages(Section):
    """Images of the user, which are checked before a training."""

    check: Literal["header", "decode"] = key(
        "header",
        "How images are checked before training. header: first and last bytes; decode: whole "
        "images.",
        decides=True,
    )
    max_corrupt: float = key(
        0,
        "Share of a split's images that may be corrupt; they are named and left out.",
        decides=True,
        ge=0,
        le=1,
    )
    images: Pictures | None = key(
        None, "What is shown of images that can be shown in several ways.", decides=True
    )

    def list_unused(self) -> set[str]:
        """Keys that are not given; an older configuration has the digest that it had."""
        return {"images"} if self.images is None else set()


class ImageFolder(CheckedImages):
    """A folder with one folder a class."""

    kind: Literal["image_folder"] = key(..., "A folder with one folder a class.", decides=True)
    path: UserPath = key(
        ...,
        "Folder with train/<class>/<image> and val/..., or a .tar.gz or .zip of it; or with "
        "Tiny-ImageNet's val/images and val/val_annotations.txt.",
        decides=True,
    )
    source: Text | None = key(
        None, "Where they can be had, for the message when they are missing.", decides=False
    )


class Cifar10(Section):
    """CIFAR-10, binary version."""

    kind: Literal["cifar10"] = key(..., "CIFAR-10, for premature.data only.", decides=True)
    root: UserPath = key(..., "Folder that holds cifar-10-batches-bin.", decides=True)


class ImageNet(CheckedImages):
    """ILSVRC2012, complete."""

    kind: Literal["imagenet"] = key(
        ..., "ILSVRC2012, complete; a part of it is an image_folder.", decides=True
    )
    root: UserPath = key(
        ...,
        "Folder that holds train/<WordNet id>, and val/<WordNet id> or val with all images and the "
        "devkit beside it.",
        decides=True,
    )
    devkit: UserPath | None = key(
        None,
        "With all validation images in one folder: folder with meta.mat and "
        "ILSVRC2012_validation_ground_truth.txt; null: <root>/ILSVRC2012_devkit_t12/data.",
        decides=True,
    )
    class_ids: UserPath | None = key(
        None,
        "With all validation images in one folder: file with the 1,000 WordNet ids, one a line, in "
        "the order of the ground truth's numbers; null: as in meta.mat.",
        decides=True,
    )


class TinyImageNet(CheckedImages):
    """Tiny-ImageNet, complete."""

    kind: Literal["tiny_imagenet"] = key(
        ..., "Tiny-ImageNet, complete; a part of it is an image_folder.", decides=True
    )
    root: UserPath = key(..., "Folder that holds train and val.", decides=True)


FinalImages = Annotated[
    SimulatedImages | ImageFolder | ImageNet | TinyImageNet, Field(discriminator="kind")
]
PrematureImages = Annotated[
    SimulatedImages | ImageFolder | Cifar10 | ImageNet | TinyImageNet, Field(discriminator="kind")
]


class NetworkSize(Section):
    """How wide and deep a network is built from a genotype."""

    filters: int = key(
        8, "Filters of the first stage; each later stage has twice as many.", decides=True, ge=1
    )
    cells_per_stage: int = key(1, "Cells of stride 1 in each stage.", decides=True, ge=1)
    stages: int = key(
        3,
        "Stages, between which a cell of stride 2 halves the resolution.",
        decides=True,
        ge=1,
        le=6,
    )
    stem: Literal["cifar", "imagenet"] = key(
        "cifar",
        "cifar: one 3x3 convolution; imagenet: stride 2 and two reduction cells.",
        decides=True,
    )

    def count_halvings(self) -> int:
        """How often stages and stem halve the resolution."""
        return self.stages - 1 + (3 if self.stem == "imagenet" else 0)


# Of fewer, guidance learned takes P.
FEWEST_PROBES = 8


class Probes(Section):
    """Candidates that are trained on, to learn what their first measurements say about later.

    A candidate is probed after its short training and its comparison with the teacher, which it
    does not change.
    """

    share: float = key(
        ...,
        "Probability that a candidate is probed; drawn from search.seed and its genotype.",
        decides=True,
        gt=0,
        le=1,
    )
    epochs: float = key(
        ...,
        "Epochs, counted from the beginning, up to which a probe is trained; above "
        "premature.epochs.",
        decides=True,
        gt=0,
    )


class Premature(Section):
    """The short training of a candidate, on the training split alone."""

    data: PrematureImages = key(
        ...,
        "Images with classes; P is measured on a held-back part of the training split.",
        decides=True,
    )
    image_size: int = key(
        32,
        "Width and height at which candidates train.",
        decides=True,
        unit="pixel",
        ge=8,
        le=512,
    )
    network: NetworkSize = key(
        NetworkSize, "The small network that is built from a genotype.", decides=True
    )
    epochs: float = key(1, "Passes over the training images.", decides=True, gt=0)
    rungs: Annotated[list[Annotated[float, Field(gt=0)]], Unique()] = key(
        [],
        "Epochs, ascending and below epochs, after which a candidate is stopped unless it is among "
        "the best there; [] trains all to the end.",
        decides=True,
        stage="search",
    )
    keep_fraction: float = key(
        0.5,
        "The share of the candidates known at a rung whose worst has to be reached to go on; has "
        "no effect without rungs.",
        decides=True,
        stage="search",
        gt=0,
        lt=1,
    )
    probes: Probes | None = key(
        None,
        "Candidates that are trained on after their short training; guidance learned needs them, "
        "and null trains none.",
        decides=True,
    )
    batch_size: int = key(32, "Images of one step.", decides=True, ge=2)
    learning_rate: float = key(
        0.05,
        "Constant; under a schedule the accuracy of a short training means little.",
        decides=True,
        gt=0,
    )
    momentum: float = key(
        0.9, "Nesterov momentum of stochastic gradient descent.", decides=True, ge=0, lt=1
    )
    weight_decay: float = key(
        0.0001, "Decay of convolution and linear weights, as L2 penalty.", decides=True, ge=0
    )
    held_back: float = key(
        0.1,
        "Share of the training split that is held back to measure P, equal in all classes.",
        decides=True,
        gt=0,
        le=0.5,
    )
    augment: bool = key(True, "Random shifts by an eighth and mirror images.", decides=True)
    threads: int = key(1, "Threads of torch; numbers depend on it.", decides=True, ge=1, le=256)
    device: Device = key(
        "auto", "auto (a GPU if there is one), cpu, cuda or cuda:<n>.", decides=True
    )
    compile: bool = key(
        False,
        "Train with code that torch compiles for each network; this takes minutes at first and "
        "pays only in long trainings.",
        decides=True,
    )

    def list_unused(self) -> set[str]:
        """``keep_fraction`` without rungs, and ``probes`` where there are none."""
        keys = {"keep_fraction": self.rungs, "probes": self.probes}
        return {name for name, needed in keys.items() if not needed}

    @model_validator(mode="after")
    def _check_probes(self) -> "Premature":
        if self.probes is not None and self.probes.epochs <= self.epochs:
            raise SectionError(
                "probes.epochs",
                f"{self.probes.epochs:g} are counted from the beginning and must be more than "
                f"premature.epochs, {self.epochs:g}; raise it",
            )
        return self

    @model_validator(mode="after")
    def _check_rungs(self) -> "Premature":
        rungs, epochs = self.rungs, self.epochs
        if rungs != sorted(rungs) or any(rung >= epochs for rung in rungs):
            raise SectionError(
                "rungs",
                f"{rungs}; expected ascending numbers of epochs below premature.epochs, {epochs:g}",
            )
        return self
