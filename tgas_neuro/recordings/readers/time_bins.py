"""Time bins of recordings: those that make up a window, and how their responses are combined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tgas_neuro.recordings.formats.array_files import StoredArray
from tgas_neuro.recordings.formats.hdf5_files import BLOCK_BYTES, list_blocks
from tgas_neuro.runtime.errors import UserError

TOLERANCE = 1e-6  # [ms]; edges that differ by less are the same


@dataclass(frozen=True)
class Window:
    """A time window as a combination of time bins.

    Attributes
    ----------
    index
        Numbers of the bins that make it up, in time, (bin,).
    weights
        The response in the window is the sum over these bins of weight times response, (bin,).
    edges
        Start and stop [ms after the onset of the stimulus].
    """

    index: np.ndarray
    weights: np.ndarray
    edges: list[float]


def choose_window(
    starts: Sequence[float] | np.ndarray,
    stops: Sequence[float] | np.ndarray,
    window_ms: Sequence[float] | None,
    counted: bool,
    where: str,
) -> Window:
    """Find the time bins that make up a window.

    Counts are added. Rates are averaged, weighted with the width of each bin; for bins of one width
    this is the mean that Brain-Score takes. Either way the result is what one bin of the width of
    the window would have held. The bins must tile the window: one that begins or ends inside a
    bin is refused, and so are bins that overlap.

    Parameters
    ----------
    starts, stops
        Edges of the bins [ms after the onset of the stimulus], in any order.
    window_ms
        Start and stop of the window [ms]; None takes the only bin there is.
    counted
        Whether the responses are counts (added) or rates (averaged).
    where
        The file or data set, for messages.

    Raises
    ------
    UserError
        The bins are broken, there are several and no window, or they do not tile the window.
    """
    begins, ends = _check_bins(starts, stops, where)
    if window_ms is None:
        if len(begins) > 1:
            raise UserError(
                f"{where}: options.window_ms is missing and there are {len(begins)} time bins "
                f"({describe_bins(begins, ends)}); name the window, as window_ms: "
                f"{format_window(begins.min(), ends.max())}"
            )
        window_ms = [begins[0], ends[0]]
    first, last = check_window(window_ms, where)
    exact = np.flatnonzero(_same(begins, first) & _same(ends, last))
    if len(exact):
        index = exact[:1]
    else:
        inside = (begins >= first - TOLERANCE) & (ends <= last + TOLERANCE)
        index = np.flatnonzero(inside)
        index = index[np.argsort(begins[index], kind="stable")]
        edges = [first, *ends[index]]
        if not (len(index) and _same(begins[index], edges[:-1]).all() and _same(edges[-1], last)):
            raise UserError(
                f"{where}: options.window_ms: {format_window(first, last)} is not made up of "
                f"whole time bins that follow each other; there are {len(begins)}: "
                f"{describe_bins(begins, ends)}; begin and end at edges of bins"
            )
    widths = (ends - begins)[index]
    weights = np.ones(len(index)) if counted else widths / widths.sum()
    return Window(index, weights, [float(first), float(last)])


def check_window(window_ms: Sequence[float], where: str) -> tuple[float, float]:
    """Start and stop of a window [ms]; it must begin before it ends."""
    first, last = map(float, window_ms)
    if not first < last:
        raise UserError(
            f"{where}: options.window_ms: {format_window(first, last)} ends before it begins; "
            "give start and stop in ms after the onset of the stimulus, as [70, 170]"
        )
    return first, last


def describe_bins(starts: np.ndarray, stops: np.ndarray) -> str:
    """Name the first three bins and the last, for example "0-20, 20-40, 40-60, ... 280-300 ms"."""
    order = np.argsort(starts, kind="stable")
    words = [f"{starts[bin_]:g}-{stops[bin_]:g}" for bin_ in order]
    return ", ".join(words if len(words) <= 4 else [*words[:3], f"... {words[-1]}"]) + " ms"


def _check_bins(
    starts: Sequence[float] | np.ndarray, stops: Sequence[float] | np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray]:
    try:
        starts, stops = np.asarray(starts, dtype=float), np.asarray(stops, dtype=float)
    except (ValueError, TypeError):
        raise UserError(
            f"{where}: time_bin_start and time_bin_end are not numbers; they are the edges of the "
            "time bins in ms: write them as numbers"
        ) from None
    bad = ~(starts < stops) | ~np.isfinite(starts) | ~np.isfinite(stops)
    if bad.any():
        bin_ = int(bad.argmax())
        raise UserError(
            f"{where}: time bin {bin_}: time_bin_start is {starts[bin_]}, time_bin_end is "
            f"{stops[bin_]}; both must be finite and the start the smaller: correct them"
        )
    return starts, stops


def _same(edges: ArrayLike, other: ArrayLike) -> np.ndarray:
    return np.abs(np.asarray(edges) - np.asarray(other)) < TOLERANCE


def format_window(start: float, stop: float) -> str:
    """Start and stop of a window as a description has them."""
    return f"[{start:g}, {stop:g}]"


def combine_blocks(
    stored: StoredArray,
    result: np.ndarray,
    axis: int | None = None,
    window: Window | None = None,
    prepare: Callable[[np.ndarray, tuple[int, ...]], np.ndarray] | None = None,
) -> None:
    """Read an array in blocks and combine the time bins of each; the whole array is never held.

    A block holds about `BLOCK_BYTES`, or one chunk of the file if that is larger. Every chunk
    that has a part in the window is read once.

    Parameters
    ----------
    stored
        The array in its file.
    result
        What is filled, float32: along the axes of `stored` in their order, without `axis`.
    axis
        The axis of time bins; None: there is none.
    window
        The bins that are combined, where there is an axis.
    prepare
        Called with each block and with where it begins in `stored`; returns the block.
    """
    chunks = list(stored.chunks or (1,) * len(stored.shape))
    along = 1 if axis is None else chunks.pop(axis)
    bins = np.zeros(1, dtype=int) if window is None else window.index
    itemsize = max(np.dtype(float).itemsize, along * stored.dtype.itemsize)
    for tile in list_blocks(result.shape, tuple(chunks), itemsize):
        extent = tuple(part.stop - part.start for part in tile)
        total = np.zeros(extent, dtype=np.float64)
        fitting = BLOCK_BYTES // (max(1, total.size) * stored.dtype.itemsize)
        step = along * max(1, fitting // along)
        for begin in range(int(bins.min()) // along * along, int(bins.max()) + 1, step):
            first = max(begin, int(bins.min()))
            last = min(begin + step, int(bins.max()) + 1)
            place = list(tile)
            if axis is not None:
                place.insert(axis, slice(first, last))
            block = stored.read(tuple(place))
            if prepare is not None:
                block = prepare(block, tuple(part.start for part in place))
            if window is None or axis is None:
                total = block
                continue
            inside = (bins >= first) & (bins < last)
            taken = np.take(block, bins[inside] - first, axis=axis)
            total += np.tensordot(taken, window.weights[inside], axes=(axis, 0))
        with np.errstate(over="ignore"):  # what is too large becomes infinite: refused later
            result[tile] = total
