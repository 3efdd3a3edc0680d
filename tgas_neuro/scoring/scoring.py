"""Scoring: a candidate's layers mapped onto the teacher's regions."""

from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from tgas_neuro.scoring.activations import BATCH_SIZE, record_layers
from tgas_neuro.scoring.layers import LAYER_CHOICES
from tgas_neuro.scoring.targets import build_targets
from tgas_neuro.teacher.teacher import Teacher, get_ceiling


def score_network(
    network: nn.Module,
    layers: dict[str, nn.Module],
    teacher: Teacher,
    ranks: Path | None,
    device: torch.device,
    seed: int,
    max_units: int | str | None = "auto",
    spatial_mean: bool = False,
    exact: bool = False,
    batch_size: int = BATCH_SIZE,
) -> dict[str, Any]:
    """Record the layers of a network and score them against every region of a teacher.

    Parameters
    ----------
    network
        In evaluation mode.
    layers
        Name to module of the network.
    teacher
        See `Teacher`.
    ranks
        Folder that `tgas_neuro.scoring.targets.write_ranks` made of it, or None.
    device
        Where the network is.
    seed
        The run's, for projections.
    max_units, spatial_mean, batch_size
        See `record_layers`.
    exact
        Dissimilarities in float64, sorted; see `compare_features`.

    Returns
    -------
    score
        JSON content: ``regions`` (see `score_region`) and ``TG`` (see `calc_teacher_guidance`).
    """
    regions: dict[str, dict[str, Any]] = {}
    for target in build_targets(teacher, ranks):
        recorded = record_layers(
            network,
            layers,
            target.images,
            target.row,
            device,
            distance=target.distance,
            max_units=max_units,
            spatial_mean=spatial_mean,
            seed=seed,
            batch_size=batch_size,
        )
        similarities = {
            name: target.compare(layer.features, layer.distance, exact)
            for name, layer in recorded.items()
        }
        for region in target.regions:
            regions[region] = score_region(
                {name: found[region] for name, found in similarities.items()},
                teacher.regions[region],
            )
    regions = {name: regions[name] for name in teacher.regions}
    return {"TG": calc_teacher_guidance(regions), "regions": regions}


def score_region(similarities: dict[str, dict[str, float]], region: xr.Dataset) -> dict[str, Any]:
    """Map a region to layers, from the similarity of each.

    Parameters
    ----------
    similarities
        Layer to its similarity on ``all`` rows, ``half_0`` and ``half_1``; NaN when not defined.
    region
        See `tgas_neuro.teacher.teacher.Teacher`.

    Returns
    -------
    score
        JSON content: ``ceiling`` (None when used uncorrected), ``corrected_for_noise``,
        ``crossed`` and ``paper`` (see `choose_layers`), and ``layers``: similarity of every layer
        on all rows, half 0 and half 1; None for a layer that does not vary over units for some
        stimulus, whose dissimilarities are not defined.
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
    return {
        "ceiling": ceilings["all"],
        "corrected_for_noise": ceilings["all"] is not None,
        **choose_layers(layers, ceilings),
        "layers": layers,
    }


def choose_layers(
    layers: dict[str, dict[str, float] | None], ceilings: dict[str, float | None]
) -> dict[str, Any]:
    """Map a region to its best-matching layer, in two ways.

    ``paper``: the layer with the highest similarity on all rows, as in the paper; the maximum over
    many layers is an optimistic estimate that grows with depth. ``crossed``: the layer is chosen
    on one half of the rows and scored on the other, both ways round, and the two are averaged.

    Parameters
    ----------
    layers
        Layer to its similarities on ``all``, ``half_0`` and ``half_1``, or None.
    ceilings
        The same subsets to their noise ceilings, or None to leave them as measured.

    Returns
    -------
    choice
        ``crossed``: ``raw``, ``corrected``, ``layers`` (chosen on half 0, on half 1);
        ``paper``: ``raw``, ``corrected``, ``layer``. Each is None when no layer is defined.
    """
    defined = {name: values for name, values in layers.items() if values is not None}
    if not defined:
        return {"crossed": None, "paper": None}

    def correct(value: float, subset: str) -> float:
        ceiling = ceilings[subset]
        return value if ceiling is None else value / ceiling

    chosen, raw, corrected = [], [], []
    for choose, score in (("half_0", "half_1"), ("half_1", "half_0")):
        name = max(defined, key=lambda layer: defined[layer][choose])
        chosen.append(name)
        raw.append(defined[name][score])
        corrected.append(correct(defined[name][score], score))
    best = max(defined, key=lambda layer: defined[layer]["all"])
    value = defined[best]["all"]
    return {
        "crossed": {"raw": fmean(raw), "corrected": fmean(corrected), "layers": chosen},
        "paper": {"raw": value, "corrected": correct(value, "all"), "layer": best},
    }


def calc_teacher_guidance(regions: dict[str, dict[str, Any]]) -> dict[str, float | None]:
    """TG: the mean over regions of the corrected similarity, for both layer choices.

    Returns
    -------
    guidance
        ``crossed`` and ``paper``; None when some region has no layer that is defined.
    """
    guidance = {}
    for name in LAYER_CHOICES:
        chosen = [region[name] for region in regions.values()]
        complete = all(choice is not None for choice in chosen)
        guidance[name] = fmean(choice["corrected"] for choice in chosen) if complete else None
    return guidance
