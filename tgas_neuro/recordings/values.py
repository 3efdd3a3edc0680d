"""Values that no assembly may hold: missing ones, marks of them, and spikes that are none."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from tgas_neuro.recordings.missing import find_sentinel


def find_no_counts(values: np.ndarray) -> np.ndarray:
    """Which values are no counts, as they are negative or fractions; NaN is none of these."""
    return (values < 0) | (values % 1 != 0) & ~np.isnan(values)


def find_wrong_values(assembly: xr.DataArray, name: str) -> Iterator[str]:
    """Say in a line each what an assembly may not hold.

    Parameters
    ----------
    assembly
        Dims ``("presentation", "neuroid")``, with ``stimulus_id`` and ``neuroid_id``.
    name
        The file or data set, for messages.
    """
    if assembly.dtype.kind not in "fiub":
        return
    finite = np.isfinite(assembly.values)
    if finite.all():
        yield from _find_marks(assembly, name)
        yield from _find_wrong_spikes(assembly, name)
        return
    sites = assembly["neuroid_id"].values
    dead = ~finite.any(axis=0)
    if dead.any():
        yield (
            f"{name}: site {str(sites[dead][0])!r} has no finite response ({int(dead.sum())} such "
            "sites); leave them out in the reader or the file"
        )
    wrong = ~finite & ~dead
    if wrong.any():
        place = _name_first(assembly, wrong, name)
        yield (
            f"{place} is {assembly.values[wrong][0]} ({int(wrong.sum())} such values); leave them "
            "out, as by options.missing of a reader"
        )


def _find_marks(assembly: xr.DataArray, name: str) -> Iterator[str]:
    found = find_sentinel(assembly.values)
    if found is not None:
        marked = assembly.values == np.float32(found.value)
        yield f"{_name_first(assembly, marked, name)} is {found}"


def _find_wrong_spikes(assembly: xr.DataArray, name: str) -> Iterator[str]:
    if assembly.attrs.get("unit") != "spikes":
        return
    wrong = find_no_counts(assembly.values)
    if wrong.any():
        place = _name_first(assembly, wrong, name)
        yield (
            f"{place} is {assembly.values[wrong][0]:g} ({int(wrong.sum())} such values); the unit "
            "spikes is for counts, whole numbers from 0: name another unit, as Hz or spikes minus "
            "baseline, or correct the values"
        )


def _name_first(assembly: xr.DataArray, chosen: np.ndarray, name: str) -> str:
    """The first chosen response, by its site and its stimulus."""
    row, column = np.argwhere(chosen)[0]
    site, stimulus = assembly["neuroid_id"].values[column], assembly["stimulus_id"].values[row]
    return f"{name}: response of site {str(site)!r} to stimulus {str(stimulus)!r}"
