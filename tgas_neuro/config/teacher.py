"""The section ``teacher``: what guides the search."""

from typing import Annotated, Literal

from pydantic import Field

from tgas_neuro.config.section import (
    Colour,
    Device,
    Section,
    Text,
    Unique,
    UserPath,
    key,
)

DOWNLOAD = "download"  # the value of weights that asks for torchvision's own
OF_PAIRS = ("spearman", "pearson")  # comparisons that can take a sample of the pairs of stimuli
PREDICTIVITIES = ("ridge", "pls")  # comparisons that predict the response of each site
Comparison = Literal["spearman", "pearson", "kendall", "cka", "ridge", "pls"]
OF_RESPONSES = ("cka", *PREDICTIVITIES)  # comparisons that need responses, not RDMs


class Electrodes(Section):
    """A network's layer sampled as recordings sample a region: few units, noisy, repeated."""

    units: int = key(168, "Units of each layer, drawn at random.", decides=True, ge=2)
    repetitions: int = key(30, "Presentations of every stimulus.", decides=True, ge=1, le=10_000)
    mean_count: float = key(
        5.0,
        "Mean over units and stimuli of the spikes in one presentation.",
        decides=True,
        unit="spikes",
        gt=0,
    )
    draw: int = key(0, "Which of the random draws of units and spikes.", decides=True, ge=0)

    def list_unused(self) -> set[str]:
        """The first draw is the one that an older configuration has."""
        return set() if self.draw else {"draw"}


class NetworkOptions(Section):
    """A network whose layers take the place of regions."""

    model: Text = key(
        ...,
        "Name of a classification network of torchvision, or package.module:function (called "
        "without arguments, returns a torch.nn.Module).",
        decides=True,
    )
    weights: UserPath | None = key(
        None,
        "File with a state dict; download: torchvision's own, from the internet; null: as the "
        "network is made, for torchvision's random.",
        decides=True,
    )
    layers: Annotated[dict[str, str], Field(min_length=1)] = key(
        ...,
        "Region of recordings.regions to a module, as in named_modules(), for example "
        "{IT: layer4}.",
        decides=True,
    )
    size: int = key(
        224,
        "Width and height of the images that the network receives; the field of view is that of "
        "teacher.stimuli.",
        decides=True,
        unit="pixel",
        ge=1,
        le=2048,
    )
    mean: Colour = key(
        [0.485, 0.456, 0.406],
        "Subtracted from the red, green and blue values in [0, 1]; ImageNet's by default.",
        decides=True,
    )
    deviation: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)] = (
        key(
            [0.229, 0.224, 0.225],
            "Divides the red, green and blue values afterwards; ImageNet's by default.",
            decides=True,
        )
    )
    electrodes: Electrodes | None = key(
        None,
        "Sample the layers as recordings do: random units with Poisson noise, in repetitions; "
        "null: all units, without noise.",
        decides=True,
    )
    batch_size: int = key(32, "Stimuli that go through the network at once.", decides=True, ge=1)
    device: Device = key(
        "auto", "auto (a GPU if there is one), cpu, cuda or cuda:<n>.", decides=True
    )


class ControlOptions(Section):
    """A teacher made to guide without the brain."""

    type: Literal["shuffled", "matched", "pixels", "random_network"] = key(
        ...,
        "shuffled: the recordings with their stimuli permuted; matched: random responses with the "
        "recordings' covariance and noise; pixels: of the stimuli; random_network: a network that "
        "has learned nothing.",
        decides=True,
    )
    seed: int = key(
        0, "Seed of the control's own random numbers, beside search.seed.", decides=True, ge=0
    )


class StimulusOptions(Section):
    """How a candidate sees the stimuli."""

    size: int = key(
        ...,
        "Width and height of the field of view.",
        decides=True,
        unit="pixel",
        ge=8,
        le=1024,
    )
    visual_degrees: float = key(
        ..., "Width and height of the field of view.", decides=True, unit="deg", gt=0, le=180
    )


class TeacherOptions(Section):
    """What guides the search."""

    kind: Literal["recordings", "network", "control"] = key(
        "recordings",
        "recordings; network: layers of a network take the place of regions; control: made to "
        "guide without the brain.",
        decides=True,
    )
    network: NetworkOptions | None = key(
        None,
        "For kind network and the control random_network: the network, its layers and how stimuli "
        "reach it.",
        decides=True,
    )
    control: ControlOptions | None = key(None, "For kind control: which one.", decides=True)
    distance: Literal["correlation", "cosine", "euclidean", "crossnobis"] = key(
        "correlation",
        "Dissimilarity of two response patterns: correlation (one minus Pearson's r), cosine, "
        "euclidean, crossnobis (unbiased, needs repetitions).",
        decides=True,
    )
    comparison: Comparison = key(
        "spearman",
        "Similarity of two RDMs: spearman, pearson, kendall (tau-a); cka: linear CKA of the "
        "responses, debiased; ridge, pls: how well a linear map predicts the responses of each "
        "site to held-out stimuli (neural predictivity).",
        decides=True,
    )
    level: Literal["image", "object"] = key(
        "image",
        "Rows of the RDM, images or objects (averaged over the images of one object).",
        decides=True,
    )
    splits: int = key(
        50,
        "Random splits of the repetitions for reliabilities and noise ceilings.",
        decides=True,
        ge=2,
        le=10_000,
    )
    uncorrected: Annotated[list[str], Unique()] = key(
        [], "Names of regions that are used without a noise ceiling.", decides=True
    )
    threads: int = key(1, "Threads of torch; numbers depend on it.", decides=True, ge=1, le=256)
    stimuli: StimulusOptions = key(..., "How a candidate sees the stimuli.", decides=True)

    @property
    def shows_stimuli_only(self) -> bool:
        """Whether only the stimuli of the data sets are used, not the recordings."""
        of_stimuli = self.control and self.control.type in ("pixels", "random_network")
        return self.kind == "network" or bool(of_stimuli)
