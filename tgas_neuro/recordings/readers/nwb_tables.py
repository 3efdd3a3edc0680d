"""Presentations of an NWB file: rows of a table, or an IndexSeries, as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from tgas_neuro.config.messages import suggest
from tgas_neuro.recordings.formats.hdf5_files import read_data
from tgas_neuro.recordings.readers.labels import convert_to_text
from tgas_neuro.recordings.readers.nwb_binned import BINNED, read_conditions
from tgas_neuro.recordings.readers.nwb_files import find_object
from tgas_neuro.recordings.readers.options import NwbOptions
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import pynwb


class Cells(NamedTuple):
    """Values of a column, and the row of each; several values a row follow each other."""

    values: np.ndarray
    rows: np.ndarray
    several: bool


class Presentations(NamedTuple):
    """What was shown, and when.

    Attributes
    ----------
    shown
        Columns ``stimulus_id``, ``onset`` [s], the labels and ``filename``, one row a presentation.
    series
        The IndexSeries whose numbers are the stimuli, or None.
    notes
        What was left out, one line each.
    """

    shown: pd.DataFrame
    series: Any
    notes: list[str]


def read_cells(table: Any, column: str, key: str, where: str) -> Cells:
    """One column of a table, one or several values a row; `key` is the option that asks for it."""
    if column not in table.colnames:
        raise UserError(
            f"{where}: options.{key}: table {table.name!r} has no column {column!r}"
            f"{suggest(column, table.colnames)}; there are: {', '.join(table.colnames)}"
        )
    from hdmf.common import VectorIndex

    vector = table[column]
    if isinstance(vector, VectorIndex):
        if isinstance(vector.target, VectorIndex):
            raise UserError(
                f"{where}: options.{key}: column {column!r} of table {table.name!r} holds lists of "
                "lists; name a column with one value or one list a row"
            )
        ends = read_data(vector.data).astype(np.int64)
        values = read_data(vector.target.data)
        rows = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        return Cells(values, rows, True)
    values = read_data(vector.data)
    if values.ndim == 2:
        rows = np.repeat(np.arange(len(values)), values.shape[1])
        return Cells(values.ravel(), rows, True)
    if values.ndim != 1:
        raise _refuse_several(table, column, key, where)
    return Cells(values, np.arange(len(values)), False)


def read_column(table: Any, column: str, key: str, where: str) -> np.ndarray:
    """One column of a table, one value a row; `key` is the option that asks for it."""
    cells = read_cells(table, column, key, where)
    if cells.several:
        raise _refuse_several(table, column, key, where)
    return cells.values


def _refuse_several(table: Any, column: str, key: str, where: str) -> UserError:
    return UserError(
        f"{where}: options.{key}: column {column!r} of table {table.name!r} holds several "
        "values a row; name a column with one"
    )


def read_presentations(nwb: pynwb.NWBFile, options: NwbOptions, where: str) -> Presentations:
    """Read the chosen rows of a table, or an IndexSeries, without those in ``invalid_times``.

    The table is any `DynamicTable` of the file; or an `IndexSeries`, whose data are places of
    images and whose timestamps are the onsets; or a `BinnedAlignedSpikes` with conditions. A row
    of a table can hold several images, each with its onset.
    """
    from hdmf.common import DynamicTable
    from pynwb.image import IndexSeries

    kinds = (DynamicTable, IndexSeries, BINNED)
    table = find_object(nwb, options.table, kinds, "table", where)
    series = None
    notes: list[str] = []
    if isinstance(table, DynamicTable):
        columns, notes = _read_table(table, options, where)
    else:
        _refuse_columns(table, options, where)
        is_series = isinstance(table, IndexSeries)
        series = table if is_series else None
        columns = _read_series(table) if is_series else read_conditions(table, where)
    onset = pd.to_numeric(pd.Series(columns["onset"]), errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(onset)
    if bad.any():
        raise UserError(
            f"{where}: table {table.name!r}: onset of row {int(bad.argmax())} is "
            f"{columns['onset'][bad].tolist()[0]!r} ({int(bad.sum())} such rows); onsets are "
            "seconds: correct them, or choose rows with options.presentations"
        )
    columns["onset"] = onset
    stimulus = convert_to_text(columns["stimulus_id"], "stimulus_id", "row", where)
    return Presentations(pd.DataFrame(columns | {"stimulus_id": stimulus}), series, notes)


def _read_table(
    table: Any, options: NwbOptions, where: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Columns with one value a presentation, and notes."""
    if len(table.id) == 0:
        raise UserError(f"{where}: table {table.name!r} is empty; name another as options.table")
    kept = np.zeros(len(table.id), dtype=bool)
    kept[choose_rows(table, options.presentations, "presentations", where)] = True
    onset = _read_onsets(table, options, where)
    columns = {"onset": onset.values}
    if isinstance(options.onset_column, list):
        stimulus = _read_alternating(table, options.stimulus_column, options, where)
    else:
        stimulus = _read_joined(table, options.stimulus_column, onset, where)
    columns["stimulus_id"] = stimulus
    wanted = {
        label: (f"labels.{label}", column) for label, column in options.labels.get_columns().items()
    }
    if options.filename_column:
        wanted["filename"] = ("filename_column", options.filename_column)
    for name, (key, column) in wanted.items():
        columns[name] = _spread(table, column, key, onset, where)
    taken, notes = kept[onset.rows], []
    if onset.several and np.asarray(onset.values).dtype.kind == "f":
        unused = np.isnan(onset.values)
        if (unused & taken).any():
            n_unused = int((unused & taken).sum())
            notes.append(
                f"{where}: table {table.name!r}: {n_unused} places for an image without onset "
                "(NaN) left out"
            )
        taken &= ~unused
    return {name: values[taken] for name, values in columns.items()}, notes


