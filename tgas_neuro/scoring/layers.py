"""The layer map: which layers of a network stand for each region of the teacher, and TG from it.

Nothing here loads torch, as records are read, shown and drawn without it.
"""

from collections.abc import Mapping
from statistics import fmean
from typing import Literal, NotRequired, TypedDict

# How a region gets its similarity: from the layer that is chosen on one half of the stimuli and
# scored on the other, from the maximum on all of them, as in the paper, or as the mean of all
# layers. Records hold the first two; the mean follows from their layers, also in older records.
LayerChoice = Literal["crossed", "paper", "mean"]
LAYER_CHOICES: tuple[LayerChoice, ...] = ("crossed", "paper", "mean")
# Shades of a text heat map, from the lowest value to the highest.
SHADES = " .:-=+*#%@"
CELL = 11  # characters of a value with its shade; longer names of regions are cut

# Subset (all, half_0, half_1) to similarity. Where each site has a ceiling of its own (comparison
# ridge or pls), also <subset>_corrected, for which each was divided by its ceiling.
LayerSimilarity = dict[str, float]


class Crossed(TypedDict):
    """Similarity of layers that were chosen on one half of the stimuli and scored on the other.

    Attributes
    ----------
    raw, corrected
        Mean over both halves, as measured and divided by the ceilings.
    layers
        Chosen on half 0, and on half 1.
    """

    raw: float
    corrected: float
    layers: list[str]


class Paper(TypedDict):
    """Similarity of the best layer on all stimuli, as measured and divided by the ceiling."""

    raw: float
    corrected: float
    layer: str


class Mean(TypedDict):
    """Mean similarity of all layers on all stimuli, as measured and divided by the ceiling."""

    raw: float
    corrected: float


class ChosenLayers(TypedDict):
    """The layers of a region by both choices; None when no layer is defined on all stimuli."""

    crossed: Crossed | None
    paper: Paper | None


class RegionScore(ChosenLayers):
    """A region of the teacher against all layers of a network.

    Attributes
    ----------
    ceiling
        Noise ceiling of the region; None when it is used uncorrected.
    ceiling_from
        Which repeated stimuli gave the ceiling, where they are not those of the RDM.
    corrected_for_noise
        Whether there is a ceiling.
    layers
        Layer to its raw similarity on ``all`` rows, ``half_0`` and ``half_1``; None for a layer
        that does not vary over units for some stimulus, whose dissimilarities are not defined.
    """

    ceiling: float | None
    ceiling_from: NotRequired[str]
    corrected_for_noise: bool
    layers: dict[str, LayerSimilarity | None]


class Guidance(TypedDict):
    """TG for each layer choice; None when some region has no layer that is defined.

    The mean over layers is part of it only where the layers are not recorded beside it.
    """

    crossed: float | None
    paper: float | None
    mean: NotRequired[float | None]


class Score(TypedDict):
    """A network against a teacher: TG, and every region by name."""

    TG: Guidance
    regions: dict[str, RegionScore]


def choose_layers(
    layers: Mapping[str, LayerSimilarity | None], ceilings: Mapping[str, float | None]
) -> ChosenLayers:
    """Map a region to its best-matching layer, in two ways.

    ``paper`` takes the layer with the highest similarity on all rows. The maximum over many layers
    is an optimistic estimate that grows with depth. ``crossed`` chooses the layer on one half of
    the rows and scores it on the other, both ways round, and averages the two.

    Parameters
    ----------
    layers
        Layer to its similarities on ``all``, ``half_0`` and ``half_1``, or None.
    ceilings
        The same subsets to their noise ceilings; None leaves the similarity as it was measured.
    """
    defined = {name: values for name, values in layers.items() if values is not None}
    if not defined:
        return {"crossed": None, "paper": None}

    def find_best(subset: str) -> str:
        return max(defined, key=lambda layer: defined[layer][subset])

    halves = [("half_0", "half_1"), ("half_1", "half_0")]
    chosen = [find_best(choose) for choose, _ in halves]
    scored = [(defined[name], score) for name, (_, score) in zip(chosen, halves, strict=True)]
    raw = [values[score] for values, score in scored]
    corrected = [correct_similarity(values, ceilings[score], score) for values, score in scored]
    best = find_best("all")
    value, whole = defined[best]["all"], correct_similarity(defined[best], ceilings["all"])
    return {
        "crossed": {"raw": fmean(raw), "corrected": fmean(corrected), "layers": chosen},
        "paper": {"raw": value, "corrected": whole, "layer": best},
    }


