"""Labels of stimuli, presentations and sites: where they come from, and their types."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.array_files import ENDINGS, load_variable
from tgas_neuro.recordings.readers.options import Labels, LabelSource
from tgas_neuro.recordings.stimuli import convert_values, get_column, read_table
from tgas_neuro.runtime.errors import UserError

TEXT_LABELS = ("stimulus_id", "filename", "neuroid_id", "region", "animal", "array", "session")
WHOLE_LABELS = ("repetition",)


def read_labels(
    files: ListedFiles,
    table: str,
    sources: Labels,
    length: int,
    dim: str,
    axes: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Values of every label of one table.

    Parameters
    ----------
    files
        Where arrays and CSV tables are found.
    table
        Key of the options: ``stimuli``, ``presentations`` or ``neuroids``.
    sources
        Name of each label to its source; ``table`` names a CSV file whose columns are all labels.
    length
        How many values each must have.
    dim
        The dimension, for messages.
    axes
        Labels that belong to one axis of several that make up the dimension, to its size. The
        last axis changes fastest. A source of such a label has one value for each place of its
        axis; without one it is counted from 1.

    Returns
    -------
    dict
        Name to (`length`,) array: identifiers, regions, animals, arrays and sessions as text,
        ``repetition`` as whole numbers, others as numbers where all are, else as text.

    Raises
    ------
    UserError
        A source is not there, has another number of values, or values that are missing.
    """
    found = {}
    sources = dict(sources)
    name = sources.pop("table", None)
    if isinstance(name, str):
        path = files.find(name, (".csv",), f"options.{table}.table")
        columns = read_table(path)
        found = {label: (columns[label].to_numpy(), f"{path}: column") for label in columns}
    axes = dict(axes or {})
    grid = np.indices(tuple(axes.values()))
    places = {label: place.ravel() for label, place in zip(axes, grid, strict=True)}
    axes = {label: size for label, size in axes.items() if label not in found}
    for label, source in sources.items():
        size = axes.get(label, length)
        found[label] = _read_source(files, source, size, f"options.{table}.{label}")
    for label, size in axes.items():
        found.setdefault(label, (np.arange(1, size + 1), f"{files.dataset}.yaml: axes"))
    converted = {
        label: _convert(
            values,
            label,
            axes.get(label, length),
            f"{dim}.{label}" if label in axes else dim,
            where,
            f"{files.dataset}.yaml",
        )
        for label, (values, where) in found.items()
    }
    return {
        label: values[places[label]] if label in axes else values
        for label, values in converted.items()
    }


def _read_source(
    files: ListedFiles, source: str | float | LabelSource, length: int, key: str
) -> tuple[np.ndarray, str]:
    """Values of a label, with the name of the file and variable that they are from."""
    where = f"{files.dataset}.yaml: {key}"
    if not isinstance(source, LabelSource):
        return np.full(length, source), where
    possible = ("variable", "column", "pattern", "ranges")
    kinds = [kind for kind in possible if getattr(source, kind) is not None]
    if source.ranges is not None and (source.file is not None or len(kinds) > 1):
        kinds.remove("ranges")  # of the numbers that the others have
    is_formatted = kinds == ["variable", "pattern"]  # numbers of a variable in a text
    if (len(kinds) > 1 and not is_formatted) or (not kinds and source.file is None):
        raise UserError(
            f"{where}: has {' and '.join(kinds) or 'none'} of {', '.join(possible)}; give one"
        )
    if source.matrix_column is not None and kinds and kinds[0] != "variable":
        raise UserError(f"{where}: matrix_column is of a variable, not of a {kinds[0]}; give one")
    if source.first and kinds != ["pattern"]:
        given = kinds[0] if kinds else "the file"
        raise UserError(f"{where}: first is for a pattern alone; here {given} has the values")
    values, place = _find_values(files, source, length, key, where)
    if source.ranges is not None:
        values = expand_ranges(source.ranges, length, where)[_check_places(values, length, place)]
    return (take_last_parts(values, place) if source.last_part else values), place


def _find_values(
    files: ListedFiles, source: LabelSource, length: int, key: str, where: str
) -> tuple[np.ndarray, str]:
    if source.ranges is not None and not (source.file or source.variable or source.column):
        return np.arange(1, length + 1), where
    if source.pattern is not None and source.variable is None:
        numbers = range(source.first, source.first + length)
        return np.array([source.pattern % number for number in numbers]), where
    if source.column is not None:
        path = files.find(source.file, (".csv",), key)
        columns = read_table(path)
        column = get_column(columns, source.column, path, key)
        return column.to_numpy(), f"{path}: {source.column}"
    path = files.find(source.file, ENDINGS, key)
    values = load_variable(path, source.variable)
    if source.matrix_column is not None:
        values = _take_column(values, source.matrix_column, length, f"{path} ({key})")
    values = np.squeeze(values)
    if values.ndim > 1:
        raise UserError(
            f"{path}: {source.variable or 'array'} ({key}) has shape {values.shape}, expected "
            f"one value for each of {length}; give an array of one dimension, or take one of its "
            "columns as matrix_column: 1"
        )
    values = np.atleast_1d(values)
    if source.pattern is not None:
        whole = convert_to_whole(values, "number", key, f"{path}: {source.variable}")
        values = np.array([source.pattern % number for number in whole])
    return values, f"{path}: {source.variable or 'array'}"


def _check_places(numbers: np.ndarray, length: int, where: str) -> np.ndarray:
    """Numbers from 1 to `length`, each once in any order, as places from 0."""
    found = pd.to_numeric(pd.Series(np.asarray(numbers)), errors="coerce").to_numpy(float)
    if len(found) != length or not np.array_equal(np.sort(found), np.arange(1, length + 1)):
        raise UserError(
            f"{where}: the numbers that options ranges are of must be 1 to {length}, each once; "
            f"these are {len(found)}, as {', '.join(map(str, np.asarray(numbers)[:3]))}"
        )
    return found.astype(int) - 1