def _read_onsets(table: Any, options: NwbOptions, where: str) -> Cells:
    """Onset of every image of every row, in the order of the rows."""
    if isinstance(options.onset_column, str):
        return read_cells(table, options.onset_column, "onset_column", where)
    columns = [read_column(table, one, "onset_column", where) for one in options.onset_column]
    values = np.stack(columns, axis=1)
    return Cells(values.ravel(), np.repeat(np.arange(len(values)), values.shape[1]), True)


def _read_alternating(
    table: Any, names: str | list[str], options: NwbOptions, where: str
) -> np.ndarray:
    """Stimulus of every image of every row: one column for each of ``onset_column``."""
    names = [names] if isinstance(names, str) else names
    if len(names) != len(options.onset_column):
        raise UserError(
            f"{where}: options.stimulus_column: {names}, but onset_column names "
            f"{len(options.onset_column)} images a row; name one column for each"
        )
    columns = [read_column(table, name, "stimulus_column", where) for name in names]
    texts = [convert_to_text(one, "stimulus_id", "row", where) for one in columns]
    return np.stack(texts, axis=1).ravel()


def _read_joined(table: Any, names: str | list[str], onset: Cells, where: str) -> np.ndarray:
    """Stimulus of every image: one column, or the texts of several joined by '_'."""
    if isinstance(names, str):
        return _spread(table, names, "stimulus_column", onset, where)
    parts = [
        convert_to_text(_spread(table, name, "stimulus_column", onset, where), name, "row", where)
        for name in names
    ]
    rows = list(zip(*(part.tolist() for part in parts), strict=True))
    known: dict[str, tuple[str, ...]] = {}
    for row in rows:
        other = known.setdefault("_".join(row), row)
        if other != row:
            raise UserError(
                f"{where}: options.stimulus_column: {other} and {row} are both "
                f"{'_'.join(row)!r} when joined; correct the columns"
            )
    return np.array(["_".join(row) for row in rows])


def _spread(table: Any, column: str, key: str, onset: Cells, where: str) -> np.ndarray:
    """A column with one value for each onset; a value of a row belongs to all its images."""
    cells = read_cells(table, column, key, where)
    if not cells.several:
        return cells.values[onset.rows]
    if not onset.several:
        raise UserError(
            f"{where}: options.{key}: column {column!r} of table {table.name!r} holds several "
            "values a row; name a column with one, or a column with the onset of each as "
            "options.onset_column"
        )
    if not np.array_equal(cells.rows, onset.rows):
        sizes = [np.bincount(one.rows, minlength=len(table.id)) for one in (cells, onset)]
        row = int((sizes[0] != sizes[1]).argmax())
        raise UserError(
            f"{where}: options.{key}: row {row} of table {table.name!r} has {sizes[0][row]} values "
            f"of {column!r} and {sizes[1][row]} onsets; each image has one of both: correct it"
        )
    return cells.values


def _refuse_columns(item: Any, options: NwbOptions, where: str) -> None:
    given = {
        "presentations": options.presentations,
        "labels": options.labels.get_columns(),
        "filename_column": options.filename_column,
    }
    for key, value in given.items():
        if value:
            raise UserError(
                f"{where}: options.{key}: {item.name!r} is an {type(item).__name__} without "
                "columns; leave the key out, or name a table"
            )


def _read_series(series: Any) -> dict[str, np.ndarray]:
    index = read_data(series.data)
    if series.timestamps is not None:
        return {"stimulus_id": index, "onset": read_data(series.timestamps)}
    return {
        "stimulus_id": index,
        "onset": series.starting_time + np.arange(len(index)) / series.rate,
    }


def choose_rows(table: Any, chosen: dict[str, list], key: str, where: str) -> np.ndarray:
    """Indices of the rows whose columns have one of the values chosen; all where none is."""
    kept = np.ones(len(table.id), dtype=bool)
    for column, values in chosen.items():
        found = read_column(table, column, key, where)
        taken = np.isin(found.astype(str), [str(value) for value in values])
        if found.dtype.kind in "iuf":  # 1 is 1.0
            taken |= np.isin(found, [one for one in values if not isinstance(one, str | bool)])
        kept &= taken
        if not kept.any():
            there = ", ".join(sorted(set(found.astype(str)))[:10])
            raise UserError(
                f"{where}: options.{key}: no row has {column} of {values}; there are: {there}"
            )
    return np.flatnonzero(kept)
