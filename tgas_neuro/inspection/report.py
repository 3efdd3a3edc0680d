"""What an assembly, its stimuli and published RDMs hold, in text, and what is wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import DIMS, REQUIRED_COORDS, find_problems
from tgas_neuro.recordings.stimuli import validate_images
from tgas_neuro.runtime.errors import UserError

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
    yield f"Responses    {sizes}, {unit}, window [ms] {_word_window(window)}"
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
        yield f"Sites        {int(rdms.attrs['n_sites'])}, of which only the RDM was published"
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


def _word_window(window: str | np.ndarray) -> str:
    edges = np.ravel(window).tolist()
    return " to ".join(
        f"{edge:g}" if isinstance(edge, int | float) else str(edge) for edge in edges
    )
