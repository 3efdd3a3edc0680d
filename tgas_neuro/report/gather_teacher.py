"""The regions of the teacher beside the networks that were compared with them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tgas_neuro.report.facts import Region, Similarity, TeacherFacts
from tgas_neuro.scoring.layers import LayerChoice, Score, get_similarity, list_chosen

if TYPE_CHECKING:
    import xarray as xr

    from tgas_neuro.teacher.teacher import Teacher


class Scores(NamedTuple):
    """The winner against the teacher: before its training, after the short one, at full size."""

    untrained: Score | None
    searched: Score | None
    final: Score | None


def gather_teacher(
    path: Path, teacher: "Teacher", scores: Scores, layer_choice: LayerChoice
) -> TeacherFacts:
    """The facts of a teacher file that was loaded from `path`."""
    first = next(iter(teacher.regions.values())).attrs
    return TeacherFacts(
        name=path.parent.name,
        path=path,
        level=str(first["level"]),
        distance=str(first["distance"]),
        comparison=str(first["comparison"]),
        regions=tuple(
            _gather_region(name, region, scores, layer_choice)
            for name, region in teacher.regions.items()
        ),
    )


def _gather_region(
    name: str, region: "xr.Dataset", scores: Scores, layer_choice: LayerChoice
) -> Region:
    attrs = region.attrs
    return Region(
        name=name,
        title=str(attrs["title"]),
        datasets=tuple(str(attrs["dataset"]).split(", ")),
        description=str(attrs["description"]),
        simulated=bool(attrs["simulated"]),
        n_sites=int(attrs["n_sites"]) or None,
        n_stimuli=region.sizes["stimulus"],
        reliability=_get_number(attrs, "reliability"),
        ceiling=_get_number(attrs, "ceiling"),
        ceiling_low=_get_number(attrs, "ceiling_low"),
        ceiling_high=_get_number(attrs, "ceiling_high"),
        ceiling_from=attrs.get("ceiling_from"),
        corrected=bool(attrs["corrected_for_noise"]),
        **{
            stage: _get_similarity(score, name, layer_choice)
            for stage, score in scores._asdict().items()
        },
    )


def _get_number(attrs: Mapping[Any, Any], key: str) -> float | None:
    value = float(attrs.get(key, math.nan))
    return value if math.isfinite(value) else None


def _get_similarity(score: Score | None, name: str, layer_choice: LayerChoice) -> Similarity | None:
    if score is None or name not in score["regions"]:
        return None
    region = score["regions"][name]
    chosen = get_similarity(region, layer_choice)
    if chosen is None:
        return None
    layers = list_chosen({name: region}, layer_choice)[name]
    return Similarity(chosen["raw"], chosen["corrected"], tuple(layers))
