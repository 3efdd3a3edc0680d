"""The section ``final``: the winner, trained at full size."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tgas_neuro.config.premature import FinalImages, NetworkSize
from tgas_neuro.config.section import Device, Matching, Section, SectionError, key
from tgas_neuro.runtime.errors import UserError


class FinalNetworkSize(NetworkSize):
    """How the winner is scaled up."""

    stem_filters: int | None = key(
        None,
        "Channels of the stem's first convolution; null: for cells 3 filters (cifar) or 96 "
        "(imagenet; 32 in the papers' mobile networks), elsewhere filters (cifar) or half of them "
        "(imagenet).",
        decides=True,
        ge=1,
    )
    downsampling: Literal["between", "within"] = key(
        "between",
        "between: a cell of stride 2 between two stages (NASNet); within: the first of a later "
        "stage's cells has stride 2 (PNASNet-5 as released). In nasbench201 it is a residual "
        "block.",
        decides=True,
    )


class Target(Section):
    """The size that the winner is scaled up to."""

    macs: (
        Annotated[int, Field(ge=1, le=10**12)]
        | Annotated[float, Field(ge=1, le=10**12)]
        | Annotated[
            str,
            Matching(
                "^[0-9]+([.][0-9]+)? ?[kMG]?$", "a number, or one with k, M or G, such as 600M"
            ),
        ]
    ) = key(
        ...,
        "Multiply-adds for one image; the widest network with no more of them is taken. A number, "
        "or as in 600M or 0.6G (the mobile setting is below 600M at 224 pixels).",
        decides=True,
    )


class Final(Section):
    """The terminal rule, the winner at full size."""

    data: FinalImages = key(
        ..., "Images with classes, training and validation split.", decides=True
    )
    image_size: int = key(
        32,
        "Width and height of training and evaluation.",
        decides=True,
        unit="pixel",
        ge=8,
        le=1024,
    )
    network: FinalNetworkSize = key(
        FinalNetworkSize,
        "How the winner is scaled up. In space chain filters multiplies the width of every layer; "
        "cells_per_stage, stages and downsampling have no effect.",
        decides=True,
    )
    target: Target | None = key(
        None,
        "The size that the winner is scaled up to; network.filters is then found, and the given "
        "value ignored. null takes network.filters.",
        decides=True,
    )
    drop_path: float = key(
        0,
        "Share of samples that drop an operation of the last cell at the end of the training; it "
        "rises linearly with depth and time from 0 (ScheduledDropPath; the papers' networks have "
        "0.4 for CIFAR-10, 0.3 or 0.4 at large size for ImageNet, 0 at mobile size).",
        decides=True,
        ge=0,
        lt=1,
    )
    auxiliary: float = key(
        0,
        "Weight of the loss of an auxiliary classifier before the last reduction (0.4 in the "
        "papers); 0 builds none.",
        decides=True,
        ge=0,
    )
    epochs: int = key(4, "Passes over the training images.", decides=True, ge=1)
    batch_size: int = key(64, "Images of one step, of all processes together.", decides=True, ge=2)
    micro_batch: int | None = key(
        None,
        "Images that pass the network at once, and whose statistics batch normalisation takes; "
        "their gradients are averaged over a step. A divisor of batch_size, or null: all of it.",
        decides=True,
        ge=2,
    )
    processes: Literal["auto"] | Annotated[int, Field(ge=1)] = key(
        "auto",
        "Processes that train together on this machine: auto (one for each GPU that can have "
        "equally many micro-batches; one on the CPU) or a number.",
        decides=False,
    )
    optimizer: Literal["sgd", "rmsprop"] = key(
        "sgd",
        "sgd: Nesterov momentum; rmsprop: as the papers of NASNet and PNASNet-5, decay 0.9, "
        "epsilon 1.",
        decides=True,
    )
    learning_rate: float = key(
        0.1, "Highest learning rate, after warm-up and before it falls.", decides=True, gt=0
    )
    warmup: float = key(
        0.1,
        "Share of all steps in which the learning rate rises linearly.",
        decides=True,
        ge=0,
        lt=1,
    )
    schedule: Literal["cosine", "exponential"] = key(
        "cosine",
        "How the learning rate falls: cosine, to 0 at the end, or exponential, times decay every "
        "decay_epochs (the papers').",
        decides=True,
    )
    decay: float = key(0.97, "Factor of the exponential schedule.", decides=True, gt=0, le=1)
    decay_epochs: float = key(
        2.4, "Epochs between two steps of the exponential schedule.", decides=True, gt=0
    )
    ema: float | None = key(
        None,
        "Decay of the weights' moving average, which is then evaluated and kept (0.9999 in the "
        "papers), or null: the weights themselves.",
        decides=True,
        gt=0,
        lt=1,
    )
    gradient_clip: float | None = key(
        5.0, "Norm to which longer gradients are cut, or null.", decides=True, gt=0
    )
    momentum: float = key(0.9, "Momentum of the optimiser.", decides=True, ge=0, lt=1)
    weight_decay: float = key(
        0.0005, "Decay of convolution and linear weights, as L2 penalty.", decides=True, ge=0
    )
    label_smoothing: float = key(
        0.1, "Share of a label that is spread over all classes.", decides=True, ge=0, lt=1
    )
    augmentation: Literal["pad_crop", "resized_crop"] = key(
        "pad_crop",
        "pad_crop: shifts by an eighth and mirror images (small images); resized_crop: as for "
        "ImageNet.",
        decides=True,
    )
    evaluate_every: int = key(
        1,
        "Epochs from one validation to the next; there is always one after the last epoch.",
        decides=True,
        ge=1,
    )
    checkpoint_minutes: float = key(
        10,
        "Time between checkpoints within an epoch; there is always one after every epoch.",
        decides=False,
        unit="min",
        gt=0,
    )
    compile: bool = key(
        False,
        "Whether torch.compile makes code of the network: minutes before the first step, then "
        "faster steps.",
        decides=True,
    )
    threads: int = key(
        2, "Threads of torch in each process; numbers depend on it.", decides=True, ge=1, le=256
    )
    memory_mb: float = key(
        2048,
        "Images of a split are decoded once and kept if all fit into this memory, for each split "
        "and in each process.",
        decides=False,
        unit="MB",
        ge=0,
    )
    workers: int = key(0, "Processes that decode images.", decides=False, ge=0)
    device: Device = key(
        "auto", "auto (a GPU if there is one), cpu, cuda or cuda:<n>.", decides=True
    )

    @field_validator("data", mode="before")
    @classmethod
    def _refuse_cifar10(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("kind") == "cifar10":
            raise SectionError(
                "kind",
                "'cifar10' is for premature only; allowed here: simulated, image_folder, imagenet, "
                "tiny_imagenet",
            )
        return data

    def count_micro_batches(self) -> int:
        """Micro-batches of one step, of all processes together."""
        return self.batch_size // (self.micro_batch or self.batch_size)


def check_batches(settings: Final) -> None:
    """Check ``batch_size``, ``micro_batch``, ``processes`` and ``device`` of the section ``final``.

    Raises
    ------
    UserError
        The batch is no multiple of the micro-batch, the processes cannot share the micro-batches
        equally, or several processes would use one GPU.
    """
    size = settings.micro_batch or settings.batch_size
    if settings.batch_size % size:
        raise UserError(
            f"final.micro_batch: {size} images do not divide final.batch_size, "
            f"{settings.batch_size}; make it a divisor, or null for the whole batch at once"
        )
    if settings.processes == "auto":
        return
    check_processes(settings, settings.processes)
    if settings.processes > 1 and ":" in settings.device:
        raise UserError(
            f"final.device: {settings.device} is one GPU, and final.processes "
            f"{settings.processes} would use as many; take cuda, or one process"
        )


def check_processes(settings: Final, processes: int) -> None:
    """Raise `UserError` unless the processes can share the micro-batches of a step equally."""
    number = settings.count_micro_batches()
    if number % processes:
        given = "null, the whole batch" if settings.micro_batch is None else settings.micro_batch
        raise UserError(
            f"final.micro_batch: {given}; a step of {settings.batch_size} images has {number} of "
            f"them, which {processes} processes cannot share equally; set it to "
            f"final.batch_size / (a multiple of {processes}), or change final.processes"
        )
