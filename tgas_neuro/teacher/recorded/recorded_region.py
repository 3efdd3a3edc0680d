"""A region of repeated responses: reliable sites, their RDM, and what bounds it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.config.teacher import OF_RESPONSES
from tgas_neuro.rdm import NoiseCeiling, calc_crossnobis, calc_noise_ceiling, calc_rdm
from tgas_neuro.rdm.distances import calc_patterns
from tgas_neuro.rdm.reliability import calc_animal_bounds
from tgas_neuro.rdm.repetitions import (
    Repetitions,
    average_repetitions,
    index_repetitions,
    standardise_sites,
)
from tgas_neuro.rdm.transferred_ceiling import calc_published_ceiling, calc_transferred_ceiling
from tgas_neuro.recordings.assembly import SITE_RELIABILITY
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.recorded.joining import describe_repeated
from tgas_neuro.teacher.recorded.selection import (
    Parts,
    calc_reliability,
    count_presentations,
    join_digests,
)
from tgas_neuro.teacher.region import (
    CEILING_METHODS,
    Shown,
    add_ceilings,
    build_no_ceilings,
    build_region,
    check_rdm,
)
from tgas_neuro.teacher.teacher import MOST_STORED, ShownPictures

PUBLISHED = "the published reliabilities of the sites, whose noise is taken as independent"
MIN_ANIMAL_SITES = 2  # a pattern over one site does not vary
MOST_ANIMAL_ROWS = 8000  # of the RDMs that are compared across animals; of more, some are taken


def index_parts(parts: Parts, shown: Shown) -> list[Repetitions]:
    """Responses of each data set with the stimulus and row number of each presentation."""
    stimulus_ids = shown.stimuli["stimulus_id"].to_numpy()
    return [index_repetitions(part, stimulus_ids, shown.rows.of_stimulus) for part in parts]


def average_sites(parts: Parts, shown: Shown, options: TeacherOptions) -> torch.Tensor:
    """Normalised mean responses of the rows, sites side by side, (row, neuroid), float64."""
    means = [average_repetitions(repetitions) for repetitions in index_parts(parts, shown)]
    return standardise_sites(torch.cat(means, dim=1), options.normalise)


def calc_site_rdm(
    parts: Parts, shown: Shown, options: TeacherOptions, rows: slice = slice(None)
) -> np.ndarray:
    """RDM of sites, (pair,), float32; of some rows where it is not crossnobis.

    Correlation, cosine and Euclidean distances are those of the normalised mean responses.
    Crossnobis takes the repetitions. Sites of different data sets, which were not recorded at the
    same time, share no noise: with a covariance of blocks, the squared distance of all sites is
    the sum of those of the data sets, and per neuroid it is their mean, weighted by neuroids.
    """
    if options.distance != "crossnobis":
        return calc_rdm(average_sites(parts, shown, options)[rows], options.distance).numpy()
    rdms = [_calc_crossnobis(part, shown, options) for part in parts]
    n_sites = [part.sizes["neuroid"] for part in parts]
    return np.average(np.stack(rdms).astype(float), axis=0, weights=n_sites).astype(np.float32)


def _calc_crossnobis(assembly: xr.DataArray, shown: Shown, options: TeacherOptions) -> np.ndarray:
    """Crossnobis distances of one data set, (pair,), float32.

    Each site is first divided by its deviation over rows where ``recordings.normalise`` is zscore,
    so that none dominates the shrunken covariance.
    """
    stimulus_ids = shown.stimuli["stimulus_id"].to_numpy()
    if options.normalise == "zscore":
        repetitions = index_repetitions(assembly, stimulus_ids, shown.rows.of_stimulus)
        deviation = average_repetitions(repetitions).std(dim=0, correction=0).numpy()
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        assembly = assembly.copy(data=(assembly.values * scale).astype(np.float32))
    return calc_crossnobis(assembly, stimulus_ids, shown.rows.of_stimulus)


def describe_animals(parts: Parts, shown: Shown, options: TeacherOptions) -> dict[str, float]:
    """How well the animals agree: bounds across them (Nili et al. 2014), attributes of a region.

    An animal of the same name in two data sets is the same.
    Of more than `MOST_ANIMAL_ROWS` rows, every second, third ... is taken.
    ``animal_lower`` and ``animal_upper`` are NaN with fewer than two animals of two sites each,
    and where RDMs are not what is compared (cka, ridge, pls).
    """
    animals = [part["animal"].values.astype(str) for part in parts]
    names, counts = np.unique(np.concatenate(animals), return_counts=True)
    names = names[counts >= MIN_ANIMAL_SITES]
    bounds = (np.nan, np.nan)
    if len(names) >= 2 and options.comparison not in OF_RESPONSES:
        some = slice(None, None, -(-len(shown.rows.names) // MOST_ANIMAL_ROWS))
        rdms = [calc_site_rdm(_take_animal(parts, name), shown, options, some) for name in names]
        bounds = calc_animal_bounds(np.stack(rdms), options.comparison)
    lower, upper = bounds
    return {"animal_lower": lower, "animal_upper": upper, "n_animals": len(names)}


def _take_animal(parts: Parts, name: str) -> Parts:
    found = [np.flatnonzero(part["animal"].values.astype(str) == name) for part in parts]
    return tuple(
        part.isel(neuroid=sites) for part, sites in zip(parts, found, strict=True) if len(sites)
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
    parts
        An assembly, dims ("presentation", "neuroid"), for each data set that has sites; see
        `tgas_neuro.teacher.recorded.selection`.
    shown
        The stimuli of their presentations.
    site_reliability
        (neuroid,) of all parts, see `tgas_neuro.rdm.calc_site_reliability`.
    n_sites_measured
        Sites before unreliable ones were left out.
    stimuli_digest
        Of the stimuli of the data sets, shared or not.
    repeated
        Repeated stimuli of the same sites that give reliability and ceiling in place of the
        presentations of `parts`, an assembly for each of these; empty where there are none.
    notes
        What a user should know of the data sets, one line each.
    """

    parts: Parts
    shown: Shown
    site_reliability: np.ndarray
    n_sites_measured: int
    stimuli_digest: str
    repeated: Parts = ()
    notes: tuple[str, ...] = ()

    @property
    def published(self) -> bool:
        """Whether the reliability of all sites is published, and nothing was repeated."""
        stated = all(SITE_RELIABILITY in part.coords for part in self.parts)
        return stated and all((count_presentations(part) == 1).all() for part in self.parts)

    def concatenate(self, coord: str) -> np.ndarray:
        """A coordinate of the sites of all parts, as text, (neuroid,)."""
        return np.concatenate([part[coord].values.astype(str) for part in self.parts])