def get_similarity(region: RegionScore, layer_choice: LayerChoice) -> Crossed | Paper | Mean | None:
    """The similarity of a region by a layer choice; None when no layer is defined.

    ``mean`` is the mean of all defined layers on all stimuli, each divided by the ceiling. It
    chooses nothing, so that it has no optimism that grows with the number of layers.

    Parameters
    ----------
    region
        Of a score.
    layer_choice
        One of `LAYER_CHOICES`.

    Examples
    --------
    >>> layers = {"cell_0": {"all": 0.2}, "cell_1": {"all": 0.4}, "cell_2": None}
    >>> region = {"ceiling": 0.5, "layers": layers, "crossed": None, "paper": None}
    >>> {name: round(value, 3) for name, value in get_similarity(region, "mean").items()}
    {'raw': 0.3, 'corrected': 0.6}
    """
    if layer_choice != "mean":
        return region[layer_choice]
    defined = [values for values in region["layers"].values() if values is not None]
    if not defined:
        return None
    return {
        "raw": fmean(values["all"] for values in defined),
        "corrected": fmean(correct_similarity(values, region["ceiling"]) for values in defined),
    }


def get_guidance(score: Score, layer_choice: LayerChoice) -> float | None:
    """TG of a score by a layer choice; None when some region has no layer that is defined.

    For ``mean`` it is the mean over regions of `get_similarity`.
    """
    if layer_choice != "mean":
        return score["TG"][layer_choice]
    found = [get_similarity(region, "mean") for region in score["regions"].values()]
    defined = [one["corrected"] for one in found if one is not None]
    return fmean(defined) if len(defined) == len(found) else None


def correct_similarity(
    values: LayerSimilarity, ceiling: float | None, subset: str = "all"
) -> float:
    """The similarity of a layer, corrected for noise; as measured where there is no ceiling."""
    if ceiling is None:
        return values[subset]
    return values.get(f"{subset}_corrected", values[subset] / ceiling)


def calc_teacher_guidance(regions: Mapping[str, ChosenLayers]) -> Guidance:
    """TG: the mean over regions of the corrected similarity, for both layer choices."""

    def average(choices: list[Crossed | Paper | None]) -> float | None:
        defined = [choice["corrected"] for choice in choices if choice is not None]
        return fmean(defined) if len(defined) == len(choices) else None

    return {
        "crossed": average([region["crossed"] for region in regions.values()]),
        "paper": average([region["paper"] for region in regions.values()]),
    }


def list_similarities(regions: Mapping[str, RegionScore]) -> dict[str, dict[str, float | None]]:
    """Region to layer to its raw similarity on all stimuli; None where it has no value."""
    return {
        name: {
            layer: None if values is None else values["all"]
            for layer, values in region["layers"].items()
        }
        for name, region in regions.items()
    }


def list_chosen(
    regions: Mapping[str, RegionScore], layer_choice: LayerChoice
) -> dict[str, list[str]]:
    """Region to the layers that stand for it: one (``paper``), or one for each half.

    A region for which no layer is defined has none, nor has any by ``mean``, which takes all.
    """
    if layer_choice == "mean":
        return {name: [] for name in regions}
    if layer_choice == "paper":
        best = {name: region["paper"] for name, region in regions.items()}
        return {name: [paper["layer"]] if paper else [] for name, paper in best.items()}
    both = {name: region["crossed"] for name, region in regions.items()}
    return {
        name: list(dict.fromkeys(crossed["layers"])) if crossed else []
        for name, crossed in both.items()
    }


def format_layer_map(regions: Mapping[str, RegionScore], layer_choice: LayerChoice) -> list[str]:
    """The layer map as lines of text: a number and a shade for each layer and region.

    A ``<`` follows the layers that stand for a region. Shades run from 0, or the lowest value, to
    the highest of the map.
    """
    similarities, chosen = list_similarities(regions), list_chosen(regions, layer_choice)
    layers = list(next(iter(similarities.values())))
    values = [value for found in similarities.values() for value in found.values()]
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known]), max(known, default=1.0)
    width = max(len(name) for name in ["layer", *layers])
    lines = ["layer".ljust(width) + "".join(f"  {name[:CELL]:<{CELL}}" for name in similarities)]
    for layer in layers:
        cells = [
            _format_cell(found[layer], low, high, layer in chosen[name])
            for name, found in similarities.items()
        ]
        lines.append(layer.ljust(width) + "".join(f"  {cell}" for cell in cells))
    return [line.rstrip() for line in lines]


def _format_cell(value: float | None, low: float, high: float, chosen: bool) -> str:
    if value is None:
        return "none".ljust(CELL)
    share = (value - low) / (high - low) if high > low else 0.0
    shade = SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]
    return f"{value:6.3f} {shade * 2} {'<' if chosen else ' '}"
