"""The winner of a run: its trained network, and what a user of it needs to know."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro import __version__
from tgas_neuro.architecture.network import GenotypeNetwork
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import list_modules, read_genotype
from tgas_neuro.final.launch.job import Job, read_job
from tgas_neuro.final.network.network import load_trained
from tgas_neuro.final.result.best_cell import check_part
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.images.augmentation import AUGMENTATIONS
from tgas_neuro.images.decoded import Images
from tgas_neuro.images.pixels import READING
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json


@dataclass(frozen=True)
class Winner:
    """The final network of a run, and what a user of it needs to know.

    Attributes
    ----------
    name
        ``tgas_`` followed by the name of the folder in ``results/final``, as a Python name.
    result
        Content of ``best_cell.json``.
    weights
        File of its state dict.
    network
        With its trained weights, on the CPU, in evaluation mode.
    preprocessing
        How an image becomes an input: ``size`` of the input and ``resize``, the length of the
        shorter side before the middle is cut out [px]; ``interpolation``, ``mean`` and
        ``deviation`` of red, green and blue in [0, 1].
    classes
        Names of the outputs; None if the training images are not there to tell.
    """

    name: str
    result: BestCell
    weights: Path
    network: GenotypeNetwork
    preprocessing: dict[str, Any]
    classes: list[str] | None

    @property
    def skeleton(self) -> Skeleton:
        """The size of the network."""
        return Skeleton(**self.result.final.network.model_dump())

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width [px] of the images."""
        return self.skeleton.channels, self.skeleton.image_size, self.skeleton.image_size

    @property
    def layers(self) -> list[str]:
        """Names of the modules whose outputs are compared with recordings, in their order."""
        return list_modules(read_genotype(self.result.genotype.model_dump()), self.skeleton)

    def describe(self) -> dict[str, Any]:
        """What goes with every format, as JSON."""
        result = self.result
        return {
            "name": self.name,
            "simulated_or_toy": result.simulated_or_toy,
            "preprocessing": self.preprocessing,
            "classes": self.classes,
            "layers": self.layers,
            "region_layer_map": {
                name: region.layer for name, region in result.final.teacher.regions.items()
            },
            "visual_degrees": result.configuration["teacher"]["stimuli"]["visual_degrees"],
            "genotype": result.genotype.model_dump(),
            "skeleton": vars(self.skeleton),
            "top1": result.final.top1,
            "tgas_neuro": __version__,
        }


def load_winner(folder: Path) -> Winner:
    """Load the winner of a finished run.

    Parameters
    ----------
    folder
        ``results/final/<run>``. ``best_cell.json`` in ``results`` must be of this run.

    Raises
    ------
    UserError
        A file is missing, was changed after the run wrote it, or is of another run.
    """
    folder = Path(folder)
    weights = folder / "weights.pt"
    if not weights.is_file():
        raise UserError(
            f"{folder}: holds no weights.pt; name the folder of a finished final training, "
            "results/final/<run>"
        )
    results = folder.resolve().parent.parent
    path = results / "best_cell.json"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the workflow to its end, it writes the file")
    result = check_part(BestCell, read_json(path))
    if Path(result.files.weights).parts[-2:] != (folder.resolve().name, "weights.pt"):
        raise UserError(
            f"{folder}: {path} is of another run, {Path(result.files.weights).parent}; name that "
            "one, or run the workflow with the configuration of this one: it writes the file again "
            "and trains nothing"
        )
    refuse_changed(path)
    skeleton = Skeleton(**result.final.network.model_dump())
    genotype = read_genotype(result.genotype.model_dump())
    job = folder / "work" / "job.json"
    refuse_changed(job, folder / "metrics.json")
    return Winner(
        "tgas_" + "".join(one if one.isalnum() else "_" for one in folder.resolve().name),
        result,
        weights,
        load_trained(genotype, skeleton, weights, folder),
        describe_preprocessing(result),
        _list_classes(read_job(job), results.parent, skeleton.n_classes) if job.is_file() else None,
    )


def describe_preprocessing(result: BestCell) -> dict[str, Any]:
    """How the final network saw the validation images, see `Winner`."""
    size = result.final.network.image_size
    augmentation = AUGMENTATIONS[result.configuration["final"]["augmentation"]]
    return {
        "size": size,
        "resize": augmentation.view(size, size, size).resized_width,
        "interpolation": READING.interpolation,
        "mean": list(READING.mean),
        "deviation": list(READING.deviation),
    }


def _list_classes(job: Job, project: Path, n_classes: int) -> list[str] | None:
    images = Images(**job.images)
    folder = project / (job.splits.get("train") or images.get_split_folder("train"))
    if not folder.is_dir():
        return None
    names = sorted(one.name for one in folder.iterdir() if one.is_dir() and one.name[0] != ".")
    return names if len(names) == n_classes else None
