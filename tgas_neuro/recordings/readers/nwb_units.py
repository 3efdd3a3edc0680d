"""Units of an NWB file: those that are taken, and their regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tgas_neuro.recordings.formats.hdf5_files import read_data
from tgas_neuro.recordings.readers.labels import convert_to_text
from tgas_neuro.recordings.readers.nwb_binned import read_binned_rows
from tgas_neuro.recordings.readers.nwb_tables import choose_rows, read_column
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb

PLACEHOLDERS = {"unknown", "unk", "unspecified", "undefined", "not specified", "not known"} | {
    *("n/a", "na", "none", "null", "nan", "not available", "not applicable", "tbd", "todo"),
    *("?", "-", "--"),
}


class Units(NamedTuple):
    """Units that are taken.

    Attributes
    ----------
    rows
        Their rows of the units table; empty where binned spikes refer to no table.
    binned_rows
        Their rows of the binned spikes, or None.
    neuroid
        Labels of each: ``neuroid_id``, ``region``, ``animal``.
    notes
        What was left out, one line each.
    """

    rows: np.ndarray
    binned_rows: np.ndarray | None
    neuroid: dict[str, np.ndarray]
    notes: list[str]


def read_units(
    nwb: pynwb.NWBFile, options: NwbOptions, dataset: str, animal: str | None, where: str
) -> Units:
    """Read which units are taken, and their labels.

    Raises
    ------
    UserError
        There is no table of units, or a unit has no region.
    """
    units = nwb.units
    if options.binned:
        chosen = None
        if options.units and units is not None:
            chosen = choose_rows(units, options.units, "units", where)
        rows, binned_rows = read_binned_rows(nwb, options.binned, chosen, where)
    else:
        if units is None or "spike_times" not in units.colnames or len(units.id) == 0:
            there = (
                "no units" if units is None else f"columns {', '.join(units.colnames) or 'none'}"
            )
            raise UserError(
                f"{where}: no table of units with spike_times ({there}); this reader counts "
                "spikes: use the file with sorted or thresholded spikes as options.units_file, "
                "name binned spikes as options.binned, or read an array with reader arrays"
            )
        rows, binned_rows = choose_rows(units, options.units, "units", where), None
    n_units = len(rows) if binned_rows is None else len(binned_rows)
    notes = []
    if options.region:
        regions = np.full(n_units, options.region)
    elif len(rows) < n_units:
        raise UserError(
            f"{where}: options.binned: {options.binned!r} refers to no units, so their region is "
            "not known; name it as options.region"
        )
    else:
        regions = read_regions(nwb, options, rows, where)
    kept = np.ones(n_units, dtype=bool)
    if options.regions:
        kept = np.isin(regions, list(options.regions))
        if not kept.any():
            raise UserError(
                f"{where}: options.regions: no unit lies in {', '.join(options.regions)}; there "
                f"are: {', '.join(sorted(set(regions.tolist())))}"
            )
        if not kept.all():
            notes.append(f"{where}: {int((~kept).sum())} of {n_units} units outside the regions")
    regions = np.array([options.regions.get(name, name) for name in regions[kept].tolist()])
    if not options.region:
        _refuse_placeholders(regions, options, where)
    animal = options.animal or animal
    if not animal:
        raise UserError(f"{where}: the file names no subject; give it as options.animal")
    if len(rows):
        rows = rows[kept]
        ids = read_data(units.id.data)[rows]
    else:
        ids = np.flatnonzero(kept)
    if binned_rows is not None:
        binned_rows = binned_rows[kept]
    neuroid = {
        "neuroid_id": np.array([f"{dataset}_{unit}" for unit in ids]),
        "region": regions,
        "animal": np.full(len(regions), str(animal)),
    }
    return Units(rows, binned_rows, neuroid, notes)


def _refuse_placeholders(regions: np.ndarray, options: NwbOptions, where: str) -> None:
    named = set(options.regions.values())
    empty = [name for name in regions.tolist() if name.strip().lower() in PLACEHOLDERS - named]
    if empty:
        raise UserError(
            f"{where}: options.region_column: {len(empty)} of {len(regions)} units lie in "
            f"{empty[0]!r}, which is no region; name it as options.region, or in options.regions "
            f"(as {empty[0]}: IT)"
        )


def read_regions(
    nwb: pynwb.NWBFile, options: NwbOptions, rows: np.ndarray, where: str
) -> np.ndarray:
    """What the file calls the region of each of these units.

    It is their own column, or that of their electrodes, or the location of their electrode group.
    """
    units, column = nwb.units, options.region_column
    if column in units.colnames:
        values = read_column(units, column, "region_column", where)[rows]
        return convert_to_text(values, column, "unit", where)
    electrodes = nwb.electrodes
    if "electrodes" in units.colnames and column in getattr(electrodes, "colnames", ()):
        return _read_electrodes(units, electrodes, column, rows, where)
    if "electrode_group" in units.colnames and column == "location":
        groups = [units["electrode_group"][int(row)] for row in rows]
        places = np.array([group.location for group in groups], dtype=object)
        return convert_to_text(places, column, "unit", where)
    there = [*units.colnames, *(electrodes.colnames if electrodes is not None else ())]
    raise UserError(
        f"{where}: options.region_column: neither units nor their electrodes have {column!r}; "
        f"there are: {', '.join(there)}; name one, or all units' region as options.region"
    )


def _read_electrodes(
    units: Any, electrodes: Any, column: str, rows: np.ndarray, where: str
) -> np.ndarray:
    """Region of each unit by its electrodes: a list of them, or one without an index."""
    from hdmf.common import VectorIndex

    places = convert_to_text(
        read_column(electrodes, column, "region_column", where), column, "electrode", where
    )
    vector = units["electrodes"]
    if isinstance(vector, VectorIndex):
        ends, targets = read_data(vector.data), read_data(vector.target.data)
    else:  # one electrode a unit, or a fixed number
        targets = read_data(vector.data)
        ends = np.arange(1, len(targets) + 1) * (targets.shape[1] if targets.ndim > 1 else 1)
        targets = targets.ravel()
    ends, targets = ends.astype(np.int64), targets.astype(np.int64)
    outside = (targets < 0) | (targets >= len(places))
    if outside.any():
        raise UserError(
            f"{where}: column 'electrodes' of units has {targets[outside][0]}, there are "
            f"{len(places)} electrodes, counted from 0; name the units' region as options.region"
        )
    regions = []
    for row in rows:
        start = ends[row - 1] if row else 0
        found = sorted(set(places[targets[start : ends[row]]].tolist()))
        if len(found) != 1:
            raise UserError(
                f"{where}: unit {units.id[int(row)]} lies in {', '.join(found) or 'no electrode'} "
                f"({column}); a unit has one region: leave it out with options.units"
            )
        regions += found
    return np.array(regions)
