"""Labels of presentations and sites as sources keep them: made text or whole numbers, checked."""

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError


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
            place[key] = _word_identifier(value, f"{where}: {label} of {dim} {number}", dim)
        texts.append(place[key])
    return np.array(texts, dtype=str)


def _word_identifier(value: object, what: str, dim: str) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{what} is {value!r}, not UTF-8; write it as UTF-8 text") from None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float) and value == value:
        raise UserError(f"{what} is {value}; identifiers are text or whole numbers: convert it")
    text = "" if value is None or value != value else str(value).strip()
    if not text or text == "nan":
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


def convert_to_label(values: np.ndarray) -> np.ndarray:
    """Further labels: numbers stay numbers, everything else becomes text, a missing one ""."""
    values = np.asarray(values)
    if values.dtype.kind in "iufb":
        return values
    if values.dtype.kind == "O":
        numbers = pd.to_numeric(pd.Series(values), errors="coerce")
        if all(isinstance(value, int | float) for value in values.tolist()):
            return numbers.to_numpy()
        values = np.array(["" if pd.isna(value) else _decode(value) for value in values.tolist()])
    return values.astype(str)


def _decode(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
