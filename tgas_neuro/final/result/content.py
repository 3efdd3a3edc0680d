"""What `best_cell.json` holds: a model for each part, with a description of every key.

`workflow/schemas/best_cell.schema.json` is generated from these models.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tgas_neuro.final.result.part import Count, Part, Share, key
from tgas_neuro.final.result.teacher_content import FinalTeacher, TeacherPart


class Genotype(BaseModel):
    """The best network as `read_genotype` reads it: its space and the keys of this space."""

    model_config = ConfigDict(extra="allow", strict=True)

    space: str = key("The space that the genotype belongs to.")


class Drawing(Part):
    """The genotype as a picture and as text."""

    picture: str = key("Path of the picture, relative to the folder of the run.", min_length=1)
    text: list[str] = key("The genotype in words, line by line.", min_length=1)


class Premature(Part):
    """The short training of the candidate, on the training split alone."""

    accuracy: Share = key("P, the accuracy on the held-back tenth of the training split.")
    loss: float | None = key("Cross-entropy on the held-back images [nat].")
    epochs: float | None = key("Epochs of the short training.")
    n_train: int | None = key("Number of training images.")
    n_held_back: int | None = key("Number of images that P was measured on.")


class Target(Part):
    """The size that was asked for, the section `final.target` of the configuration."""

    macs: float | str = key("The most multiply-adds that the network may have.")


class Network(Part):
    """The skeleton of the final network, with the number of filters that meets the target."""

    filters: Count = key("Filters of the first stage.")
    cells_per_stage: Count = key("Cells in each stage.")
    stages: Count = key("Stages of equal spatial size.")
    n_classes: Count = key("Outputs.")
    image_size: Count = key("Height and width of the images [px].")
    channels: Count = key("Channels of the images.")
    stem: Literal["cifar", "imagenet"] = key("The first layers.")
    stem_filters: int | None = key(
        "Channels of the stem's first convolution; null for the default of the stem."
    )
    downsampling: Literal["between", "within"] = key("Where the resolution is halved.")


class BestEpoch(Part):
    """The epoch with the best validation accuracy; chosen and measured on the same images."""

    epoch: Count = key("Number of the epoch, from 1.")
    top1: Share = key("Its top-1 accuracy, an optimistic estimate.")
    chosen_on: str = key("The images that it was chosen on.")


class Final(Part):
    """The best cell at full size, evaluated on the validation split."""

    dataset: str = key("Name of the images, or else of their folder or archive.", min_length=1)
    data: dict[str, Any] = key("The section `final.data` of the configuration.")
    simulated: bool = key("Whether the images are simulated.")
    target: Target | None = key("The size that was asked for; null if filters were given instead.")
    top1: Share = key("Share of validation images whose class had the highest output.")
    top5: Share = key("Share of validation images whose class was among the five highest outputs.")
    top1_interval: list[Share] = key(
        "Wilson 95 % interval of top1. It reflects the number of validation images, not the "
        "variation between trainings.",
        min_length=2,
        max_length=2,
    )
    loss: float = key("Mean cross-entropy on the validation split [nat].", ge=0)
    n_images: Count = key("Number of images of the validation split.")
    n_train_images: Count = key("Number of images of the training split.")
    n_classes: Count = key("Number of classes of the network.")
    params: Count = key("Trained parameters of the network at full size.")
    macs: Count = key("Multiply-adds for one image at full size.")
    epochs: Count = key("Epochs of the final training.")
    network: Network = key("The skeleton of the final network.")
    evaluated: str = key("The weights that were evaluated: of the last step, or their average.")
    best: BestEpoch = key("The best epoch, whose accuracy is not the one reported above.")
    per_class: str = key(
        "Path of the file with the counts of every class (key `per_class`), relative to the folder "
        "of the run."
    )
    teacher: FinalTeacher = key("The similarity of the final network to the teacher.")


class Leader(Part):
    """A candidate of the leaderboard."""

    id: str = key("The candidate.")
    hash: str = key("Canonical hash of its genotype.")
    state: str = key("The outcome of its evaluation.")
    P: float | None = key("Accuracy after the short training.")
    TG: float | None = key("Teacher guidance.")
    TG_untrained: float | None = key("Teacher guidance before the training; null if not measured.")
    regions: dict[str, float | None] | None = key("Similarity to each region, as it enters TG.")
    reward: float | None = key("The measure that it was ranked by.")
    params: int | None = key("Its parameters at the size of the search.")
    macs: int | None = key("Its multiply-adds at the size of the search.")


class Alpha(Part):
    """A weight of TG that changes linearly with the trained share of the short training."""

    start: float = key("Weight before the first step.")
    end: float = key("Weight after the whole training, of the reward.")


class Search(Part):
    """The search for the best cell."""

    name: str = key("Name of the run's folder under results/search.")
    strategy: str = key("The strategy that proposed the candidates.")
    space: str = key("The space of genotypes.")
    generations: Count = key("Generations of candidates.")
    candidates: Count = key("Candidates of each generation.")
    evaluated: Count = key("Number of all candidates, whatever their state.")
    states: dict[str, Annotated[int, Field(ge=0)]] = key("Number of candidates in each state.")
    seed: int = key("The run's seed.")


class Files(Part):
    """Paths of the files that belong to the result, relative to the folder of the run."""

    best: str = key("The best candidate with its record, and the whole leaderboard.")
    teacher: str = key("The teacher that guided the search.")
    metrics: str = key("Metrics of the final training.")
    weights: str = key("Trained weights of the final network, a state dict.")
    log: str = key("The log of the final training, epoch by epoch.")
    picture: str = key("The picture of the genotype.")
    curve: str = key("The picture of the rewards of all candidates.")
    brainscore: str = key("The model plugin for Brain-Score.")
    teacher_guidance: str = key("The final network compared with the teacher, layer by layer.")


class Cost(Part):
    """Images seen, seconds, peak memory and device; they may differ between two runs."""

    search: dict[str, Any] = key("Cost of all candidates together.")
    final: dict[str, Any] = key("Cost of the final training.")


class BestCell(Part):
    """The best cell of a search, how it was found, its accuracy, and what the numbers can show."""

    simulated_or_toy: list[Annotated[str, Field(min_length=1)]] = key(
        "Every part of this result that is simulated, or so small that it is a toy (a final "
        "training split with fewer than 50,000 images); empty if there is none. A result with an "
        "entry here says nothing about brains or natural images."
    )
    note: str = key(
        "What the numbers of this file can and cannot show, in plain words.", min_length=20
    )
    genotype: Genotype = key("The best network as `read_genotype` reads it.")
    drawing: Drawing = key("The genotype as a picture and as text.")
    hash: str = key(
        "Canonical hash of the genotype; networks that differ only in the order of their blocks "
        "have the same hash.",
        pattern="^[0-9a-f]{8,64}$",
    )
    id: str = key(
        "The candidate of the search. If it was reused from an older run, the run's name comes "
        "before it.",
        min_length=1,
    )
    reward: float = key("The measure that candidates were ranked by, see guidance.")
    guidance: Literal["p_plus_tg", "p", "tg", "params", "macs", "tg_epoch0", "learned"] = key(
        "How the reward was calculated: P + alpha * TG (p_plus_tg), one of the measures alone, or "
        "the later accuracy as probes teach it (learned)."
    )
    alpha: float | Alpha = key("Weight of TG in the reward; only p_plus_tg uses it.")
    reward_basis: str = key(
        "What the reward was calculated from, if it depends on other candidates.", default=""
    )
    scale: Literal["raw", "standardised"] = key(
        "Whether the reward adds P and TG, or their z-scores over all candidates.", default="raw"
    )
    premature: Premature = key("The short training of the candidate.")
    teacher: TeacherPart = key("The teacher that guided the search.")
    final: Final = key("The best cell at full size, evaluated on the validation split.")
    leaderboard: list[Leader] = key("The ten best candidates, best first.", max_length=10)
    search: Search = key("The search for the best cell.")
    configuration: dict[str, Any] = key("The whole configuration, with defaults filled in.")
    digests: dict[str, str] = key(
        "SHA-256 of the input data, of the configuration and, as chain, of everything that this "
        "result was made from; see `tgas verify`."
    )
    versions: dict[str, str] = key(
        "Versions of this package and of the libraries that compute.", min_length=1
    )
    files: Files = key("Paths of the files that belong to the result.")
    cost: Cost = key("Cost of the run; it may differ between two runs.")
    dates: dict[str, Any] = key("When each stage ran; it may differ between two runs.")
