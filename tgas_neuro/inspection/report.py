"""What an assembly, its stimuli and published RDMs hold, in text, and what is wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.rdm import calc_noise_ceiling, calc_site_reliability
from tgas_neuro.rdm.noise_ceiling import MIN_CEILING, NoiseCeiling
from tgas_neuro.rdm.transferred_ceiling import calc_transferred_ceiling
from tgas_neuro.recordings.assembly import DIMS, REQUIRED_COORDS, SITE_RELIABILITY, find_problems
from tgas_neuro.recordings.stimuli import CEILING, USED_FOR, validate_images
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator

MOST_LISTED = 10  # values of a label that are listed one by one
LEAST_STIMULI = 6  # three a crossed half
LEAST_SITES = 2  # a pattern over one site does not vary


def is_described(assembly: xr.DataArray) -> bool:
    """Whether an assembly, right or wrong, has the dims and labels that its description needs."""
    return assembly.dims == DIMS and all(
        coord in assembly.coords and assembly[coord].dims == (dim,)
        for dim, coords in REQUIRED_COORDS.items()
        for coord in coords
    )


def describe_assembly(assembly: xr.DataArray) -> Iterator[str]:
    """Yield lines: dims, unit and window, repetitions, sites of each region and animal."""
    sizes = " x ".join(f"{assembly.sizes[dim]:,} {dim}s" for dim in assembly.dims)
    unit, window = (assembly.attrs.get(key, "unknown") for key in ("unit", "time_window_ms"))
    yield f"Responses    {sizes}, {unit}, window [ms] {_format_window(window)}"
    counts = np.unique(assembly["stimulus_id"].values.astype(str), return_counts=True)[1]
    yield (
        f"Repetitions  {counts.min()} to {counts.max()} of a stimulus, median {np.median(counts):g}"
    )
    sites = pd.DataFrame(
        {label: assembly[label].values.astype(str) for label in ("region", "animal")}
    )
    for (region, animal), number in sites.value_counts(sort=False).items():
        yield f"Sites        {region}, animal {animal}: {number}"
    for label in ("array", "session"):
        if label in assembly.coords and assembly[label].dims == ("neuroid",):
            yield f"             by {label}: {count_values(assembly[label].values)}"


def describe_stimuli(stimuli: pd.DataFrame) -> Iterator[str]:
    """Yield lines: number and width of the stimuli, and what the table says of them."""
    degrees = sorted(set(pd.to_numeric(stimuli["degrees"], errors="coerce")))
    widths = f"{degrees[0]:g}" if len(degrees) == 1 else f"{degrees[0]:g} to {degrees[-1]:g}"
    yield f"Stimuli      {len(stimuli):,} images, {widths} degrees wide"
    for label in ("category_name", "object_name", "variation"):
        if label in stimuli:
            yield f"             by {label}: {count_values(stimuli[label].to_numpy())}"


def describe_rdms(rdms: xr.Dataset) -> Iterator[str]:
    """Yield lines on published RDMs."""
    regions = ", ".join(rdms["region"].values.astype(str))
    yield f"RDM          {rdms.sizes['pair']:,} pairs of stimuli; regions: {regions}"
    if "n_sites" in rdms.attrs:
        yield f"Sites        {int(rdms.attrs['n_sites'])}, only their RDM was published"
    yield "             no repetitions, so no noise ceiling: name the region in teacher.uncorrected"


def count_values(values: np.ndarray) -> str:
    """How often each value is there, or how many there are where they are many."""
    found = pd.Series(values).value_counts(sort=False).sort_index()
    if len(found) > MOST_LISTED:
        return f"{len(found)} different"
    return ", ".join(f"{value} {number}" for value, number in found.items())


def find_assembly_problems(
    assembly: xr.DataArray, name: str, stimuli: pd.DataFrame | None
) -> Iterator[str]:
    """Yield what breaks the contract, and what keeps a region from being a teacher's."""
    yield from find_problems(assembly, name, stimuli)
    if "stimulus_id" in assembly.coords:
        n_stimuli = len(set(map(str, assembly["stimulus_id"].values)))
        if 0 < n_stimuli < LEAST_STIMULI:
            yield (
                f"{name}: {n_stimuli} stimuli; an RDM with crossed halves needs at least "
                f"{LEAST_STIMULI}"
            )
    if "region" in assembly.coords and assembly["region"].dims == ("neuroid",):
        regions, counts = np.unique(assembly["region"].values.astype(str), return_counts=True)
        for region, count in zip(regions, counts, strict=True):
            if count < LEAST_SITES:
                yield (
                    f"{name}: region {region} has {count} site; a response pattern needs at least "
                    f"{LEAST_SITES}: leave the region out"
                )


def find_stimulus_notes(stimuli: pd.DataFrame) -> Iterator[str]:
    """Yield what is allowed and worth knowing about stimuli."""
    doubled = stimuli["sha256"].duplicated(keep=False)
    if doubled.any():
        same = stimuli[stimuli["sha256"] == stimuli["sha256"][doubled].iloc[0]]["stimulus_id"]
        yield (
            f"{int(doubled.sum())} stimuli share their image with another, as {same.iloc[0]!r} and "
            f"{same.iloc[1]!r}: their true dissimilarity is 0, and they cannot be pooled"
        )


def find_image_problems(stimuli: pd.DataFrame, folder: Path) -> Iterator[str]:
    """Yield each image that is missing or is not the one of the table."""
    for number in range(len(stimuli)):
        try:
            validate_images(stimuli.iloc[[number]], folder)
        except UserError as error:
            yield str(error)


