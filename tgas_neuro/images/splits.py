"""The splits of classification data: rendered, unpacked, or the user's own folders."""

from collections.abc import Callable
from pathlib import Path

from tgas_neuro.images.decoded import decode_cifar10, decode_listing
from tgas_neuro.images.layouts import load_split
from tgas_neuro.images.source import Images
from tgas_neuro.recordings.formats.image_files import unpack_archive
from tgas_neuro.simulation.classification import simulate_classification_split


def make_split(images: Images, split: str, folder: Path) -> None:
    """Make the folder of one split, whole or not at all: render it, or unpack it.

    Parameters
    ----------
    images
        ``simulated``, or an archive.
    split
        ``train`` or ``val``. Nothing of the other one is opened.
    folder
        Receives ``<class>/<image>``.
    """
    if images.archive is not None:
        unpack_archive(images.archive, folder, inside=split)
        return
    number = images.count_images_per_class(split)
    simulate_classification_split(folder, images.data["seed"], split, number, images.size)


def decode_training_split(
    images: Images,
    size: int,
    destination: Path,
    folder: str | Path | None = None,
    checked: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> int:
    """Decode the training split once for all candidates; returns the number of images.

    `folder`, `checked` and `report` are those of `load_split`.
    """
    if images.kind == "cifar10":
        return decode_cifar10(Path(images.data["root"]), size, destination)
    return decode_listing(
        load_split(images, "train", "premature.data", checked, report, folder), size, destination
    )
