"""The section ``premature``: the short training of a candidate."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tgas_neuro.config.images import PrematureImages
from tgas_neuro.config.section import Device, Section, SectionError, Unique, key


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
        """``keep_fraction`` without rungs."""
        return set() if self.rungs else {"keep_fraction"}

    @model_validator(mode="after")
    def _check_rungs(self) -> "Premature":
        rungs, epochs = self.rungs, self.epochs
        if rungs != sorted(rungs) or any(rung >= epochs for rung in rungs):
            raise SectionError(
                "rungs",
                f"{rungs}; expected ascending numbers of epochs below premature.epochs, {epochs:g}",
            )
        return self