def _format_window(window: str | np.ndarray) -> str:
    edges = np.ravel(window).tolist()
    return " to ".join(
        f"{edge:g}" if isinstance(edge, int | float) else str(edge) for edge in edges
    )


MIN_SITE_RELIABILITY = 0.2  # the default of config.yaml: recordings.min_site_reliability
WIDTH = 40  # of the longest bar


def describe_reliability(
    assembly: xr.DataArray, n_splits: int, stimuli: pd.DataFrame | None = None
) -> Iterator[str]:
    """Yield a histogram of the sites' reliabilities and the noise ceiling of each region.

    Sites below `MIN_SITE_RELIABILITY` are left out of the RDM, and the others z-scored, as a run
    with the default configuration does it. All stimuli are rows.

    Parameters
    ----------
    assembly
        Checked, see `tgas_neuro.recordings.assembly.validate_assembly`.
    n_splits
        Random splits of the repetitions.
    stimuli
        Their table; stimuli that it says are used for the ceiling are no rows, and give
        reliability and ceiling for as many presentations as the rows have.
    """
    regions = assembly["region"].values.astype(str)
    repeated = np.zeros(assembly.sizes["presentation"], dtype=bool)
    if stimuli is not None and USED_FOR in stimuli:
        named = stimuli["stimulus_id"][stimuli[USED_FOR] == CEILING].astype(str)
        repeated = np.isin(assembly["stimulus_id"].values.astype(str), named)
    for region in sorted(set(regions.tolist())):
        part = assembly.isel(neuroid=np.flatnonzero(regions == region))
        shown = None
        if repeated.any():
            rows = part["stimulus_id"].values[~repeated].astype(str)
            shown = np.unique(rows, return_counts=True)[1]
            part = part.isel(presentation=np.flatnonzero(repeated))
        generator = derive_generator(0, "check", region)
        published = SITE_RELIABILITY in part.coords and shown is None
        reliability = (
            part[SITE_RELIABILITY].values
            if published
            else calc_site_reliability(
                part, n_splits, generator, None if shown is None else float(np.mean(shown))
            )
        )
        yield ""
        yield f"Region {region}, {len(reliability)} sites"
        method = "published" if published else f"Spearman-Brown, {n_splits} splits"
        yield from _describe_sites(reliability, method)
        yield f"  {_describe_ceiling(part, reliability, n_splits, generator, shown)}"


def draw_histogram(values: np.ndarray) -> Iterator[str]:
    """Yield a line per bin of width 0.1 from 0 to 1, and one for all below 0.

    Parameters
    ----------
    values
        (value,), at most 1, finite.
    """
    edges = np.round(np.arange(0, 1.05, 0.1), 1)
    counts = [int((values < 0).sum()), *np.histogram(values, edges)[0].tolist()]
    labels = ["below 0.0", *(f"{low:.1f} - {low + 0.1:.1f}" for low in edges[:-1])]
    for label, count in zip(labels, counts, strict=True):
        bar = "#" * int(np.ceil(WIDTH * count / max(counts)))
        yield f"    {label:>9}  {count:5d}  {bar}".rstrip()


def _describe_sites(reliability: np.ndarray, method: str) -> Iterator[str]:
    known = reliability[np.isfinite(reliability)]
    if not len(known):
        return
    yield (
        f"  reliability of the sites ({method}): median "
        f"{np.median(known):.3f}, {int((known < MIN_SITE_RELIABILITY).sum())} below "
        f"{MIN_SITE_RELIABILITY}"
    )
    yield from draw_histogram(known)
    if len(known) < len(reliability):
        yield f"    {len(reliability) - len(known)} sites that never vary have none"


def _describe_ceiling(
    part: xr.DataArray,
    reliability: np.ndarray,
    n_splits: int,
    generator: np.random.Generator,
    shown: np.ndarray | None,
) -> str:
    region = str(part["region"].values[0])
    way_out = f"name it to use it: teacher.uncorrected: [{region}]"
    if not np.isfinite(reliability).any():
        return f"no noise ceiling: nothing was repeated, or nothing varies; {way_out}"
    kept = np.flatnonzero(reliability >= MIN_SITE_RELIABILITY)
    if len(kept) < 2:
        return (
            f"no noise ceiling: {len(kept)} sites have a reliability of at least "
            f"{MIN_SITE_RELIABILITY}; lower recordings.min_site_reliability"
        )
    part = part.isel(neuroid=kept)
    if shown is not None:
        transferred = calc_transferred_ceiling([part], [shown], n_splits, generator)
        if transferred.ceiling is None:
            return f"no noise ceiling: repeated presentations do not agree; {way_out}"
        text = (
            f"noise ceiling {transferred.ceiling:.3f} of {len(kept)} sites and a mean of "
            f"{np.mean(shown):g} presentations, from {transferred.n_rows} repeated stimuli that "
            "are no rows of the RDM"
        )
        return text if transferred.ceiling >= MIN_CEILING else f"{text}; that is low: {way_out}"
    found = calc_noise_ceiling(part, n_splits, generator)
    assert isinstance(found, NoiseCeiling)  # of one assembly
    if found.ceiling is None:
        return f"no noise ceiling: the halves of the repetitions do not agree; {way_out}"
    text = (
        f"noise ceiling {found.ceiling:.3f} of {len(kept)} sites and {found.n_rows} stimuli "
        f"(split-half r of the RDM {found.split_half:.3f}, Spearman-Brown {found.reliability:.3f})"
    )
    return text if found.ceiling >= MIN_CEILING else f"{text}; that is low: {way_out}"
