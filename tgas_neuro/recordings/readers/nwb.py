"""NWB files: spike times counted after the onset of the stimuli of a table of presentations."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.hdf5_files import read_data
from tgas_neuro.recordings.formats.names import split_numbers
from tgas_neuro.recordings.readers.nwb_binned import read_binned
from tgas_neuro.recordings.readers.nwb_files import find_nwb_files, open_nwb, read_rows
from tgas_neuro.recordings.readers.nwb_images import find_images
from tgas_neuro.recordings.readers.nwb_tables import read_presentations
from tgas_neuro.recordings.readers.nwb_units import read_units
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.recordings.readers.time_bins import check_window
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb

ROUNDING = 1e-9  # [s]; times that differ by less are the same


def read_nwb(dataset: str, options: NwbOptions, files: dict[str, Path]) -> Recordings:
    """Read one session of an NWB file, as DANDI's primate data sets have it.

    Units are the rows of ``units`` with ``spike_times`` [s], in the same file or a second one;
    their region is a column of units or of their electrodes; the animal is the file's subject.
    Presentations are the rows of a table with the onset [s] and the stimulus, or an IndexSeries.
    Spikes are counted in ``window_ms`` after the onset, or bins of ``options.binned`` are added. A
    presentation in the file's ``invalid_times``, or during which a unit was not observed
    (``obs_intervals``), is left out for all. Stimuli are in the order of their identifiers;
    numbers are compared as numbers.

    Parameters
    ----------
    dataset
        Name of the data set, for identifiers and messages.
    options
        Of its description.
    files
        A file that ends in .nwb, or a folder that ends in .zarr, perhaps a second one with the
        units, and the images: an archive or a folder, or a container inside the file. Further
        sessions are data sets of their own, which a region can pool.

    Raises
    ------
    UserError
        A file is damaged or lacks a table, column, unit or image.
    """
    listed = ListedFiles(dataset, {key: Path(path) for key, path in files.items()})
    path, units_path = find_nwb_files(listed, options)
    where = str(path)
    window = list(check_window(options.window_ms, f"{dataset}.yaml"))
    with ExitStack() as opened:
        nwb = opened.enter_context(open_nwb(path))
        second = nwb if units_path == path else opened.enter_context(open_nwb(units_path))
        delay = _compare_clocks(nwb, second, options, where, str(units_path))
        shown, series, notes = read_presentations(nwb, options, where)
        for one, later in {id(nwb): (nwb, 0.0), id(second): (second, delay)}.values():
            if one.invalid_times is not None and len(one.invalid_times.id):
                shown, dropped = drop_invalid(
                    shown, _read_intervals(one.invalid_times) + later, window, where
                )
                notes += dropped
        animal = _get_animal(nwb) or _get_animal(second)
        units = read_units(second, options, dataset, animal, str(units_path))
        shown, unobserved = _drop_unobserved(
            second, shown, units.rows, delay, window, str(units_path)
        )
        if unobserved:
            notes.append(
                f"{units_path}: {unobserved} presentations left out during which a unit was not "
                "observed (obs_intervals)"
            )
        onsets = shown["onset"].to_numpy() - delay
        if units.binned_rows is not None:
            rows = (units.rows, units.binned_rows)
            name = str(options.binned)
            counts = read_binned(second, name, rows, onsets, window, str(units_path), notes)
        else:
            spike_times = read_rows(second.units, "spike_times", units.rows)
            counts = count_spikes(spike_times, onsets, window)
        session = str(nwb.session_id or nwb.identifier)
        stimuli = _list_stimuli(shown, options, where)
        images = find_images(nwb, listed, path, options, stimuli, series)
    stimuli["filename"] = images.filenames
    stimuli["degrees"] = options.degrees
    n_sites = len(units.neuroid["neuroid_id"])
    assembly = build_assembly(
        counts,
        {label: shown[label].to_numpy() for label in ["stimulus_id", *options.labels.get_columns()]}
        | {"repetition": shown.groupby("stimulus_id").cumcount().to_numpy()},
        units.neuroid | {"session": np.full(n_sites, session)},
        {
            "unit": "spikes",
            "time_window_ms": window,
            "presentations_not_observed": unobserved,
        },
    )
    columns = ["stimulus_id", "filename", "degrees"]
    stimuli = stimuli[columns + [column for column in stimuli if column not in columns]]
    notes += [*units.notes, *images.notes]
    pictures = images.pictures or options.pictures or Pictures()
    return Recordings(stimuli, images.images, assembly, notes=tuple(notes), pictures=pictures)


def _compare_clocks(
    nwb: pynwb.NWBFile, second: pynwb.NWBFile, options: NwbOptions, where: str, units: str
) -> float:
    """What is added to the times of the file with the units [s]."""
    if second is nwb or options.units_delay_s is not None:
        return options.units_delay_s or 0.0
    first, other = nwb.timestamps_reference_time, second.timestamps_reference_time
    if first != other:
        raise UserError(
            f"{units}: its times count from {other}, those of {where} from {first}; say how much "
            "later its clock starts as options.units_delay_s: "
            f"{(other - first).total_seconds():g} if these times are right, 0 if both files share "
            "a clock"
        )
    return 0.0


def _read_intervals(table: Any) -> np.ndarray:
    """Start and stop of each row, (row, 2) [s]."""
    edges = [read_data(table[edge].data).astype(float) for edge in ("start_time", "stop_time")]
    return np.stack(edges, axis=1)


def _get_animal(nwb: pynwb.NWBFile) -> str | None:
    return getattr(nwb.subject, "subject_id", None)


def _drop_unobserved(
    nwb: pynwb.NWBFile,
    shown: pd.DataFrame,
    units: np.ndarray,
    delay: float,
    window_ms: list[float],
    where: str,
) -> tuple[pd.DataFrame, int]:
    """Presentations during which every unit was observed, and how many were not."""
    if not len(units) or "obs_intervals" not in nwb.units.colnames:
        return shown, 0
    intervals = read_rows(nwb.units, "obs_intervals", units)
    observed = find_observed(intervals, shown["onset"].to_numpy() - delay, window_ms)
    kept = observed.all(axis=1)
    if not kept.any():
        fewest = int(observed.sum(axis=0).argmin())
        raise UserError(
            f"{where}: no presentation during which all {len(units)} units were observed; unit "
            f"{nwb.units.id[int(units[fewest])]} was in {int(observed[:, fewest].sum())} of "
            f"{len(shown)}: choose units with options.units"
        )
    return shown[kept].reset_index(drop=True), int((~kept).sum())


def drop_invalid(
    shown: pd.DataFrame, intervals: np.ndarray, window_ms: Sequence[float], where: str
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out presentations that touch an interval the file marks as invalid.

    A presentation lasts from its onset, or from the start of the window if that is earlier, to
    the end of the window, or to the onset if that is later.

    Parameters
    ----------
    shown
        With ``onset`` [s].
    intervals
        (interval, start and stop) [s], of the file's ``invalid_times``.
    window_ms
        Start and stop after onset [ms].
    where
        The file, for messages.
    """
    onset = shown["onset"].to_numpy()
    begins = onset + min(0.0, window_ms[0] / 1000)
    ends = onset + max(0.0, window_ms[1] / 1000)
    invalid = np.zeros(len(onset), dtype=bool)
    for start, stop in intervals:
        invalid |= (begins < stop - ROUNDING) & (ends > start + ROUNDING)
    if not invalid.any():
        return shown, []
    if invalid.all():
        raise UserError(
            f"{where}: all {len(onset)} presentations lie in the file's invalid_times; choose "
            "another session, or correct the intervals"
        )
    note = f"{where}: {int(invalid.sum())} of {len(onset)} presentations in invalid_times left out"
    return shown[~invalid].reset_index(drop=True), [note]


