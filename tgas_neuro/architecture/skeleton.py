"""The skeleton: how wide and deep a network is built from a genotype, and for which images."""

from dataclasses import dataclass

from tgas_neuro.runtime.errors import UserError, check_choice

STEMS = ("cifar", "imagenet")
DOWNSAMPLING = ("between", "within")


@dataclass(frozen=True)
class Skeleton:
    """The size of a network.

    Chains have no cells: `cells_per_stage`, `stages` and `downsampling` play no part there. The
    numbers of NAS-Bench-201 are 16 filters, 5 cells a stage, 3 stages, 32 pixels.

    Attributes
    ----------
    filters
        F, the channels of every block in the first stage; doubled from stage to stage. In a chain
        of a layer of width 1.
    cells_per_stage
        N, see `downsampling`.
    stages
        Stages of equal spatial size; between two, width and height are halved (rounded up).
    n_classes
        Outputs of the linear layer.
    image_size
        Height and width of the input [px]; need not be even.
    channels
        Channels of the input.
    stem
        "cifar": convolution 3x3 of stride 1. "imagenet": for cells, convolution 3x3 of stride 2,
        not padded, and two cells of stride 2 with F/4 and F/2 filters (as NASNet and PNASNet-5);
        elsewhere two convolutions 3x3 of stride 2 (see `build_stem_layout`).
    stem_filters
        Channels of the stem's first convolution; None is 3 F for "cifar", 96 for "imagenet", and F
        and F/2 elsewhere than in cells.
    downsampling
        "between": a cell of stride 2 between two stages of N cells each (NASNet). "within":
        the first of the N cells of a later stage has stride 2 (PNASNet-5 as released). In
        NAS-Bench-201 a residual block takes the place of that cell.

    Raises
    ------
    UserError
        A number below 1, or a choice that does not exist.
    """

    filters: int
    cells_per_stage: int
    stages: int
    n_classes: int
    image_size: int
    channels: int = 3
    stem: str = "cifar"
    stem_filters: int | None = None
    downsampling: str = "between"

    def __post_init__(self):
        numbers = ("filters", "cells_per_stage", "stages", "n_classes", "image_size", "channels")
        for name in numbers if self.stem_filters is None else (*numbers, "stem_filters"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UserError(f"{name}: {value!r} is not an integer of at least 1")
        check_choice("stem", self.stem, STEMS)
        check_choice("downsampling", self.downsampling, DOWNSAMPLING)
        if self.stem == "imagenet" and self.image_size < 3:
            raise UserError(f"image_size: {self.image_size}; the imagenet stem needs at least 3")
        if self.stem == "imagenet" and self.filters < 8:
            raise UserError(
                f"filters: {self.filters}; the imagenet stem halves a quarter of them, so that it "
                "needs at least 8"
            )
