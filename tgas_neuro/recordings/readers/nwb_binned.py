"""Counts of spikes in time bins after events, as the extension ndx-binned-spikes writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgas_neuro.recordings.formats.hdf5_files import Unwritten, read_data, read_values
from tgas_neuro.recordings.readers.nwb_files import find_object, read_rows
from tgas_neuro.recordings.readers.time_bins import choose_window
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb

BINNED = "BinnedAlignedSpikes"
SAME_TIME = 1e-4  # [s]; an event of binned spikes is the presentation at this time
MOST_SPIKES = 1e6  # in a bin
ALLOWED_DIFFERENCE = 0.02  # of spikes on the edges of bins, which rounding puts in either


def read_conditions(binned: Any, where: str) -> dict[str, np.ndarray]:
    """Stimuli of `BinnedAlignedSpikes`: the labels of its conditions, or their numbers."""
    if getattr(binned, "condition_indices", None) is None:
        raise UserError(
            f"{where}: options.table: {binned.name!r} has no condition_indices, which say the "
            "stimulus of each event; name the table of presentations, and this as options.binned"
        )
    index = read_data(binned.condition_indices).astype(np.int64)
    labels = getattr(binned, "condition_labels", None)
    if labels is not None:
        labels = read_data(labels)
        if index.min() < 0 or index.max() >= len(labels):
            raise UserError(
                f"{where}: {binned.name!r}: condition_indices go to {index.max()}, there are "
                f"{len(labels)} condition_labels, counted from 0; correct them"
            )
        index = labels[index]
    return {"stimulus_id": index, "onset": read_data(binned.event_timestamps)}


def read_binned_rows(
    nwb: pynwb.NWBFile, name: str, chosen: np.ndarray | None, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the units table and of the binned spikes of the units that are taken.

    `chosen` are rows of the units table, or None where none are chosen. Without a reference to the
    units table there are no such rows.
    """
    binned = find_object(nwb, name, (BINNED,), "binned", where)
    n_rows = binned.data.shape[0]
    region = getattr(binned, "units_region", None)
    if region is None:
        if chosen is not None:
            raise UserError(
                f"{where}: options.units: {binned.name!r} refers to no units, so none can be "
                "chosen; leave it out"
            )
        return np.zeros(0, dtype=np.int64), np.arange(n_rows)
    rows = read_data(region.data).astype(np.int64)
    if len(rows) != n_rows or nwb.units is None or rows.max() >= len(nwb.units.id):
        raise UserError(
            f"{where}: {binned.name!r} has {n_rows} rows, and its units_region {len(rows)} of "
            f"{0 if nwb.units is None else len(nwb.units.id)} units; correct it"
        )
    kept = np.ones(n_rows, dtype=bool) if chosen is None else np.isin(rows, chosen)
    return rows[kept], np.flatnonzero(kept)


def read_binned(
    nwb: pynwb.NWBFile,
    name: str,
    rows: tuple[np.ndarray, np.ndarray],
    onsets: np.ndarray,
    window_ms: Sequence[float],
    where: str,
    notes: list[str],
) -> np.ndarray:
    """Add the bins of `BinnedAlignedSpikes` in the window after each onset.

    Where the file also has the spikes of the units, they are counted in all bins, and must be as
    many: some programs sort the rows by the units' names and refer to them in another order.

    Parameters
    ----------
    nwb
        An open file.
    name
        Name or path of the object.
    rows
        Of the units table and of the object, from `read_binned_rows`.
    onsets
        (presentation,) [s].
    window_ms
        Start and stop after onset [ms].
    where
        The file, for messages.
    notes
        Taken on: how many counts were never written.

    Returns
    -------
    numpy.ndarray
        (presentation, unit), float32; NaN where the file has none.
    """
    binned = find_object(nwb, name, (BINNED,), "binned", where)
    name = f"{where}: {binned.name!r}"
    width = _get_first(binned, "bin_width_in_ms", "bin_width_in_milliseconds")
    offset = _get_first(binned, "event_to_bin_offset_in_ms", "milliseconds_from_event_to_first_bin")
    if not width:
        raise UserError(f"{name}: does not say the width of its bins; read it with reader arrays")
    starts = (offset or 0.0) + width * np.arange(binned.data.shape[2])
    window = choose_window(starts, starts + width, window_ms, True, name)
    times = read_data(binned.event_timestamps).astype(float)
    events = _match_events(times, onsets, name)
    data = _read_counts(binned.data, name, notes)[rows[1]][:, events]
    if data.size and not (np.nanmin(data) >= 0 and np.nanmax(data) <= MOST_SPIKES):
        raise UserError(
            f"{name}: counts from {np.nanmin(data):g} to {np.nanmax(data):g} spikes in a bin; a "
            "missing value was probably written as a whole number: read it with reader arrays, or "
            "write it again"
        )
    _check_spikes(nwb, rows[0], data, onsets, (starts[0], starts[-1] + width), name)
    counts = (data[:, :, window.index] * window.weights).sum(axis=2)
    return counts.T.astype(np.float32)


def _read_counts(data: Any, name: str, notes: list[str]) -> np.ndarray:
    """All counts, with NaN where they were never written."""
    import h5py

    if not isinstance(data, h5py.Dataset):
        return np.asarray(data[:], dtype=float)
    unwritten = Unwritten()
    counts = read_values(data, unwritten)
    notes += unwritten.describe(name)
    return counts.astype(float)


def _get_first(item: Any, *names: str) -> float | None:
    """The first of these attributes that an object has: versions call it differently."""
    found = [getattr(item, name, None) for name in names]
    return next((float(value) for value in found if value is not None), None)


def _match_events(times: np.ndarray, onsets: np.ndarray, name: str) -> np.ndarray:
    """Event at each onset, (presentation,)."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    place = np.clip(np.searchsorted(ordered, onsets), 1, len(ordered) - 1) if len(times) > 1 else 0
    place = np.where(
        np.abs(ordered[place] - onsets) < np.abs(ordered[place - 1] - onsets), place, place - 1
    )
    events = order[place]
    far = np.abs(times[events] - onsets) > SAME_TIME
    if far.any():
        raise UserError(
            f"{name}: no event at {onsets[far][0]:.4f} s ({int(far.sum())} of {len(onsets)} "
            f"presentations; the nearest is at {times[events][far][0]:.4f} s); name the table "
            "whose onsets are its events"
        )
    return events


def _check_spikes(
    nwb: pynwb.NWBFile,
    unit_rows: np.ndarray,
    data: np.ndarray,
    onsets: np.ndarray,
    edges_ms: tuple[float, float],
    name: str,
) -> None:
    """Refuse rows that do not count the spikes of the units that they refer to."""
    if not len(unit_rows) or "spike_times" not in nwb.units.colnames:
        return
    found = np.nan_to_num(data).sum(axis=2)
    trains = read_rows(nwb.units, "spike_times", unit_rows)
    for row, (unit, train) in enumerate(zip(unit_rows, trains, strict=True)):
        spikes = np.sort(train)
        begin, end = (np.searchsorted(spikes, onsets + edge / 1000) for edge in edges_ms)
        different = np.abs(found[row] - (end - begin)).sum()
        if different > ALLOWED_DIFFERENCE * found[row].sum() + 2:
            raise UserError(
                f"{name}: row {row} refers to unit {nwb.units.id[int(unit)]}, but {different:.0f} "
                f"of {found[row].sum():.0f} spikes differ from its spike_times: the rows are in "
                "another order; leave options.binned out, so that the spike_times are counted"
            )