def _list_stimuli(shown: pd.DataFrame, options: NwbOptions, where: str) -> pd.DataFrame:
    """One row a stimulus, with what the table says of it."""
    columns = [*options.labels.get_columns(), *(["filename"] if "filename" in shown else [])]
    stimuli = shown[["stimulus_id", *columns]].drop_duplicates()
    doubled = stimuli["stimulus_id"].duplicated(keep=False)
    if doubled.any():
        two = stimuli[doubled].sort_values("stimulus_id", kind="stable").iloc[:2]
        column = next(column for column in columns if two[column].nunique() > 1)
        values = two[column].tolist()
        raise UserError(
            f"{where}: stimulus {two['stimulus_id'].iloc[0]!r} has {column} "
            f"{values[0]!r} and {values[1]!r}; a stimulus has one: correct "
            "options.stimulus_column or the table"
        )
    ids = stimuli["stimulus_id"].tolist()
    order = sorted(range(len(ids)), key=lambda row: split_numbers(ids[row]))
    return stimuli.iloc[order].reset_index(drop=True)


def count_spikes(
    spike_times: Sequence[np.ndarray], onsets: np.ndarray, window_ms: Sequence[float]
) -> np.ndarray:
    """Count spikes with onset + start <= t < onset + stop.

    The window is half open: windows that follow each other share no spike.

    Parameters
    ----------
    spike_times
        Of each unit, (spike,) [s], in any order.
    onsets
        (presentation,) [s].
    window_ms
        Start and stop after onset [ms].

    Returns
    -------
    numpy.ndarray
        (presentation, unit), float32.
    """
    starts, stops = (onsets + edge / 1000 for edge in window_ms)
    counts = np.empty((len(onsets), len(spike_times)), dtype=np.float32)
    for unit, times in enumerate(spike_times):
        times = np.sort(times)
        counts[:, unit] = np.searchsorted(times, stops) - np.searchsorted(times, starts)
    return counts


def find_observed(
    intervals: Sequence[np.ndarray | None], onsets: np.ndarray, window_ms: Sequence[float]
) -> np.ndarray:
    """Whether each unit was observed during the whole window, (presentation, unit).

    Parameters
    ----------
    intervals
        Of each unit, (interval, start and stop) [s], or None: always observed.
    onsets, window_ms
        As in `count_spikes`.
    """
    starts, stops = (onsets + edge / 1000 for edge in window_ms)
    observed = np.ones((len(onsets), len(intervals)), dtype=bool)
    for unit, times in enumerate(intervals):
        if times is not None:
            inside = (starts[:, None] >= times[:, 0]) & (stops[:, None] <= times[:, 1])
            observed[:, unit] = inside.any(axis=1)
    return observed
