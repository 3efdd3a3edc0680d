"""Images with classes that networks train on: ``premature.data`` and ``final.data``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tgas_neuro.config.section import Matching, Section, SectionError, UserPath, key


class Pictures(Section):
    """What is shown of image files that can be shown in several ways."""

    alpha: (
        Annotated[str, Matching("^#[0-9A-Fa-f]{6}$", "a colour in quotes, such as '#808080'")]
        | None
    ) = key(
        None,
        "Colour behind transparent pixels, in quotes, such as '#808080'; without it, images with "
        "transparent pixels are refused.",
        decides=True,
    )
    frame: int | None = key(
        None,
        "Frame that is shown of animated images and of files with several pages, from 0; without "
        "it, they are refused.",
        decides=True,
        ge=0,
    )
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = key(
        None,
        "Values that are shown black and white, such as [0, 1]; needed for images of floating-"
        "point numbers, of whole numbers with more than 16 bits, and of the numbers 0 and 1.",
        decides=True,
    )

    def list_unused(self) -> set[str]:
        """Keys that are not given; an older configuration has the digest that it had."""
        return {name for name in ("alpha", "frame", "range") if getattr(self, name) is None}

    @model_validator(mode="after")
    def _check_range(self) -> "Pictures":
        if self.range is not None and not self.range[0] < self.range[1]:
            raise SectionError("range", f"{self.range}; black must be below white")
        return self


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
