"""What a result is to be cited with: the method, the software, recordings and images."""

from collections.abc import Iterable
from pathlib import Path

from tgas_neuro import __version__
from tgas_neuro.config.configuration import Configuration
from tgas_neuro.recordings.datasets.data_set import DESCRIPTIONS
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.report.facts import Citation, TeacherFacts
from tgas_neuro.runtime.errors import UserError

METHOD = Citation(
    "the method",
    "Bashivan, Tensen, DiCarlo (2019). Teacher Guided Architecture Search. IEEE/CVF International "
    "Conference on Computer Vision (ICCV)",
    "arXiv:1808.01405",
    "",
)
IMAGES = {
    "imagenet": Citation(
        "ImageNet",
        "Russakovsky et al. (2015). ImageNet Large Scale Visual Recognition Challenge. "
        "International Journal of Computer Vision 115, 211-252",
        "https://www.image-net.org",
        "terms of access of ImageNet",
    ),
    "tiny_imagenet": Citation(
        "Tiny-ImageNet",
        "Le, Yang (2015). Tiny ImageNet Visual Recognition Challenge. CS 231N, Stanford University",
        "",
        "terms of access of ImageNet",
    ),
    "cifar10": Citation(
        "CIFAR-10",
        "Krizhevsky (2009). Learning Multiple Layers of Features from Tiny Images. Technical "
        "report, University of Toronto",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        "",
    ),
}
OWN = "images of a folder: cite their source"


def list_citations(
    root: Path, configuration: Configuration | None, teacher: TeacherFacts | None
) -> tuple[Citation, ...]:
    """The method, the software, every data set of recordings, and the images.

    Parameters
    ----------
    root
        The folder of the run, whose ``neural_data`` comes first, before those of the working
        directory and of the project.
    configuration
        Of the run; without it, the images are left out.
    teacher
        Of the run; its data sets are taken where the configuration is not known.
    """
    software = Citation(
        "the software", f"tgas-neuro {__version__}, the tgas-neuro developers", "", "MIT"
    )
    found = [METHOD, software]
    found += [_cite_recordings(root, name) for name in _list_datasets(configuration, teacher)]
    if configuration is not None and configuration.teacher.network is not None:
        model = configuration.teacher.network.model
        found.append(Citation(model, f"the teacher's network {model}: cite its source", "", ""))
    kinds: Iterable[str] = []
    if configuration is not None:
        kinds = (configuration.premature.data.kind, configuration.final.data.kind)
    for kind in dict.fromkeys(kinds):
        if kind in IMAGES:
            found.append(IMAGES[kind])
        elif kind == "image_folder":
            found.append(Citation("images", OWN, "", ""))
    return tuple(found)


def _list_datasets(
    configuration: Configuration | None, teacher: TeacherFacts | None
) -> dict[str, None]:
    """Names of data sets, each once."""
    if configuration is not None:
        regions = configuration.recordings.regions.values()
        return dict.fromkeys(
            name for region in regions for name in (*region.datasets, *region.ceiling_from)
        )
    return dict.fromkeys(
        name for region in (teacher.regions if teacher else ()) for name in region.datasets
    )


def _cite_recordings(root: Path, name: str) -> Citation:
    try:
        folders = [root / "neural_data", *DESCRIPTIONS]
        found = load_description(name, folders)
    except UserError:
        return Citation(name, "its description is not in neural_data any more", "", "")
    return Citation(name, f"{found.citation.strip()}. {found.title}", found.source, found.license)
