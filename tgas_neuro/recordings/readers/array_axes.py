"""Arrays of responses with named axes, brought into one order: trials by site."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from tgas_neuro.recordings.formats.array_files import StoredArray
from tgas_neuro.recordings.missing import describe_missing, mark_missing
from tgas_neuro.recordings.readers.options import ArraysOptions, EvenBins
from tgas_neuro.recordings.readers.time_bins import (
    Window,
    choose_window,
    combine_blocks,
    format_window,
)
from tgas_neuro.recordings.values import find_no_counts
from tgas_neuro.runtime.errors import UserError

FORMS = (
    ("presentation", "neuroid"),
    ("stimulus", "neuroid"),
    ("stimulus", "repetition", "neuroid"),
)
PART = "stimulus."  # beginning of an axis that is one of several of the stimuli
ALLOWED = "; ".join(" x ".join(form) for form in FORMS)


def order_axes(
    values: np.ndarray | StoredArray,
    axes: Sequence[str],
    options: ArraysOptions,
    where: str,
    notes: list[str],
) -> tuple[np.ndarray, object]:
    """Responses as (presentation, neuroid) or (stimulus, repetition, neuroid), and their window.

    Parameters
    ----------
    values
        As the file has them, of any type; a `StoredArray` is read in blocks.
    axes
        What its axes are: one of `FORMS` in any order, and perhaps ``time_bin``. The stimuli may
        have several axes ``stimulus.<label>``; the last of them changes fastest.
    options
        ``counts``, ``time_window_ms`` [ms], and where given ``time_bins_ms`` and ``window_ms``.
    where
        File and variable, for messages.
    notes
        Taken on: how many responses of a `StoredArray` are read as missing.

    Returns
    -------
    tuple
        Responses, float32, a copy; and ``time_window_ms``: start and stop [ms], or words.

    Raises
    ------
    UserError
        The axes are not those of the array, counts are negative or not whole, or the time bins
        do not make up the window.
    """
    parts = [axis for axis in axes if axis.startswith(PART)]
    plain = {"stimulus" if axis in parts else axis for axis in axes} - {"time_bin"}
    form = next((form for form in FORMS if {*form} == plain), None)
    if form is None or ("stimulus" in axes and parts):
        raise UserError(
            f"{where}: options.responses.axes: {axes} is not one of: {ALLOWED}; in any order, "
            "time_bin may be added, and stimulus may be several axes stimulus.<label>"
        )
    sizes = get_sizes(values, axes, where)
    if parts:
        form = (*parts, *form[1:])
    if isinstance(values, StoredArray):
        responses, window = _order_blocks(values, axes, form, options, where, notes)
    else:
        if options.counts:
            check_counts(values, where)
        values, window = _combine_bins(values, axes, options, where)
        left = [axis for axis in axes if axis != "time_bin"]
        values = values.transpose([left.index(axis) for axis in form])
        with np.errstate(over="ignore"):  # what is too large becomes infinite: refused later
            responses = np.array(values, dtype=np.float32, order="C")
    if "presentation" in axes:
        return responses, window
    return responses.reshape(-1, sizes.get("repetition", 1), sizes["neuroid"]), window


def get_sizes(values: np.ndarray | StoredArray, axes: Sequence[str], where: str) -> dict[str, int]:
    """Size of each axis of an array of numbers, as it is shown.

    Raises
    ------
    UserError
        The array has other axes, other content, or is empty.
    """
    reverse = isinstance(values, StoredArray) and values.is_reversed
    shape = values.shape[::-1] if reverse else values.shape
    if len(shape) != len(axes) or values.dtype.kind not in "fiub" or 0 in shape:
        raise UserError(
            f"{where}: expected numbers of shape ({', '.join(axes)}), found {shape} of "
            f"{values.dtype}; correct options.responses.axes or the array"
        )
    return dict(zip(axes, shape, strict=True))


def _order_blocks(
    stored: StoredArray,
    axes: Sequence[str],
    form: Sequence[str],
    options: ArraysOptions,
    where: str,
    notes: list[str],
) -> tuple[np.ndarray, object]:
    """What `order_axes` returns, of an array that stays in its file."""
    axes = [*axes][::-1] if stored.is_reversed else [*axes]
    sizes = dict(zip(axes, stored.shape, strict=True))
    combined, edges = _choose_bins(sizes, options, where)
    responses = np.empty([sizes[axis] for axis in form], dtype=np.float32)
    order = [form.index(axis) for axis in axes if axis != "time_bin"]

    missing = options.responses.missing if options.responses else None
    key, number, size = "options.responses.missing", 0, 0

    def prepare(block: np.ndarray, first: tuple[int, ...]) -> np.ndarray:
        nonlocal number, size
        size += block.size
        if missing is not None and (absent := np.isclose(block, missing, rtol=1e-6, atol=0)).any():
            number += int(absent.sum())
            block = mark_missing(block, missing, where, key)
        elif missing is None and combined:
            mark_missing(block, None, where, key)
        if options.counts and stored.is_reversed:
            check_counts(block.T, where, first[::-1])
        elif options.counts:
            check_counts(block, where, first)
        return block

    axis = axes.index("time_bin") if combined else None
    combine_blocks(stored, responses.transpose(order), axis, combined, prepare)
    if missing is not None and number:
        notes.append(describe_missing(missing, number, size, where))
    elif missing is not None:
        raise UserError(
            f"{where}: {key}: {missing:g}, but no response is {missing:g}; leave it out"
        )
    return responses, edges


def _combine_bins(
    values: np.ndarray, axes: Sequence[str], options: ArraysOptions, where: str
) -> tuple[np.ndarray, object]:
    """Responses without the axis ``time_bin``, and their window."""
    window, edges = _choose_bins(dict(zip(axes, values.shape, strict=True)), options, where)
    if window is None:
        return values, edges
    axis = axes.index("time_bin")
    chosen = np.take(values, window.index, axis=axis)
    return np.tensordot(chosen, window.weights, axes=(axis, 0)), edges


def _choose_bins(
    sizes: Mapping[str, int], options: ArraysOptions, where: str
) -> tuple[Window | None, object]:
    """The time bins to combine, if there is such an axis, and the window of the responses."""
    stated, wanted, bins = options.time_window_ms, options.window_ms, options.time_bins_ms
    if "time_bin" not in sizes:
        if bins is not None:
            raise UserError(
                f"{where}: options.time_bins_ms is given, but responses.axes has no time_bin; "
                "name that axis, or write time_window_ms"
            )
        if not isinstance(stated, list) and wanted is not None:
            raise UserError(
                f"{where}: options.window_ms: {format_window(*wanted)} cannot be taken, the "
                f"responses have one time window ({stated}); leave window_ms out"
            )
        if wanted is not None and isinstance(stated, list):
            choose_window(stated[:1], stated[1:], wanted, options.counts, where)
        return None, stated
    size = sizes["time_bin"]
    if isinstance(bins, EvenBins):
        edges = [bins.start + k * bins.width for k in range(size + 1)]
        bins = [list(pair) for pair in itertools.pairwise(edges)]
    if bins is None or len(bins) != size:
        raise UserError(
            f"{where}: options.time_bins_ms: {len(bins or [])} time bins, axis time_bin has "
            f"{size}; give start and stop of each, or {{start: ..., width: ...}}"
        )
    starts, stops = zip(*bins, strict=True)
    window = choose_window(starts, stops, wanted, options.counts, where)
    return window, window.edges


def check_counts(values: np.ndarray, where: str, first: Sequence[int] = ()) -> None:
    """Refuse counts that are negative or not whole; NaN is allowed.

    `first` says where `values` begin in the array, for messages.
    """
    with np.errstate(invalid="ignore"):
        bad = find_no_counts(values)
    if bad.any():
        inside = tuple(map(int, np.argwhere(bad)[0]))
        place = tuple(a + b for a, b in zip(inside, first or (0,) * values.ndim, strict=True))
        raise UserError(
            f"{where}: value {values[inside]} at {place} ({int(bad.sum())} such): spike counts "
            "must be whole numbers from 0; set options.counts: false if these are rates"
        )