def _take_column(values: np.ndarray, column: int, length: int, where: str) -> np.ndarray:
    if values.ndim != 2 or column > values.shape[1] or len(values) != length:
        turned = values.ndim == 2 and values.shape[1] == length
        raise UserError(
            f"{where}: matrix_column: {column} of an array of {' x '.join(map(str, values.shape))};"
            f" expected a matrix of {length} rows and at least {column} columns: "
            + ("it is the other way round, transpose it" if turned else "give another variable")
        )
    return values[:, column - 1]


def expand_ranges(ranges: Mapping[str, Sequence[int]], length: int, where: str) -> np.ndarray:
    """The value of each number from 1 to `length`, (`length`,); `where` is for messages.

    Raises
    ------
    UserError
        A range ends before it begins, or a number is in none, in two, or above `length`.
    """
    found = np.full(length, "", dtype=object)
    for value, (first, last) in ranges.items():
        if not first <= last <= length:
            raise UserError(
                f"{where}: ranges: {value}: [{first}, {last}] is no range of the numbers 1 to "
                f"{length}; give the first and the last number, counted from 1"
            )
        taken = found[first - 1 : last]
        if (taken != "").any():
            number = first + int((taken != "").argmax())
            raise UserError(
                f"{where}: ranges: number {number} is in {found[number - 1]} and in {value}; "
                "every number from 1 is in exactly one range"
            )
        found[first - 1 : last] = value
    if (found == "").any():
        raise UserError(
            f"{where}: ranges: number {int((found == '').argmax()) + 1} is in no range "
            f"({int((found == '').sum())} of {length} such); every number from 1 is in exactly one"
        )
    return found.astype(str)


def take_last_parts(values: np.ndarray, where: str) -> np.ndarray:
    r"""What follows the last / or \ of each path, as text."""
    if values.dtype.kind not in "UO":
        raise UserError(f"{where}: last_part is for text, these are {values.dtype}; leave it out")
    return np.array([re.split(r"[/\\]", str(value))[-1] for value in values.tolist()], dtype=str)


def _convert(
    values: np.ndarray, label: str, length: int, dim: str, where: str, description: str
) -> np.ndarray:
    if len(values) != length:
        raise UserError(
            f"{where} {label!r} has {len(values)} values, there are {length} along {dim!r} in the "
            f"responses; correct it, or the axes in {description}"
        )
    if label in TEXT_LABELS:
        return convert_to_text(values, label, dim, where)
    if label in WHOLE_LABELS:
        return convert_to_whole(values, label, dim, where)
    if values.dtype == object:  # from a CSV file: numbers where all are
        return values.astype(str) if "" in values else convert_values(pd.Series(values)).to_numpy()
    return convert_to_label(values, f"{where}: {label}")


def convert_to_text(values: np.ndarray, label: str, dim: str, where: str) -> np.ndarray:
    """Identifiers as text, one for each presentation or site.

    Text stays as it is, bytes are read as UTF-8, whole numbers are written without a point
    (7.0 is "7"); mixed types are allowed, each value by itself.

    Raises
    ------
    UserError
        One is missing (None, NaN or empty), or a number that is not whole.
    """
    texts, place = [], {}
    for number, value in enumerate(np.asarray(values).tolist()):
        # a presentation label is repeated many times: each value is converted once
        key = (type(value), value)
        if key not in place:
            place[key] = _format_identifier(value, f"{where}: {label} of {dim} {number}", dim)
        texts.append(place[key])
    return np.array(texts, dtype=str)


def _format_identifier(value: object, what: str, dim: str) -> str:
    if isinstance(value, bytes):
        value = _decode(value, what)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float) and value == value:
        raise UserError(f"{what} is {value}; identifiers are text or whole numbers: convert it")
    text = "" if value is None or value != value else str(value).strip()
    no_region = ": region of " in what and text.lower() in ("none", "null", "n/a", "nan")
    if not text or text == "nan" or no_region:
        raise UserError(f"{what} is {value!r}: it is missing; give every {dim} one")
    return text


def convert_to_whole(values: np.ndarray, label: str, dim: str, where: str) -> np.ndarray:
    """Whole numbers, int64, one for each presentation; text such as "3" is read as a number."""
    numbers = pd.to_numeric(pd.Series(np.asarray(values).ravel()), errors="coerce").to_numpy(float)
    bad = ~(np.isfinite(numbers) & (np.floor(numbers) == numbers))
    if bad.any():
        number = int(bad.argmax())
        raise UserError(
            f"{where}: {label} of {dim} {number} is {np.asarray(values).tolist()[number]!r}; it "
            f"must be a whole number: correct it, or set options.{label}: numbered"
        )
    return numbers.astype(np.int64)


def convert_to_label(values: np.ndarray, where: str = "label") -> np.ndarray:
    """Further labels: numbers stay numbers, everything else becomes text, a missing one "".

    Raises
    ------
    UserError
        Bytes are not UTF-8; `where` is for messages.
    """
    values = np.asarray(values)
    if values.dtype.kind in "iufb":
        return values
    if values.dtype.kind == "O":
        numbers = pd.to_numeric(pd.Series(values), errors="coerce")
        if all(isinstance(value, int | float) for value in values.tolist()):
            return numbers.to_numpy()
    if values.dtype.kind in "OS":
        texts = ["" if pd.isna(value) else _decode(value, where) for value in values.tolist()]
        return np.array(texts, dtype=str)
    return values.astype(str)


def _decode(value: object, what: str) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{what} is {value!r}, not UTF-8; write it as UTF-8 text") from None
