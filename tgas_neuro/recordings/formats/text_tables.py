"""Tables in text files (.csv): every value as it is written, numbers only where all of them are."""

import csv
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.config.messages import suggest
from tgas_neuro.runtime.errors import UserError

# As JSON and YAML 1.2 write them; 007, 1_000, NaN and inf are text.
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}
WAY_OUT = "export it again as CSV in UTF-8, with commas"


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
