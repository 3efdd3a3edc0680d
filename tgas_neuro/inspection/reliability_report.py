"""How reliable the sites and the RDM of each region of an assembly are, in text."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from tgas_neuro.rdm import calc_noise_ceiling, calc_site_reliability
from tgas_neuro.rdm.noise_ceiling import MIN_CEILING
from tgas_neuro.runtime.seeds import derive_generator

MIN_SITE_RELIABILITY = 0.2  # the default of config.yaml: recordings.min_site_reliability
WIDTH = 40  # of the longest bar


def describe_reliability(assembly: xr.DataArray, n_splits: int) -> Iterator[str]:
    """Yield a histogram of the sites' reliabilities and the noise ceiling of each region.

    Sites below `MIN_SITE_RELIABILITY` are left out of the RDM, and the others z-scored, as a run
    with the default configuration does it. All stimuli are rows.

    Parameters
    ----------
    assembly
        Checked, see `tgas_neuro.recordings.assembly.validate_assembly`.
    n_splits
        Random splits of the repetitions.
    """
    regions = assembly["region"].values.astype(str)
    for region in sorted(set(regions.tolist())):
        part = assembly.isel(neuroid=np.flatnonzero(regions == region))
        generator = derive_generator(0, "check", region)
        reliability = calc_site_reliability(part, n_splits, generator)
        yield ""
        yield f"Region {region}, {len(reliability)} sites"
        yield from _describe_sites(reliability, n_splits)
        yield f"  {_describe_ceiling(part, reliability, n_splits, generator)}"


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


def _describe_sites(reliability: np.ndarray, n_splits: int) -> Iterator[str]:
    known = reliability[np.isfinite(reliability)]
    if not len(known):
        return
    yield (
        f"  reliability of the sites (Spearman-Brown, {n_splits} splits): median "
        f"{np.median(known):.3f}, {int((known < MIN_SITE_RELIABILITY).sum())} below "
        f"{MIN_SITE_RELIABILITY}"
    )
    yield from draw_histogram(known)
    if len(known) < len(reliability):
        yield f"    {len(reliability) - len(known)} sites that never vary have none"


def _describe_ceiling(
    part: xr.DataArray, reliability: np.ndarray, n_splits: int, generator: np.random.Generator
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
    found = calc_noise_ceiling(part.isel(neuroid=kept), n_splits, generator)
    if found.ceiling is None:
        return f"no noise ceiling: the halves of the repetitions do not agree; {way_out}"
    text = (
        f"noise ceiling {found.ceiling:.3f} of {len(kept)} sites and {found.n_rows} stimuli "
        f"(split-half r of the RDM {found.split_half:.3f}, Spearman-Brown {found.reliability:.3f})"
    )
    return text if found.ceiling >= MIN_CEILING else f"{text}; that is low: {way_out}"
