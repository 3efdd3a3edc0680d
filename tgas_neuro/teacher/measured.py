"""A region from repeated responses: filtered, normalised sites, their RDM, what bounds it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from tgas_neuro.errors import UserError
from tgas_neuro.rdm import NoiseCeiling, calc_noise_ceiling, calc_site_reliability
from tgas_neuro.rdm.repetitions import Repetitions, index_repetitions
from tgas_neuro.seeds import derive_generator
from tgas_neuro.teacher.dissimilarities import average_sites, calc_site_rdm, describe_animals
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.region import (
    CEILING_METHODS,
    Shown,
    add_ceilings,
    build_no_ceilings,
    build_region,
    check_rdm,
)

SAME_RESPONSE = (
    "the responses to a stimulus do not vary over sites; use more sites (lower "
    "recordings.min_site_reliability) or leave the stimulus out"
)
UNDEFINED = {
    "correlation": SAME_RESPONSE,
    "cosine": SAME_RESPONSE,
    "euclidean": SAME_RESPONSE,
    "crossnobis": "a stimulus was shown only once; leave it out or take another teacher.distance",
}


@dataclass(frozen=True)
class Measured:
    """Repeated responses of the sites of a region.

    Attributes
    ----------
    assembly
        Dims ("presentation", "neuroid").
    shown
        The stimuli of its presentations.
    site_reliability
        (neuroid,), see `tgas_neuro.rdm.calc_site_reliability`.
    n_sites_measured
        Sites before unreliable ones were left out.
    """

    assembly: xr.DataArray
    shown: Shown
    site_reliability: np.ndarray
    n_sites_measured: int


def filter_sites(
    assembly: xr.DataArray, shown: Shown, name: str, options: TeacherOptions
) -> Measured:
    """Keep the sites that repeat themselves; all of them where nothing was repeated."""
    reliability = calc_site_reliability(
        assembly, options.splits, derive_generator(options.seed, "teacher", name, "sites")
    )
    measured = Measured(assembly, shown, reliability, len(reliability))
    if np.isnan(reliability).all():
        return measured
    keep = np.nan_to_num(reliability, nan=-1.0) >= options.min_site_reliability
    if not keep.any():
        raise UserError(
            f"recordings.min_site_reliability: {options.min_site_reliability} leaves no site of "
            f"region {name}; the best of {len(keep)} has {np.nanmax(reliability):.3f}: lower it"
        )
    return replace(
        measured,
        assembly=assembly.isel(neuroid=np.flatnonzero(keep)),
        site_reliability=reliability[keep],
    )


def build_measured_region(
    name: str, measured: Measured, options: TeacherOptions, **attrs: Any
) -> xr.Dataset:
    """Build a region: RDM of the mean responses, noise ceilings, across-animal bounds."""
    assembly, shown = measured.assembly, measured.shown
    responses = average_sites(assembly, shown, options)
    rdm = check_rdm(calc_site_rdm(assembly, shown, options), name, UNDEFINED[options.distance])
    counts = index_measured(measured).counts.numpy()
    region = build_region(
        shown,
        rdm,
        options,
        simulated=int(bool(assembly.attrs.get("simulated", 0))),
        stimuli_digest=assembly.attrs["stimuli_digest"],
        n_sites=assembly.sizes["neuroid"],
        n_sites_measured=measured.n_sites_measured,
        repetitions_min=int(counts.min()),
        repetitions_median=float(np.median(counts)),
        repetitions_max=int(counts.max()),
        **describe_animals(assembly, shown, options),
        **attrs,
    )
    region["responses"] = (("row_name", "neuroid"), responses.numpy().astype(np.float32))
    region["neuroid_id"] = ("neuroid", assembly["neuroid_id"].values.astype(str))
    region["animal"] = ("neuroid", assembly["animal"].values.astype(str))
    region["site_reliability"] = ("neuroid", measured.site_reliability)
    add_ceilings(region, calc_ceilings(name, measured, options))
    return region


def index_measured(measured: Measured) -> Repetitions:
    """The responses with the stimulus and row number of each presentation."""
    shown = measured.shown
    return index_repetitions(
        measured.assembly, shown.stimuli["stimulus_id"].to_numpy(), shown.rows.of_stimulus
    )


def calc_ceilings(
    name: str, measured: Measured, options: TeacherOptions
) -> tuple[NoiseCeiling, ...]:
    """Noise ceilings of all rows and of both crossed halves, from the same splits."""
    if (options.distance, options.comparison) != CEILING_METHODS:
        return build_no_ceilings(options)
    return calc_noise_ceiling(
        measured.assembly,
        options.splits,
        derive_generator(options.seed, "teacher", name, "splits"),
        stimulus_ids=measured.shown.stimuli["stimulus_id"].to_numpy(),
        row=measured.shown.rows.of_stimulus,
        normalise=options.normalise,
        halves=measured.shown.half,
    )
