"""RDMs of the layers of the final network that match the regions best, to be shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.evaluation.teacher_guidance import FinalGuidance
from tgas_neuro.final.evaluation.trained import load_trained_network
from tgas_neuro.runtime.devices import computing_with
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.scoring.activations import record_activations
from tgas_neuro.scoring.scores import calc_layer_rdm
from tgas_neuro.scoring.scoring import CANDIDATE_DISTANCES, group_regions
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.shown_rows import choose_shown
from tgas_neuro.teacher.teacher import Teacher, load_teacher, resize_stimuli


def calc_layer_rdms(
    genotype: Mapping[str, Any],
    skeleton: Skeleton,
    weights: Path,
    guidance: FinalGuidance,
    teacher: Path,
    sources: Mapping[str, Source],
    visual_degrees: float,
    computing: Mapping[str, Any],
    scoring: Mapping[str, Any],
    seed: int,
) -> dict[str, xr.Dataset]:
    """The RDM of the layer that matches each region best on all stimuli.

    Parameters
    ----------
    guidance
        Content of ``teacher_guidance.json``, which names the layers.
    genotype, skeleton, weights, teacher, sources, visual_degrees, computing, scoring, seed
        See `tgas_neuro.final.evaluation.teacher_guidance.measure_teacher_guidance`.

    Returns
    -------
    rdms
        Region to a dataset with ``row`` ("shown",), numbers of the teacher's rows (see
        `choose_shown`); ``rdm`` ("pair",), float32, of these rows in scipy's order; and the attrs
        ``layer``, ``distance`` and ``similarity`` (as recorded, on all stimuli). A region without a
        matching layer is left out.
    """
    trained = load_trained_network(genotype, skeleton, weights, computing)
    loaded = load_teacher(teacher).regions
    best = {name: region["paper"] for name, region in guidance["regions"].items()}
    layers = {name: paper["layer"] for name, paper in best.items() if paper is not None}
    rows = {name: choose_shown(loaded[name]) for name in layers}
    shown = {name: _take_stimuli(loaded[name], rows[name]) for name in layers}
    size = skeleton.image_size
    seen = resize_stimuli(Teacher(shown, {}), sources, size, visual_degrees)
    found: dict[str, xr.Dataset] = {}
    for names in group_regions(seen):
        region = seen.regions[names[0]]
        distance = CANDIDATE_DISTANCES.get(region.attrs["distance"], region.attrs["distance"])
        with computing_with(computing["threads"]):
            recorded = record_activations(
                trained.network,
                {layers[name]: trained.layers[layers[name]] for name in names},
                region["images"].values,
                _number_rows(region["row"].values, rows[names[0]]),
                trained.device,
                distance=distance,
                max_units=scoring["max_units"],
                spatial_mean=scoring["spatial_mean"],
                seed=seed,
                batch_size=trained.batch_size,
            )
            rdms = {layer: calc_layer_rdm(one) for layer, one in recorded.items()}
        for name in names:
            values = guidance["regions"][name]["layers"][layers[name]]
            assert values is not None  # the layer was chosen among those that are defined
            found[name] = xr.Dataset(
                {"row": ("shown", rows[name]), "rdm": ("pair", rdms[layers[name]])},
                attrs={
                    "layer": layers[name],
                    "distance": region.attrs["distance"],
                    "similarity": values["all"],
                },
            )
    return {name: found[name] for name in layers}


def _take_stimuli(region: xr.Dataset, rows: np.ndarray) -> xr.Dataset:
    """The stimuli of some rows; what belongs to rows stays."""
    return region.isel(stimulus=np.flatnonzero(np.isin(region["row"].values, rows)))


def _number_rows(row: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The place of each stimulus's row among those that are shown."""
    place = np.empty(rows.max() + 1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return place[row]


def write_layer_rdms(path: str | Path, rdms: Mapping[str, xr.Dataset]) -> None:
    """Write them as one netCDF file with a group for each region, whole or not at all."""
    with written_whole(path) as beside:
        with netCDF4.Dataset(beside, "w") as file:
            file.setncattr("regions", ", ".join(rdms))
        for name, found in rdms.items():
            found.to_netcdf(beside, mode="a", group=name, engine="netcdf4")
