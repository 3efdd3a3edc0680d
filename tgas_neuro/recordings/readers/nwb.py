"""NWB files: spike times counted after the onset of the stimuli of a table of presentations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats import ARCHIVES
from tgas_neuro.recordings.formats.image_files import read_image_files
from tgas_neuro.recordings.readers.nwb_tables import (
    choose_rows,
    match_images,
    open_nwb,
    read_nwb_images,
    read_presentations,
    read_regions,
)
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.recordings.readers.time_bins import check_window
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.name_order import split_numbers

if TYPE_CHECKING:
    import pynwb


def read_nwb(dataset: str, options: NwbOptions, files: dict[str, Path]) -> Recordings:
    """Read one session of an NWB file, as DANDI's primate data sets have it.

    Units are the rows of ``units`` with ``spike_times`` [s]; their region is a column of units or
    of their electrodes; the animal is the file's subject. Presentations are the rows of a table
    with the onset [s] and the stimulus, or an IndexSeries. Spikes are counted in ``window_ms``
    after the onset. A presentation during which a unit was not observed (``obs_intervals``) is
    left out for all. Stimuli are in the order of their identifiers; numbers are compared as
    numbers.

    Parameters
    ----------
    dataset
        Name of the data set, for identifiers and messages.
    options
        Of its description.
    files
        One file that ends in .nwb, and the images: an archive or a folder, or, with
        ``options.images``, a container inside the file. Further sessions are data sets of their
        own, which a region can pool.

    Raises
    ------
    UserError
        The file is damaged or lacks a table, column, unit or image.
    """
    listed = ListedFiles(dataset, {key: Path(path) for key, path in files.items()})
    path = listed.find(None, (".nwb",), "files")
    start, stop = check_window(options.window_ms, f"{dataset}.yaml")
    with open_nwb(path) as nwb:
        shown = read_presentations(nwb, options, str(path))
        units, neuroid = _read_units(nwb, options, dataset, str(path))
        shown, unobserved = _drop_unobserved(nwb, shown, units, [start, stop], str(path))
        spike_times = [nwb.units["spike_times"][int(unit)] for unit in units]
        counts = count_spikes(spike_times, shown["onset"].to_numpy(), [start, stop])
        session = str(nwb.session_id or nwb.identifier)
        stimuli = _list_stimuli(shown, options, str(path))
        if options.images:
            found = match_images(nwb, options.images, list(stimuli["stimulus_id"]), str(path))
    if options.images:
        stimuli["filename"] = [f"image_{number:04d}.png" for number in range(len(stimuli))]
        images = read_nwb_images(path, options.images, found, list(stimuli["filename"]))
    else:
        stimuli["filename"], images = _find_images(listed, stimuli)
    stimuli["degrees"] = options.degrees
    n_sites = len(neuroid["neuroid_id"])
    assembly = build_assembly(
        counts,
        {label: shown[label].to_numpy() for label in ["stimulus_id", *options.labels.get_columns()]}
        | {"repetition": shown.groupby("stimulus_id").cumcount().to_numpy()},
        neuroid | {"session": np.full(n_sites, session)},
        {
            "unit": "spikes",
            "time_window_ms": [start, stop],
            "presentations_not_observed": unobserved,
        },
    )
    columns = ["stimulus_id", "filename", "degrees"]
    stimuli = stimuli[columns + [column for column in stimuli if column not in columns]]
    return Recordings(stimuli, images, assembly)


def _read_units(
    nwb: pynwb.NWBFile, options: NwbOptions, dataset: str, where: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows of the units that are taken, and their labels."""
    units = nwb.units
    if units is None or "spike_times" not in units.colnames or len(units.id) == 0:
        there = "no units" if units is None else f"columns {', '.join(units.colnames) or 'none'}"
        raise UserError(
            f"{where}: no table of units with spike_times ({there}); this reader counts spikes: "
            "use the file with sorted or thresholded spikes"
        )
    rows = choose_rows(units, options.units, "units", where)
    if options.region:
        regions = np.full(len(rows), options.region)
    else:
        regions = read_regions(nwb, options, rows, where)
    if options.regions:
        kept = np.isin(regions, list(options.regions))
        if not kept.any():
            raise UserError(
                f"{where}: options.regions: no unit lies in {', '.join(options.regions)}; there "
                f"are: {', '.join(sorted(set(regions.tolist())))}"
            )
        rows, regions = rows[kept], regions[kept]
        regions = np.array([options.regions[region] for region in regions.tolist()])
    animal = options.animal or getattr(nwb.subject, "subject_id", None)
    if not animal:
        raise UserError(f"{where}: the file names no subject; give it as options.animal")
    ids = np.asarray(units.id[:])[rows]
    return rows, {
        "neuroid_id": np.array([f"{dataset}_{unit}" for unit in ids]),
        "region": regions,
        "animal": np.full(len(rows), str(animal)),
    }


