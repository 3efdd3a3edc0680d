"""Cells of MATLAB that hold responses: ragged repetitions, or times of spikes to be counted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tgas_neuro.recordings.readers.options import ArraysOptions
from tgas_neuro.recordings.readers.time_bins import check_window, format_window
from tgas_neuro.runtime.errors import UserError

PER_MS = {"s": 1000.0, "ms": 1.0}


def stack_cells(cells: np.ndarray, axes: Sequence[str], where: str) -> np.ndarray:
    """Responses of cells as one array, with NaN where a cell has fewer repetitions than another.

    The axes of the cells come first, then those of what each holds: a cell for each stimulus of
    (repetition, neuroid), or for each neuroid and stimulus of (repetition,). An axis of the cells
    of one element is left out if it has no name in `axes`.

    Parameters
    ----------
    cells
        Arrays of numbers, or cells of cells, in MATLAB's axes.
    axes
        Names of all axes.
    where
        File and variable, for messages.

    Raises
    ------
    UserError
        Cells and axes do not fit, or cells differ in another axis than ``repetition``.
    """
    cells = _merge(cells)
    parts = [_get_numbers(part, where) for part in cells.ravel(order="F")]
    vector = np.squeeze(cells) if cells.size > 1 else cells.reshape(1)
    candidates = (vector, cells) if cells.ndim < len(axes) else (cells, vector)
    if len({part.shape for part in parts}) == 1:  # one axis for all cells, if they are alike
        candidates = (*candidates, cells.ravel(order="F"))
    for outer in candidates:
        inner = len(axes) - outer.ndim
        fitted = _fit_all(parts, inner)
        if fitted is not None:
            return _pad(fitted, outer.shape, list(axes[outer.ndim :]), where)
    shapes = sorted({" x ".join(map(str, part.shape)) for part in parts})[:3]
    way_out = "name first the axes of the cells, then those of what each holds"
    if all(part.size in part.shape for part in parts):
        way_out += ", or set options.responses.spike_times if they are times of spikes"
    raise UserError(
        f"{where}: {' x '.join(map(str, cells.shape))} cells of {', '.join(shapes)} numbers do "
        f"not have the axes {', '.join(axes)}; {way_out}"
    )


def _merge(cells: np.ndarray) -> np.ndarray:
    """Cells of cells, as of a struct array with a field of cells, as one array of cells."""
    if not all(isinstance(part, np.ndarray) and part.dtype == object for part in cells.flat):
        return cells
    inner = [np.squeeze(part) for part in cells.ravel(order="F")]
    if len({part.shape for part in inner}) != 1:
        return cells
    merged = np.empty((len(inner), *inner[0].shape), dtype=object)
    for number, part in enumerate(inner):
        merged[number] = part
    return merged


def _get_numbers(part: Any, where: str) -> np.ndarray:
    values = np.asarray(part)
    if values.dtype.kind not in "fiub":
        raise UserError(
            f"{where}: a cell holds {values.dtype}, expected numbers; save cells of numbers, or "
            "name another variable"
        )
    return values


def _fit_all(parts: list[np.ndarray], ndim: int) -> list[np.ndarray] | None:
    if ndim < 0:
        return None
    fitted = [found for part in parts if (found := _fit(part, ndim)) is not None]
    return fitted if len(fitted) == len(parts) else None


def _fit(part: np.ndarray, ndim: int) -> np.ndarray | None:
    """The part with as many axes, leaving out those of one element; None if it has others."""
    if part.size == 0 and ndim:
        return np.zeros((0, *part.shape[1:])) if part.ndim == ndim else np.zeros((0,) * ndim)
    if part.ndim == ndim:
        return part
    squeezed = np.squeeze(part)
    if squeezed.ndim > ndim:
        return None
    return squeezed.reshape(squeezed.shape + (1,) * (ndim - squeezed.ndim))


def _pad(
    parts: list[np.ndarray], outer: tuple[int, ...], axes: list[str], where: str
) -> np.ndarray:
    """The parts side by side, the shorter ones filled with NaN along ``repetition``."""
    held = [part.shape for part in parts if part.size]
    if not held:
        raise UserError(f"{where}: all {len(parts)} cells are empty; name another variable")
    largest = np.max(held, axis=0, initial=0).astype(int)
    for axis, name in enumerate(axes):
        sizes = sorted({shape[axis] for shape in held})
        if len(sizes) > 1 and name != "repetition":
            raise UserError(
                f"{where}: the cells have {sizes[0]} to {sizes[-1]} along {name}; only their "
                "repetitions may differ: correct options.responses.axes or the cells"
            )
    empty = any(not part.size for part in parts)
    if empty and "repetition" not in axes:
        raise UserError(
            f"{where}: {sum(not part.size for part in parts)} of {len(parts)} cells are empty; "
            "fill them with NaN or leave them out"
        )
    padded = np.full((len(parts), *largest), np.nan)
    for row, part in zip(padded, parts, strict=True):
        if part.size:
            row[tuple(slice(size) for size in part.shape)] = part
    # cells in MATLAB's order, where the first axis changes fastest, along their own axes again
    return padded[np.arange(len(parts)).reshape(outer, order="F")]


def count_spikes(
    cells: np.ndarray, axes: Sequence[str], unit: str, window_ms: Sequence[float], where: str
) -> np.ndarray:
    """Spikes from the start up to, but not at, the stop of a window, in each cell.

    Parameters
    ----------
    cells
        Times of spikes after the onset of the stimulus. An empty cell has no spikes; one that
        holds NaN and nothing else was not recorded, and its count is NaN.
    axes
        Names of the axes of the cells.
    unit
        Of the times: ``s`` or ``ms``.
    window_ms
        Start and stop [ms].
    where
        File and variable, for messages.

    Raises
    ------
    UserError
        The cells have other axes, or no spike of any cell is in the window.
    """
    cells = _merge(cells)
    first, last = check_window(window_ms, where)
    shaped = cells if cells.ndim == len(axes) else np.squeeze(cells)
    if shaped.ndim != len(axes):
        raise UserError(
            f"{where}: {' x '.join(map(str, cells.shape))} cells do not have the axes "
            f"{', '.join(axes)}; with spike_times, name the axes of the cells"
        )
    counts = np.empty(shaped.shape)
    for place, part in np.ndenumerate(shaped):
        times = _get_numbers(part, where).ravel() * PER_MS[unit]
        unrecorded = times.size > 0 and bool(np.isnan(times).all())
        inside = (times >= first) & (times < last)
        counts[place] = np.nan if unrecorded else np.count_nonzero(inside)
    if not np.nansum(counts):
        raise UserError(
            f"{where}: no spike is in the window {format_window(first, last)} ms; the times are "
            f"in {unit} after the onset: correct spike_times or the window"
        )
    return counts


def read_cells(
    cells: np.ndarray, axes: Sequence[str], unit: str | None, options: ArraysOptions, where: str
) -> tuple[np.ndarray, ArraysOptions]:
    """Responses of cells, and the options for `order_axes`; `unit` is that of times of spikes."""
    if unit is None:
        return stack_cells(cells, axes, where), options
    window = options.window_ms or options.time_window_ms
    if not isinstance(window, list):
        raise UserError(
            f"{where}: options.window_ms is missing; say in which window the spikes are counted, "
            "as window_ms: [70, 170]"
        )
    counts = count_spikes(cells, axes, unit, window, where)
    return counts, options.model_copy(update={"time_window_ms": [float(edge) for edge in window]})
