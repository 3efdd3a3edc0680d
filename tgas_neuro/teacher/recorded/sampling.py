"""A random part of recordings, as though no more had been recorded."""

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.recordings import SiteSample
from tgas_neuro.recordings.assembly import SITE_RELIABILITY
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.recorded.selection import Parts


def draw_sample(parts: Parts, repeated: Parts, region: str, source: Source) -> tuple[Parts, Parts]:
    """Draw sites and, of each stimulus, presentations.

    The draw depends on ``sample.draw`` and the name of the region alone. Sites and presentations
    are the first ones of a random order: those of a smaller sample are in a larger one of the
    same draw, and which presentations are taken does not depend on the number of sites.

    Parameters
    ----------
    parts
        An assembly, dims ("presentation", "neuroid"), for each data set.
    repeated
        Presentations of the same sites that give the ceiling, or none.
    region, source
        Name of the region, for messages, and where it comes from; without ``source.sample``
        nothing is drawn.

    Returns
    -------
    parts, repeated
        What was drawn; data sets without any of the sites are left out.

    Raises
    ------
    UserError
        There are fewer sites or presentations, or the ceiling is not that of the presentations.
    """
    sample = source.sample
    if sample is None:
        return parts, repeated
    key = f"recordings.regions.{region}.sample"
    if sample.repetitions is not None:
        _check_repetitions(parts, repeated, sample.repetitions, f"{key}.repetitions", source)
        rng = derive_generator(sample.draw, "sample", region, "repetitions")
        parts = tuple(_draw_presentations(part, sample.repetitions, rng) for part in parts)
    if sample.neuroids is None:
        return parts, repeated
    sizes = [part.sizes["neuroid"] for part in parts]
    if sample.neuroids > sum(sizes):
        raise UserError(
            f"{key}.neuroids: {sample.neuroids}, but region {region} of {source.dataset} has "
            f"{sum(sizes)} sites; take fewer, or null for all"
        )
    rng = derive_generator(sample.draw, "sample", region, "neuroids")
    drawn = np.zeros(sum(sizes), dtype=bool)
    drawn[rng.permutation(len(drawn))[: sample.neuroids]] = True
    of_parts = np.split(drawn, np.cumsum(sizes)[:-1])

    def take(assemblies: Parts) -> Parts:
        return tuple(
            part.isel(neuroid=np.flatnonzero(sites))
            for part, sites in zip(assemblies, of_parts, strict=True)
            if sites.any()
        )

    return take(parts), take(repeated) if repeated else ()


def describe_sample(sample: SiteSample | None) -> str:
    """The sample in words, to be added to a description; "" without one."""
    if sample is None:
        return ""
    sites = "all" if sample.neuroids is None else sample.neuroids
    shown = "all" if sample.repetitions is None else sample.repetitions
    return f", sample of {sites} sites, {shown} presentations a stimulus, draw {sample.draw}"


def _check_repetitions(
    parts: Parts, repeated: Parts, number: int, key: str, source: Source
) -> None:
    if repeated:
        raise UserError(
            f"{key}: {number}, but the noise ceiling of {source.dataset} comes from other, "
            "repeated stimuli; remove the key"
        )
    if any(SITE_RELIABILITY in part.coords for part in parts):
        raise UserError(
            f"{key}: {number}, but the reliability of the sites of {source.dataset} was published "
            "for all presentations; remove the key"
        )
    for part in parts:
        counts = pd.Series(part["stimulus_id"].values.astype(str)).value_counts()
        if number > counts.min():
            raise UserError(
                f"{key}: {number}, but stimulus {counts.idxmin()!r} of {source.dataset} has "
                f"{counts.min()} presentations; take at most as many, or null for all"
            )


def _draw_presentations(
    part: xr.DataArray, number: int, generator: np.random.Generator
) -> xr.DataArray:
    """Leave so many presentations of each stimulus, in the order that they had."""
    stimulus = pd.factorize(part["stimulus_id"].values.astype(str))[0]
    order = np.lexsort([generator.random(len(stimulus)), stimulus])
    counts = np.bincount(stimulus)
    place = np.arange(len(stimulus)) - (np.cumsum(counts) - counts)[stimulus[order]]
    return part.isel(presentation=np.sort(order[place < number]))