def _drop_unobserved(
    nwb: pynwb.NWBFile, shown: pd.DataFrame, units: np.ndarray, window_ms: list[float], where: str
) -> tuple[pd.DataFrame, int]:
    """Presentations during which every unit was observed, and how many were not."""
    if "obs_intervals" not in nwb.units.colnames:
        return shown, 0
    intervals = [np.asarray(nwb.units["obs_intervals"][int(unit)]) for unit in units]
    observed = find_observed(intervals, shown["onset"].to_numpy(), window_ms)
    kept = observed.all(axis=1)
    if not kept.any():
        fewest = int(observed.sum(axis=0).argmin())
        raise UserError(
            f"{where}: no presentation during which all {len(units)} units were observed; unit "
            f"{nwb.units.id[int(units[fewest])]} was in {int(observed[:, fewest].sum())} of "
            f"{len(shown)}: choose units with options.units"
        )
    return shown[kept].reset_index(drop=True), int((~kept).sum())


def _list_stimuli(shown: pd.DataFrame, options: NwbOptions, where: str) -> pd.DataFrame:
    """One row a stimulus, with what the table says of it."""
    columns = [*options.labels.get_columns(), *(["filename"] if "filename" in shown else [])]
    stimuli = shown[["stimulus_id", *columns]].drop_duplicates()
    doubled = stimuli["stimulus_id"].duplicated(keep=False)
    if doubled.any():
        two = stimuli[doubled].sort_values("stimulus_id", kind="stable").iloc[:2]
        column = next(column for column in columns if two[column].nunique() > 1)
        raise UserError(
            f"{where}: stimulus {two['stimulus_id'].iloc[0]!r} has {column} "
            f"{two[column].iloc[0]!r} and {two[column].iloc[1]!r}; a stimulus has one: correct "
            "options.stimulus_column or the table"
        )
    ids = stimuli["stimulus_id"].tolist()
    order = sorted(range(len(ids)), key=lambda row: split_numbers(ids[row]))
    return stimuli.iloc[order].reset_index(drop=True)


def _find_images(listed: ListedFiles, stimuli: pd.DataFrame):
    """File name of each stimulus, and those images of the archive or folder that are stimuli."""
    folders = [path for path in listed.paths.values() if path.is_dir()]
    path = folders[0] if len(folders) == 1 else listed.find(None, ARCHIVES, "options.images")
    there: dict[str, str] = {}
    for name, _ in read_image_files(path):
        there |= {name.rsplit(".", 1)[0]: name, name: name}
    filenames = []
    for row in stimuli.itertuples(index=False):
        name = str(getattr(row, "filename", row.stimulus_id))
        found = there.get(name.rsplit("/", 1)[-1])
        if found is None:
            raise UserError(
                f"{path}: no image {name!r} of stimulus {row.stimulus_id!r}; there are "
                f"{len(set(there.values()))}, as {next(iter(there.values()), 'none')!r}: name the "
                "column with their names as options.filename_column"
            )
        filenames.append(found)
    wanted = set(filenames)
    return filenames, (
        (name, content) for name, content in read_image_files(path) if name in wanted
    )


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
