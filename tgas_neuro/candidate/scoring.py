"""Scoring: a candidate's layers mapped onto the teacher's regions."""

from statistics import fmean
from typing import Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm import calc_rdm, compare_rdms
from tgas_neuro.rdm.distances import take_rows
from tgas_neuro.teacher.teacher import get_ceiling

SUBSETS = ("all", "half_0", "half_1")


def calc_layer_rdms(activations: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Correlation RDM of each layer, (pair,), from its activations, (row, unit); on the CPU."""
    return {name: calc_rdm(features).cpu() for name, features in activations.items()}


def score_region(rdms: dict[str, torch.Tensor], region: xr.Dataset) -> dict[str, Any]:
    """Score all layers against one region of the teacher.

    Parameters
    ----------
    rdms
        Layer to its condensed RDM, (pair,), of the rows of the region.
    region
        See `tgas_neuro.teacher.teacher.Teacher`.

    Returns
    -------
    score
        JSON content: ``ceiling`` (None when used uncorrected), ``corrected_for_noise``,
        ``crossed`` and ``plain`` (see `choose_layers`), and ``layers``: similarity of every layer
        on all rows, half 0 and half 1; None for a layer that does not vary over units for some
        stimulus, whose dissimilarities are not defined.
    """
    half = torch.from_numpy(region["half"].values)
    keeps = [torch.ones(len(half), dtype=torch.bool), half == 0, half == 1]
    rdm = torch.from_numpy(region["rdm"].values)
    targets = [take_rows(rdm, keep) for keep in keeps]
    layers = {}
    for name, whole in rdms.items():
        similarities = [
            compare_rdms(take_rows(whole, keep), target)
            for keep, target in zip(keeps, targets, strict=True)
        ]
        defined = bool(np.isfinite(similarities).all())
        layers[name] = dict(zip(SUBSETS, similarities, strict=True)) if defined else None
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

    ``plain``: the layer with the highest similarity on all rows, as in the paper; the maximum over
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
        ``plain``: ``raw``, ``corrected``, ``layer``. Each is None when no layer is defined.
    """
    defined = {name: values for name, values in layers.items() if values is not None}
    if not defined:
        return {"crossed": None, "plain": None}

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
        "plain": {"raw": value, "corrected": correct(value, "all"), "layer": best},
    }


def calc_teacher_guidance(regions: dict[str, dict[str, Any]]) -> dict[str, float | None]:
    """TG: the mean over regions of the corrected similarity, for both layer choices.

    Returns
    -------
    guidance
        ``crossed`` and ``paper``; None when some region has no layer that is defined.
    """
    guidance = {}
    for name, key in (("crossed", "crossed"), ("paper", "plain")):
        chosen = [region[key] for region in regions.values()]
        complete = all(choice is not None for choice in chosen)
        guidance[name] = fmean(choice["corrected"] for choice in chosen) if complete else None
    return guidance
