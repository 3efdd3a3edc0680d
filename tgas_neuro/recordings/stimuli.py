"""The stimulus set: its table and its image files, checked against each other; tables as CSV."""

import csv
import hashlib
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.config.messages import suggest
from tgas_neuro.config.recordings import WIDEST_DEGREES
from tgas_neuro.recordings.formats.pictures import calc_pixel_digest, read_pixels
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256

# As JSON and YAML 1.2 write them; 007, 1_000, NaN and inf are text.
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}
WAY_OUT = "export it again as CSV in UTF-8, with commas"

REQUIRED_COLUMNS = ("stimulus_id", "filename", "sha256", "degrees")
USED_FOR = "used_for"  # column of what a stimulus is there for; without it all are rows of the RDM
RDM, CEILING = "rdm", "ceiling"


def validate_stimuli(stimuli: pd.DataFrame, name: str) -> pd.DataFrame:
    """Check a stimulus table and return it.

    Parameters
    ----------
    stimuli
        One row per stimulus, in the order of the rows of RDMs, with the columns
        ``stimulus_id`` (unique), ``filename`` (unique), ``sha256`` (of the image file) and
        ``degrees`` (width of the image in degrees of visual angle [deg], > 0, at most
        `WIDEST_DEGREES`); perhaps ``used_for``: ``rdm``, or ``ceiling`` for repeated stimuli that
        are no rows of the RDM but give the sites' reliability and the noise ceiling of the
        others; any further column is metadata (``object_name``, ``category_name``,
        ``variation``, ...).
    name
        The file or data set, for messages.

    Raises
    ------
    UserError
        A column is missing, the table is empty, or a value is missing, doubled or out of range.
    """
    missing = [column for column in REQUIRED_COLUMNS if column not in stimuli.columns]
    if missing:
        raise UserError(
            f"{name}: column {missing[0]!r} is missing; a stimulus table has "
            f"{', '.join(REQUIRED_COLUMNS)}, this one has {', '.join(map(str, stimuli.columns))}"
        )
    if len(stimuli) == 0:
        raise UserError(f"{name}: no stimuli; at least two are needed for an RDM")
    for column in REQUIRED_COLUMNS:
        empty = stimuli[column].isna() | (stimuli[column].astype(object) == "")
        if empty.any():
            row = int(empty.to_numpy().argmax())
            raise UserError(f"{name}: row {row + 2}: {column!r} is empty; give every row a value")
    for column in ("stimulus_id", "filename"):
        doubled = stimuli[column][stimuli[column].duplicated()]
        if len(doubled):
            raise UserError(
                f"{name}: {column} {doubled.iloc[0]!r} appears more than once; "
                "stimuli must be unique: remove or rename the double"
            )
    if USED_FOR in stimuli:
        unknown = ~stimuli[USED_FOR].isin([RDM, CEILING])
        if unknown.any() or not (stimuli[USED_FOR] == RDM).any():
            row = int(unknown.to_numpy().argmax())
            raise UserError(
                f"{name}: row {row + 2}: {USED_FOR} is {stimuli[USED_FOR].tolist()[row]!r}; it is "
                f"{RDM!r} or {CEILING!r}, and some are {RDM!r}"
            )
    bad = ~(pd.to_numeric(stimuli["degrees"], errors="coerce") > 0)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise UserError(
            f"{name}: row {row + 2}: degrees is {stimuli['degrees'].tolist()[row]!r}; it is the "
            "width of the image in degrees of visual angle, a number above 0"
        )
    wide = pd.to_numeric(stimuli["degrees"]) > WIDEST_DEGREES
    if wide.any():
        row = int(wide.to_numpy().argmax())
        raise UserError(
            f"{name}: row {row + 2}: degrees is {stimuli['degrees'].iloc[row]} ({int(wide.sum())} "
            f"such), more than {WIDEST_DEGREES} degrees of visual angle: are these pixels?"
        )
    return stimuli


