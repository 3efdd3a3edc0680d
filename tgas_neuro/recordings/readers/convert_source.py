"""Convert a source's assembly to ours: labels, time window, missing values, float32."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from tgas_neuro.recordings.assembly import SITE_RELIABILITY, build_assembly
from tgas_neuro.recordings.missing import mark_missing
from tgas_neuro.recordings.readers.options import NetcdfOptions
from tgas_neuro.recordings.readers.source_assembly import (
    SourceAssembly,
    check_source,
    format_absent,
    number_repetitions,
    read_presentation_labels,
    read_site_labels,
)
from tgas_neuro.recordings.readers.time_bins import (
    Window,
    check_window,
    choose_window,
    format_window,
)
from tgas_neuro.runtime.errors import UserError

COUNTS = "spikes"  # the unit of counts: they are added over time bins and never negative
NOT_STATED = "not stated by the source"


def convert_assembly(source: SourceAssembly, options: NetcdfOptions) -> xr.DataArray:
    """Convert a source to the project's assembly, dims ``("presentation", "neuroid")``, float32.

    Responses are read in blocks of presentations: beside the result, only one block and the labels
    are in memory. The order of presentations and sites is the source's. Constant sites
    are kept (the teacher leaves them out by their reliability), and so is a single repetition.

    Parameters
    ----------
    source
        As it lies in a file or comes from Brain-Score.
    options
        Of the reader; see `tgas_neuro.recordings.readers.options`.

    Raises
    ------
    UserError
        Naming the source, the label or option, the value, what is allowed and the way out.
    """
    check_source(source)
    unit = str(options.unit or source.attrs.get("unit") or NOT_STATED)
    presentation = read_presentation_labels(source, options)
    neuroid = read_site_labels(source, options)
    if options.site_reliability is not None:
        published = _read_reliability(source, options.site_reliability)
        n = options.reliability_presentations or 1
        neuroid[SITE_RELIABILITY] = published / (n - (n - 1) * published)
    elif options.reliability_presentations is not None:
        raise UserError(
            f"{source.where}: options.reliability_presentations: "
            f"{options.reliability_presentations} is given without options.site_reliability; name "
            "the label, or leave it out"
        )
    window, edges = _choose_window(source, options.window_ms, unit == COUNTS)
    responses, missing = read_responses(
        source.responses, source.load, window, options.missing_value, source.where
    )
    _check_range(source.where, responses, unit, presentation, neuroid)
    rows, sites = leave_out_missing(source.where, missing, options.missing, presentation, neuroid)
    if len(rows) < responses.shape[0]:
        responses = responses[rows]
    if len(sites) < responses.shape[1]:
        responses = responses[:, sites]
    presentation = {label: values[rows] for label, values in presentation.items()}
    presentation["repetition"] = number_repetitions(source.where, presentation)
    neuroid = {label: values[sites] for label, values in neuroid.items()}
    return build_assembly(responses, presentation, neuroid, {"unit": unit, "time_window_ms": edges})


def _read_reliability(source: SourceAssembly, label: str) -> np.ndarray:
    """The published reliability of each site, (neuroid,), in [-1, 1]; NaN where there is none."""
    dims, values = source.labels.get(label, (("neuroid",), None))
    if values is None or dims != ("neuroid",):
        raise format_absent(source, label, "neuroid")
    key = f"{source.where}: options.site_reliability: {label!r}"
    if values.dtype.kind not in "iuf":
        raise UserError(f"{key}: has values of type {values.dtype}; name a label of numbers")
    found = values.astype(np.float64)
    wrong = np.abs(found) > 1
    if wrong.any():
        raise UserError(
            f"{key}: is {found[wrong][0]:g} for a site ({int(wrong.sum())} of {len(found)} outside "
            "[-1, 1]), as a share in per cent would be; name a label that holds correlations"
        )
    if np.isnan(found).all():
        raise UserError(f"{key}: is missing (NaN) for all {len(found)} sites; leave the option out")
    return found


def _choose_window(
    source: SourceAssembly, window_ms: list[float] | None, counted: bool
) -> tuple[Window | None, list[float] | str]:
    """The bins to combine, None without a dim ``time_bin``; and the window's edges [ms]."""
    binned = "time_bin" in source.responses.dims
    absent: tuple[tuple[str, ...], np.ndarray] = (("none",), np.empty(0))
    bins = [source.labels.get(name, absent) for name in ("time_bin_start", "time_bin_end")]
    if all(dims in ((), ("time_bin",)) for dims, _ in bins):
        starts, stops = (np.ravel(values) for _, values in bins)
        window = choose_window(starts, stops, window_ms, counted, source.where)
        return (window if binned else None), window.edges
    if source.responses.sizes.get("time_bin", 1) > 1:
        raise format_absent(source, "time_bin_start and time_bin_end", "time_bin")
    only_bin = Window(np.array([0]), np.ones(1), []) if binned else None
    return only_bin, _read_window(source, window_ms)


def _read_window(source: SourceAssembly, window_ms: list[float] | None) -> list[float] | str:
    """The window [ms] of a source without time bins: its attribute or what the user states."""
    stated: Any = source.attrs.get("time_window_ms", "")
    has_edges = not isinstance(stated, str) and np.size(stated) == 2
    found = [float(edge) for edge in stated] if has_edges else None
    if window_ms is None:
        return found or str(stated or NOT_STATED)
    edges = list(check_window(window_ms, source.where))
    if found and found != edges:
        raise UserError(
            f"{source.where}: options.window_ms: {format_window(*edges)} is not the window that "
            f"the source states, {format_window(*found)} (time_window_ms), and there are no time "
            "bins to choose from; remove the option"
        )
    return edges


def _check_range(
    where: str, responses: np.ndarray, unit: str, presentation: dict, neuroid: dict
) -> None:
    limits: list[tuple[Callable[[np.ndarray], np.ndarray], str]] = [
        (np.isinf, "responses are finite numbers (up to 3e38): correct it")
    ]
    if unit == COUNTS:
        words = "unit 'spikes' means counts, which are never negative: correct it, or state "
        limits.append((lambda values: values < 0, f"{words}another unit"))
    for is_wrong, words in limits:
        wrong = is_wrong(responses)
        if wrong.any():
            row, site = np.unravel_index(int(wrong.argmax()), wrong.shape)
            raise UserError(
                f"{where}: response of neuroid_id {str(neuroid['neuroid_id'][site])!r} to "
                f"stimulus_id {str(presentation['stimulus_id'][row])!r} is "
                f"{responses[row, site]:g}; {words}"
            )


BLOCK = 1 << 25  # [bytes] of the source that are in memory at a time


def read_responses(
    variable: xr.Variable,
    load: Callable[[xr.Variable], np.ndarray],
    window: Window | None,
    missing_value: float | None = None,
    where: str = "",
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
    missing_value
        A number that marks missing responses beside NaN.
    where
        The file, for messages.

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
        if missing_value is not None:
            block = np.where(np.isclose(block, missing_value, rtol=1e-6, atol=0), np.nan, block)
        elif window is not None and len(window.weights) > 1:  # bins are combined
            block = mark_missing(block, None, where, "options.missing_value")
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
        raise _format_missing(where, kept, rows, presentation, neuroid)
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


def _format_missing(
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