def filter_sites(
    parts: Parts, shown: Shown, name: str, options: TeacherOptions, repeated: Parts = ()
) -> Measured:
    """Keep the sites that repeat themselves; all those of a data set where nothing was repeated.

    With `repeated`, reliability is that of as many presentations as the stimuli of `parts` have.
    """
    reliability = calc_reliability(parts, name, options, repeated)
    least = options.min_site_reliability
    kept = [
        np.arange(len(found)) if np.isnan(found).all() else np.flatnonzero(found >= least)
        for found in reliability
    ]
    every = np.concatenate(reliability)
    if not any(map(len, kept)):
        raise UserError(
            f"recordings.min_site_reliability: {least} leaves no site of region {name}; the best "
            f"of {len(every)} has {np.nanmax(every):.3f}: lower it"
        )

    def keep(assemblies: Parts) -> Parts:
        return tuple(
            part.isel(neuroid=sites)
            for part, sites in zip(assemblies, kept, strict=True)
            if len(sites)
        )

    return Measured(
        keep(parts),
        shown,
        np.concatenate([found[sites] for found, sites in zip(reliability, kept, strict=True)]),
        len(every),
        join_digests([part.attrs["stimuli_digest"] for part in parts]),
        keep(repeated) if repeated else (),
    )


def build_measured_region(
    name: str,
    measured: Measured,
    options: TeacherOptions,
    pictures: ShownPictures | None = None,
    **attrs: Any,
) -> xr.Dataset:
    """Build a region: RDM of the mean responses, noise ceilings, across-animal bounds."""
    parts, shown = measured.parts, measured.shown
    responses = average_sites(parts, shown, options)
    rdm, reason = None, UNDEFINED[options.distance]
    if len(responses) ** 2 // 2 > MOST_STORED and options.distance != "crossnobis":
        patterns = calc_patterns(responses, options.distance)
        check_rdm(patterns[:, 0].numpy(), name, reason, options.comparison)  # a row is all NaN
    else:
        rdm = check_rdm(calc_site_rdm(parts, shown, options), name, reason, options.comparison)
    counts = torch.cat([repetitions.counts for repetitions in index_parts(parts, shown)]).numpy()
    region = build_region(
        shown,
        rdm,
        options,
        pictures,
        simulated=int(any(part.attrs.get("simulated", 0) for part in parts)),
        stimuli_digest=measured.stimuli_digest,
        n_sites=len(measured.site_reliability),
        n_sites_measured=measured.n_sites_measured,
        repetitions_min=int(counts.min()),
        repetitions_median=float(np.median(counts)),
        repetitions_max=int(counts.max()),
        **describe_animals(parts, shown, options),
        **attrs,
    )
    region["responses"] = (("row_name", "neuroid"), responses.numpy().astype(np.float32))
    region["neuroid_id"] = ("neuroid", measured.concatenate("neuroid_id"))
    region["animal"] = ("neuroid", measured.concatenate("animal"))
    region["site_reliability"] = ("neuroid", measured.site_reliability)
    if all("dataset" in part.coords for part in parts):  # not of a network's units
        region["site_dataset"] = ("neuroid", measured.concatenate("dataset"))
    add_ceilings(region, calc_ceilings(name, measured, options))
    if measured.repeated:
        region.attrs["ceiling_from"] = describe_repeated(measured.parts, measured.repeated)
    elif measured.published and np.isfinite(region.attrs["ceiling"]):
        region.attrs["ceiling_from"] = PUBLISHED
    if measured.notes:
        noted = filter(None, [region.attrs.get("notes")])
        region.attrs["notes"] = "\n".join([*measured.notes, *noted])
    return region


