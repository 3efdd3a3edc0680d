"""Scoring: the teacher's regions, made ready for the layers that are compared with them.

Regions on the same stimuli, with the same rows and crossed halves, are one target: a layer is
recorded once and compared with all of them in one pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from tgas_neuro.config.teacher import OF_RESPONSES
from tgas_neuro.rdm.comparisons import compare_rdms
from tgas_neuro.rdm.distances import calc_rdm, take_rows
from tgas_neuro.rdm.linear_cka import calc_linear_cka
from tgas_neuro.rdm.streaming.ranked import (
    RANKINGS,
    SUBSETS,
    RankedRDMs,
    Sample,
    load_ranked,
    rank_rdms,
)
from tgas_neuro.rdm.streaming.streaming import compare_features
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import (
    LayerSimilarity,
    RegionScore,
    choose_layers,
)
from tgas_neuro.scoring.predictivity import prepare_predictivity
from tgas_neuro.teacher.teacher import Teacher, get_ceiling, get_rdm

# How a candidate's layer is scaled, in place of the region's distance. Its activations have no
# noise, so the distance that crossnobis estimates without bias is their squared Euclidean
# distance; CKA and predictivity take the activations as they are.
CANDIDATE_DISTANCES = {"crossnobis": "patterns"}
UNSCALED_COMPARISONS = dict.fromkeys(OF_RESPONSES, "patterns")

Similarities = dict[str, LayerSimilarity]  # region to the similarity of one layer with it
# From features (row, unit), their distance and whether to be exact.
Compare = Callable[[torch.Tensor, str, bool], Similarities]


@dataclass(frozen=True)
class Target:
    """Regions that share stimuli, rows and crossed halves.

    Attributes
    ----------
    regions
        Their names.
    images
        (stimulus, y, x, rgb), uint8.
    row
        (stimulus,), RDM row of each stimulus.
    distance
        Of the candidate's RDM; a key of `tgas_neuro.rdm.distances.PREPARATIONS`.
    compare
        Gives the similarity of each region on ``all`` rows, ``half_0`` and ``half_1``.
    """

    regions: tuple[str, ...]
    images: np.ndarray
    row: np.ndarray
    distance: str
    compare: Compare


def score_region(similarities: dict[str, LayerSimilarity], region: xr.Dataset) -> RegionScore:
    """Map a region to layers, from the similarity of each.

    Parameters
    ----------
    similarities
        Layer to its similarity on ``all`` rows, ``half_0`` and ``half_1``; NaN when not defined.
    region
        See `tgas_neuro.teacher.teacher.Teacher`.
    """
    layers = {
        name: dict(values) if np.isfinite(list(values.values())).all() else None
        for name, values in similarities.items()
    }
    ceilings = {
        "all": get_ceiling(region, "ceiling"),
        "half_0": get_ceiling(region, "ceiling_half_0"),
        "half_1": get_ceiling(region, "ceiling_half_1"),
    }
    score: RegionScore = {
        "ceiling": ceilings["all"],
        "corrected_for_noise": ceilings["all"] is not None,
        **choose_layers(layers, ceilings),
        "layers": layers,
    }
    if "ceiling_from" in region.attrs:
        score["ceiling_from"] = str(region.attrs["ceiling_from"])
    return score


def build_targets(
    teacher: Teacher, ranks: Path | None = None, sample: Sample | None = None
) -> list[Target]:
    """Make the regions of a teacher ready for scoring.

    Parameters
    ----------
    teacher
        See `Teacher`.
    ranks
        Folder that `write_ranks` made of this teacher; None ranks its RDMs here.
    sample
        Pairs of stimuli that are compared; None: all. The ranks in `ranks` must be of as many.

    Raises
    ------
    UserError
        The ranks are of other pairs, or the comparison takes no sample of pairs.
    """
    targets = []
    for number, names in enumerate(group_regions(teacher)):
        regions = {name: teacher.regions[name] for name in names}
        first = regions[names[0]]
        folder = None if ranks is None else ranks / f"stimuli_{number}"
        distance, comparison = first.attrs["distance"], first.attrs["comparison"]
        targets.append(
            Target(
                names,
                first["images"].values,
                first["row"].values,
                UNSCALED_COMPARISONS.get(comparison, CANDIDATE_DISTANCES.get(distance, distance)),
                _prepare(regions, folder, sample),
            )
        )
    return targets


def write_ranks(folder: str | Path, teacher: Teacher, sample: Sample | None = None) -> None:
    """Rank the RDMs of a teacher once, for all candidates; write nothing where none are needed.

    With a `sample`, the ranks of its pairs alone, among all pairs.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, names in enumerate(group_regions(teacher)):
        regions = {name: teacher.regions[name] for name in names}
        if regions[names[0]].attrs["comparison"] in RANKINGS:
            _rank(regions, sample).save(Path(folder) / f"stimuli_{number}")


