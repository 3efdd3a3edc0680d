"""Responses of a source: read in blocks, combined over time bins, missing values left out."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from tgas_neuro.recordings.readers.time_bins import Window
from tgas_neuro.runtime.errors import UserError

BLOCK = 1 << 25  # [bytes] of the source that are in memory at a time


def read_responses(
    variable: xr.Variable, load: Callable[[xr.Variable], np.ndarray], window: Window | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read responses, (presentation, neuroid), float32, and which of them are missing.

    Parameters
    ----------
    variable
        Dims ``presentation``, ``neuroid`` and perhaps ``time_bin``, in any order; may lie on disk.
    load
        Makes numbers of a part of it.
    window
        The time bins to combine; None where there is no dim ``time_bin``.

    Returns
    -------
    responses, missing
        Missing (NaN in any time bin of the window) is a boolean array of the same shape, None
        where nothing is.
    """
    n_rows, n_sites = variable.sizes["presentation"], variable.sizes["neuroid"]
    responses = np.empty((n_rows, n_sites), dtype=np.float32)
    missing = None
    if window is not None:
        variable = variable.isel(time_bin=_as_slice(window.index))
    row_bytes = max(1, variable.dtype.itemsize * variable.size // n_rows)
    step = max(1, BLOCK // row_bytes)
    for first in range(0, n_rows, step):
        rows = slice(first, min(first + step, n_rows))
        part = variable.isel(presentation=rows)
        block = load(part.transpose("presentation", "neuroid", ...))
        if window is not None:
            block = _combine(block, window.weights)
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow becomes inf: refused later
            responses[rows] = block
        absent = np.isnan(responses[rows])
        if absent.any():
            missing = np.zeros(responses.shape, dtype=bool) if missing is None else missing
            missing[rows] = absent
    return responses, missing


def _as_slice(index: np.ndarray) -> slice | np.ndarray:
    """Bins in a row as a slice, which netCDF reads much faster than a list of numbers."""
    if (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _combine(block: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if len(weights) == 1 and weights[0] == 1:
        return block[..., 0]
    return block.astype(np.float64, copy=False) @ weights


def leave_out_missing(
    where: str,
    missing: np.ndarray | None,
    choice: str,
    presentation: dict[str, np.ndarray],
    neuroid: dict[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the presentations and of the sites that are kept.

    A presentation without any response is an absent repetition and is left out in any case.

    Parameters
    ----------
    where
        The file or data set, for messages.
    missing
        (presentation, neuroid), or None where nothing is missing.
    choice
        What to do with other missing values: ``refuse``, ``drop_sites`` or
        ``drop_presentations`` (each with any missing value; sites without any response are
        dropped by both).
    presentation, neuroid
        Labels, for messages.
    """
    rows = np.arange(len(presentation["stimulus_id"]))
    sites = np.arange(len(neuroid["neuroid_id"]))
    if missing is None:
        return rows, sites
    rows = rows[~missing.all(axis=1)]
    if len(rows) == 0:
        raise UserError(f"{where}: every response is missing (NaN); use a file with responses")
    kept = missing[rows]
    if not kept.any():
        return rows, sites
    if choice == "refuse":
        raise _word_missing(where, kept, rows, presentation, neuroid)
    if choice == "drop_sites":
        sites = sites[~kept.any(axis=0)]
    else:
        sites = sites[~kept.all(axis=0)]
        rows = rows[~kept[:, sites].any(axis=1)]
    if len(rows) == 0 or len(sites) == 0:
        raise UserError(
            f"{where}: options.missing: {choice!r} leaves {len(rows)} presentations and "
            f"{len(sites)} sites; choose the other of drop_sites and drop_presentations, or split "
            "the data set by session"
        )
    return rows, sites


def _word_missing(
    where: str, kept: np.ndarray, rows: np.ndarray, presentation: dict, neuroid: dict
) -> UserError:
    row, site = np.argwhere(kept)[0]
    silent = int(kept.all(axis=0).sum())
    return UserError(
        f"{where}: response of neuroid_id {str(neuroid['neuroid_id'][site])!r} to stimulus_id "
        f"{str(presentation['stimulus_id'][rows[row]])!r} is missing (NaN); {int(kept.sum())} such "
        f"values in {int(kept.any(axis=0).sum())} of {kept.shape[1]} sites, {silent} of them "
        "without any response; set options.missing to drop_sites or drop_presentations"
    )