def calc_ceilings(
    name: str, measured: Measured, options: TeacherOptions
) -> tuple[NoiseCeiling, ...]:
    """Noise ceilings of all rows and of both crossed halves, from the same splits."""
    if (options.distance, options.comparison) != CEILING_METHODS:
        return build_no_ceilings(options)
    if measured.repeated:
        if options.level != "image":  # rows of other numbers of presentations
            return build_no_ceilings(options)
        found = calc_transferred_ceiling(
            measured.repeated,
            [count_presentations(part) for part in measured.parts],
            options.splits,
            derive_generator(options.seed, "teacher", name, "splits"),
            options.normalise,
        )
        return (found,) * 3  # of the whole RDM and of its halves, whose rows are as noisy
    if measured.published:
        if options.level != "image":  # the mean of several images is more reliable than one
            return build_no_ceilings(options)
        responses = average_sites(measured.parts, measured.shown, options)
        return (calc_published_ceiling(responses, measured.site_reliability, options.splits),) * 3
    ceilings = calc_noise_ceiling(
        measured.parts,
        options.splits,
        derive_generator(options.seed, "teacher", name, "splits"),
        stimulus_ids=measured.shown.stimuli["stimulus_id"].to_numpy(),
        row=measured.shown.rows.of_stimulus,
        normalise=options.normalise,
        halves=measured.shown.half,
    )
    assert isinstance(ceilings, tuple)  # halves were passed
    return ceilings