def group_regions(teacher: Teacher) -> list[tuple[str, ...]]:
    """Names of the regions that share stimuli, rows, halves, distance and comparison."""
    groups: list[list[str]] = []
    for name, region in teacher.regions.items():
        for group in groups:
            if _share(teacher.regions[group[0]], region):
                group.append(name)
                break
        else:
            groups.append([name])
    return [tuple(group) for group in groups]


def _share(first: xr.Dataset, second: xr.Dataset) -> bool:
    return all(first.attrs[key] == second.attrs[key] for key in ("distance", "comparison")) and all(
        np.array_equal(first[name].values, second[name].values)
        for name in ("row", "half", "images", *(["held_out"] if "held_out" in first else []))
    )


def _rank(regions: dict[str, xr.Dataset], sample: Sample | None) -> RankedRDMs:
    first = next(iter(regions.values()))
    rdms = {name: get_rdm(region) for name, region in regions.items()}
    return rank_rdms(rdms, first["half"].values, first.attrs["comparison"], sample)


def _prepare(regions: dict[str, xr.Dataset], folder: Path | None, sample: Sample | None) -> Compare:
    comparison = next(iter(regions.values())).attrs["comparison"]
    if comparison in RANKINGS:
        return _prepare_ranks(regions, folder, sample)
    if sample is not None:
        raise UserError(
            f"search.scoring.pairs: {sample.pairs}, but teacher.comparison {comparison!r} takes no "
            f"sample of pairs; set it to null, or take one of {', '.join(RANKINGS)}"
        )
    return COMPARISONS[comparison](regions)


def _prepare_ranks(
    regions: dict[str, xr.Dataset], folder: Path | None, sample: Sample | None
) -> Compare:
    ranked = _rank(regions, sample) if folder is None else load_ranked(folder)
    found, wanted = (one and one.pairs for one in (ranked.sample, sample))
    if found != wanted:
        raise UserError(
            f"{folder}: ranks of {found or 'all'} pairs, but search.scoring.pairs is "
            f"{wanted or 'null'}; set it as it was, or delete the folder to have them made again"
        )

    def compare(features: torch.Tensor, distance: str, exact: bool) -> Similarities:
        return compare_features(features, ranked, distance, exact)

    return compare


def _prepare_kendall(regions: dict[str, xr.Dataset]) -> Compare:
    """Kendall's tau-a needs both RDMs at once; memory grows with the square of the rows."""
    keeps = _find_subsets(next(iter(regions.values())))
    rdms = {name: torch.from_numpy(get_rdm(region)) for name, region in regions.items()}

    def compare(features: torch.Tensor, distance: str, exact: bool) -> Similarities:
        method = "euclidean" if distance == "patterns" else distance  # pairs in the same order
        rdm = torch.as_tensor(calc_rdm(features, method, precise=exact)).cpu()
        return {
            name: {
                subset: compare_rdms(take_rows(rdm, keep), take_rows(other, keep), "kendall")
                for subset, keep in keeps.items()
            }
            for name, other in rdms.items()
        }

    return compare


def _prepare_responses(
    calc: Callable[[torch.Tensor, torch.Tensor], float], regions: dict[str, xr.Dataset]
) -> Compare:
    """A comparison of responses: features and responses (row, unit), in this order."""
    keeps = _find_subsets(next(iter(regions.values())))
    responses = {
        name: torch.from_numpy(region["responses"].values) for name, region in regions.items()
    }

    def compare(features: torch.Tensor, distance: str, exact: bool) -> Similarities:
        features = features.cpu()
        return {
            name: {subset: calc(features[keep], other[keep]) for subset, keep in keeps.items()}
            for name, other in responses.items()
        }

    return compare


def _find_subsets(region: xr.Dataset) -> dict[str, torch.Tensor]:
    half = torch.from_numpy(region["half"].values)
    return dict(zip(SUBSETS, (half >= 0, half == 0, half == 1), strict=True))


# Beside those that need ranks, `RANKINGS`.
COMPARISONS: dict[str, Callable[[dict[str, xr.Dataset]], Compare]] = {
    "kendall": _prepare_kendall,
    "cka": partial(_prepare_responses, calc_linear_cka),
    "ridge": partial(prepare_predictivity, "ridge"),
    "pls": partial(prepare_predictivity, "pls"),
}