def load_stimuli(path: str | Path) -> pd.DataFrame:
    """Load and check a ``stimuli.csv`` (see `validate_stimuli`); identifiers stay text."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; run the recordings stage again")
    stimuli = convert_columns(read_table(path), text=("stimulus_id", "filename", "sha256"))
    return validate_stimuli(stimuli, str(path))


def validate_images(stimuli: pd.DataFrame, folder: str | Path) -> None:
    """Check that every image of the table lies in `folder` with the digest the table says."""
    for stimulus_id, filename, sha256 in zip(
        stimuli["stimulus_id"], stimuli["filename"], stimuli["sha256"], strict=True
    ):
        path = Path(folder) / filename
        if not path.is_file():
            raise UserError(
                f"{path}: image of stimulus {stimulus_id!r} is missing; "
                "restore it or run the recordings stage again"
            )
        found = calc_sha256(path)
        if found != sha256:
            raise UserError(
                f"{path}: sha256 is {found}, stimuli.csv says {sha256}; "
                "the image was changed: run the recordings stage again"
            )


def calc_stimuli_digest(stimuli: pd.DataFrame) -> str:
    """SHA-256 over identifiers and image digests, in order: which images, in which order."""
    lines = (
        f"{stimulus_id} {sha256}\n"
        for stimulus_id, sha256 in zip(stimuli["stimulus_id"], stimuli["sha256"], strict=True)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def match_pictures(
    tables: Mapping[str, pd.DataFrame], folders: Mapping[str, Path]
) -> dict[str, pd.DataFrame]:
    """Give images that show the same the same ``sha256`` in all tables, that of the first.

    A program that saves an image anew changes its bytes, not what it shows. Images whose bytes are
    in no other table are decoded, and their pixels compared.

    Parameters
    ----------
    tables
        Data set to its stimulus table.
    folders
        Data set to what the recordings stage wrote of it.
    """
    first, *others = tables
    matched = {first: tables[first]}
    for name in others:
        known = pd.concat([table["sha256"] for table in matched.values()])
        table = tables[name]
        alone = table[~table["sha256"].isin(known)]
        pictures = _list_pictures(alone, folders[name]) if len(alone) else {}
        for other, there in matched.items():
            free = there[~there["sha256"].isin(table["sha256"])] if pictures else there[:0]
            for sha256, picture in _list_pictures(free, folders[other]).items():
                same = [found for found, shown in pictures.items() if shown == picture]
                table = table.assign(sha256=table["sha256"].replace(same, sha256))
        matched[name] = table
    return matched


def _list_pictures(table: pd.DataFrame, folder: Path) -> dict[str, bytes]:
    """Digest of the pixels of each image of a table, by the digest of its file."""
    return {
        sha256: calc_pixel_digest(read_pixels((folder / "stimuli" / filename).read_bytes()))
        for filename, sha256 in zip(table["filename"], table["sha256"], strict=True)
    }


def refuse_other_images(first: pd.DataFrame, second: pd.DataFrame, name: str) -> None:
    """Raise `UserError` if two tables have another image under the same identifier.

    Parameters
    ----------
    first, second
        Stimulus tables with ``path``; where one has no ``sha256``, nothing is compared. Images
        saved anew have other bytes and the same pixels; they are the same if both are there.
    name
        What the tables are of, for messages.
    """
    if "sha256" not in first or "sha256" not in second:
        return
    both = first.merge(second, on="stimulus_id", suffixes=("_1", "_2"))
    differing = both[both["sha256_1"] != both["sha256_2"]]
    for stimulus, *paths in zip(
        differing["stimulus_id"], differing["path_1"], differing["path_2"], strict=True
    ):
        there = all(map(os.path.isfile, paths))
        seen = {calc_pixel_digest(read_pixels(Path(path).read_bytes())) for path in paths if there}
        if len(seen) != 1:
            raise UserError(
                f"{name}: stimulus {stimulus!r} is another image in the other one "
                f"({len(differing)} of {len(both)} have other bytes); compare the same images"
            )


def read_table(path: str | Path) -> pd.DataFrame:
    """Columns of a CSV file, every value as the text that is there.

    No word means a missing value: NA, None, null and nan are text like any other. Empty lines are
    skipped, except in a table of one column, where they would be values.

    Raises
    ------
    UserError
        The file is not UTF-8, is separated by something else than commas, its rows differ in
        length, or a column has no name or that of another.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; correct its path") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a CSV table in UTF-8 ({error}); {WAY_OUT}") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV table in UTF-8 ({error}); {WAY_OUT}") from None
    while lines and not lines[-1][1]:
        lines.pop()
    if not lines:
        raise UserError(
            f"{path}: not a CSV table in UTF-8 (No columns to parse from file); {WAY_OUT}"
        )
    names = lines[0][1]
    _check_names(names, path)
    for number, row in lines[1:]:
        if len(row) != len(names) and (row or len(names) == 1):
            found = f"{len(row)} values" if row else "nothing"
            raise UserError(
                f"{path}: not a CSV table in UTF-8 (line {number} has {found}, the first line "
                f"names {len(names)} columns); put quotes around values with commas, or correct it"
            )
    rows = [row for _, row in lines[1:] if row]
    return pd.DataFrame(rows, columns=pd.Index(names, dtype=object), dtype=object)


def _check_names(names: list[str], path: str | Path) -> None:
    for separator, words in OTHER_SEPARATORS.items():
        if any(separator in name for name in names):
            raise UserError(
                f"{path}: not a CSV table in UTF-8 (its columns seem to be separated by {words}, "
                f"as in {','.join(names)[:60]!r}); {WAY_OUT}"
            )
    if not all(name.strip() for name in names):
        raise UserError(f"{path}: a column has no name; name every column in the first line")
    doubled = [name for index, name in enumerate(names) if name in names[:index]]
    if doubled:
        raise UserError(f"{path}: column {doubled[0]!r} is there twice; rename or remove one")


def get_column(table: pd.DataFrame, name: str, path: str | Path, key: str) -> pd.Series:
    """A column of a table; `key` is the option that asks for it, for messages."""
    if name not in table:
        raise UserError(
            f"{path}: column {name!r} ({key}) is missing{suggest(name, table.columns)}; there are: "
            f"{', '.join(table.columns)}"
        )
    return table[name]


def convert_columns(table: pd.DataFrame, text: Collection[str] = ()) -> pd.DataFrame:
    """The table with numbers and truth values where all values of a column are, else text.

    An empty value is missing and becomes NaN, but in columns of `text`, which stay as they are.
    """
    columns = {}
    for name, values in table.items():
        if name in text:
            columns[name] = values
        elif len(values) and values.isin(["True", "False"]).all():
            columns[name] = values == "True"
        else:
            columns[name] = convert_values(values).replace({"": np.nan})
    return pd.DataFrame(columns, columns=table.columns)


def convert_values(values: pd.Series) -> pd.Series:
    """Numbers (whole or not) where all texts are, else the texts.

    Numbers are written as in `NUMBER`: 007 keeps its zeros. Empty texts are NaN among numbers.
    """
    given = values[values != ""]
    if not len(given) or not all(NUMBER.fullmatch(value) for value in given):
        return values
    numbers = pd.Series([float(value or "nan") for value in values], index=values.index)
    if len(given) == len(values) and not any(re.search("[.eE]", value) for value in given):
        whole = [int(value) for value in values]
        if all(abs(value) < 2**63 for value in whole):
            return pd.Series(whole, index=values.index)
    return numbers
