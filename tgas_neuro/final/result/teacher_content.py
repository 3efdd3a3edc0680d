"""The parts of `best_cell.json` about the teacher and the similarity to it."""

from typing import Literal

from tgas_neuro.final.result.part import Part, Similarity, key


class CrossedChoice(Part):
    """Layers chosen on one half of the stimuli and scored on the other, both ways, averaged."""

    raw: Similarity = key("Similarity as measured.")
    corrected: Similarity = key("Similarity divided by the ceiling.")
    layers: list[str] = key("The layers chosen on the two halves.")


class PaperChoice(Part):
    """The best of all layers on all stimuli, as in the paper; an optimistic estimate."""

    raw: Similarity = key("Similarity as measured.")
    corrected: Similarity = key("Similarity divided by the ceiling.")
    layer: str = key("The best layer.")


class MeanChoice(Part):
    """The mean of all layers on all stimuli."""

    raw: Similarity = key("Similarity as measured.")
    corrected: Similarity = key("Similarity divided by the ceiling.")


class Similar(Part):
    """The similarity of a network to a region."""

    mean: MeanChoice | None = key(
        "Mean similarity of all layers; only of a run with this layer choice.", default=None
    )


class Region(Similar):
    """A region of the teacher, and the similarity of the candidate to it."""

    datasets: list[str] = key("Data sets that it comes from, by their names under neural_data.")
    simulated: bool = key("Whether any of its recordings are simulated.")
    description: str = key("Its origin: recorded, simulated, a layer of a network, or a control.")
    n_sites: int | None = key(
        "Number of sites behind its RDM; null if an RDM was published without that number."
    )
    n_stimuli: int | None = key("Number of stimuli of its RDM.")
    reliability: float | None = key(
        "Split-half reliability of its RDM, Spearman-Brown corrected; null without repetitions."
    )
    ceiling: float | None = key(
        "The most that a noise-free model can reach: the square root of the reliability, times a "
        "correction near 1; null without repetitions."
    )
    ceiling_from: str | None = key(
        "Which repeated stimuli gave the ceiling in place of those of the RDM; null where these "
        "were repeated themselves."
    )
    corrected: bool = key("Whether TG uses its similarity divided by the ceiling.")
    crossed: CrossedChoice | None = key("Similarity of the candidate by the default layer choice.")
    paper: PaperChoice | None = key("Similarity of the candidate by the layer choice of the paper.")
    TG: Similarity = key(
        "Similarity by the layer choice of the run, divided by the ceiling if there is one."
    )
    layer: str = key("The layer of the candidate that matches the region best on all stimuli.")


class TeacherPart(Part):
    """The teacher that guided the search, and its similarity to the best cell."""

    name: str = key("Name of the teacher's folder under results/teacher.")
    kind: Literal["recordings", "network", "control"] = key("Kind of the teacher.")
    simulated: bool = key("Whether any of its recordings are simulated.")
    level: Literal["image", "object"] = key("Whether its RDMs compare images or objects.")
    TG: float = key("Teacher guidance: the mean similarity over regions, by the layer choice.")
    layer_choice: Literal["crossed", "paper", "mean"] = key(
        "Which similarity counts: crossed (layer chosen on one half of the stimuli, scored on the "
        "other), paper (maximum over layers) or mean (mean over layers)."
    )
    regions: dict[str, Region] = key("Each region of the teacher, by name.", min_length=1)


class FinalRegion(Similar):
    """A region of the teacher, and the similarity of the final network; its ceiling is above."""

    crossed: CrossedChoice | None = key("As in teacher.regions, layers by their module names.")
    paper: PaperChoice | None = key("As in teacher.regions, layers by their module names.")
    TG: Similarity = key(
        "Similarity by the layer choice of the run, divided by the ceiling if there is one."
    )
    layer: str | None = key(
        "The module that matches the region best on all stimuli, to which the Brain-Score plugin "
        "commits the region; null if the similarity of no layer is defined."
    )


class FinalTeacher(Part):
    """The similarity of the trained final network to the teacher, at its own image size."""

    TG: Similarity = key(
        "Mean over regions of the similarity by the layer choice of the run; null if a region has "
        "no layer that distinguishes all stimuli."
    )
    regions: dict[str, FinalRegion] = key("Each region of the teacher, by name.", min_length=1)
