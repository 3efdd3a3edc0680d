"""Missing responses: numbers that stand for them (-999), repetitions not made, unwritten values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tgas_neuro.recordings.formats.hdf5_storage import find_gaps, get_float, get_object
from tgas_neuro.runtime.errors import UserError

# Nines, the limits of integers, netCDF's fill value for floats, and what MNE and FSL write.
NINES = tuple(float("9" * digits) for digits in range(2, 8))
MARKS = (*NINES, 32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 9.96920997e36, 1e20)
LEAST_OTHERS = 10  # responses that are not missing


@dataclass(frozen=True)
class Sentinel:
    """A value that stands for missing responses.

    Attributes
    ----------
    value, number
        The smallest or largest response, and how many have exactly this value.
    low, high
        Smallest and largest of the others.
    """

    value: float
    number: int
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.value:g} ({self.number} such values), all others are from {self.low:g} to "
            f"{self.high:g}; if it marks missing responses, set options.responses.missing: "
            f"{self.value:g} (reader arrays) or options.missing_value (assemblies), otherwise "
            "leave them out"
        )


def find_sentinel(values: np.ndarray) -> Sentinel | None:
    """The value that stands for missing responses, None where there is no such.

    It is the smallest or the largest, and either a number that programs write for missing ones
    (`MARKS`, or -1 and -9 more than once) where it cannot be a response: below 0 where no other
    is, or further from all others than these from each other; or any number that is there more
    than once and twenty times as far.

    Parameters
    ----------
    values
        Responses of any shape; NaN is not looked at.
    """
    if values.dtype.kind not in "fiu" or values.size == 0:
        return None
    with np.errstate(invalid="ignore"):
        for extreme in (np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)):
            if not np.isfinite(extreme):
                continue
            number = int(np.count_nonzero(values == extreme))
            if number == 1 and not _is_mark(float(extreme)):
                continue
            others = (values != extreme) & (values == values)
            if np.count_nonzero(others) < LEAST_OTHERS:
                continue
            low = float(np.min(values, where=others, initial=_highest(values.dtype)))
            high = float(np.max(values, where=others, initial=_lowest(values.dtype)))
            found = Sentinel(float(extreme), number, low, high)
            if _is_sentinel(found):
                return found
    return None


def _highest(dtype: np.dtype) -> float:
    return np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


def _lowest(dtype: np.dtype) -> float:
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def _is_sentinel(found: Sentinel) -> bool:
    size = abs(found.value)
    gap = max(found.low - found.value, found.value - found.high)
    span = found.high - found.low
    known = _is_mark(found.value)
    if found.value < 0 <= found.low:  # rates are never negative unless a baseline is subtracted
        return known or (size in (1, 9) and found.number > 1)
    far = known and gap > span and (found.value < 0 or size > 900)
    return far or (found.number > 1 and gap > 20 * span > 0)


def _is_mark(value: float) -> bool:
    return bool(np.isclose(abs(value), MARKS, rtol=1e-6).any())


def mark_missing(values: np.ndarray, missing: float | None, where: str, key: str) -> np.ndarray:
    """Responses with NaN in place of the value that stands for missing ones.

    Parameters
    ----------
    values
        As the file has them, of any shape and type.
    missing
        The value; None changes nothing, and refuses what looks like such a value.
    where, key
        File and variable, and the option, for messages.

    Raises
    ------
    UserError
        `missing` is None and a value looks like a sentinel, or no value is `missing`.
    """
    if missing is None:
        found = find_sentinel(values)
        if found is not None:
            raise UserError(f"{where}: a response is {found}")
        return values
    absent = np.isclose(values, missing, rtol=1e-6, atol=0)
    if not absent.any():
        raise UserError(
            f"{where}: {key}: {missing:g}, but no response is {missing:g}; leave it out"
        )
    values = values.astype(get_float(values.dtype), copy=False)
    return np.where(absent, values.dtype.type(np.nan), values)


def describe_missing(missing: float, number: int, size: int, where: str) -> str:
    """A note of how many responses are read as missing."""
    return f"{where}: {number:,} of {size:,} responses are {missing:g} and are read as missing"


def find_unwritten(
    path: Path, variables: Mapping[Any, xr.Variable], group: str | None = None
) -> dict[str, np.ndarray]:
    """Which values of variables of a netCDF4 file were never written, by name.

    Whole variables and scalars are not listed. A variable that is shorter than its unlimited
    dimension was not written beyond its end.
    """
    import h5py

    found: dict[str, np.ndarray] = {}
    if not h5py.is_hdf5(path):
        return found
    with h5py.File(path, "r") as file:
        place = get_object(file, group) if group else file
        for name, variable in variables.items():
            stored = get_object(place, f"_nc4_non_coord_{name}")  # as netCDF4 renames it
            stored = get_object(place, str(name)) if stored is None else stored
            shape = getattr(stored, "shape", None)
            if not variable.ndim or not shape:
                continue
            gaps = find_gaps(stored)
            written = np.zeros((*variable.shape, *shape[variable.ndim :]), dtype=bool)
            written[tuple(map(slice, shape))] = True if gaps is None else gaps.find(shape)
            if not written.all():
                found[str(name)] = ~written.reshape(*variable.shape, -1).all(axis=-1)
    return found


def mark_unwritten(values: np.ndarray, absent: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """Numbers with NaN where `absent` says that they were never written, and their count in words.

    Raises
    ------
    UserError
        They are no numbers, or none was written.
    """
    if values.dtype.kind not in "fiu" or absent.all():
        raise refuse_unwritten(absent, where)
    values = values.astype(get_float(values.dtype))
    values[absent] = np.nan
    return values, _count_unwritten(absent, where)


def refuse_unwritten(absent: np.ndarray, where: str) -> UserError:
    """The error where nothing can stand for values that were never written."""
    count = _count_unwritten(absent, where)
    return UserError(f"{count}, and nothing stands for them; write them")


def _count_unwritten(absent: np.ndarray, where: str) -> str:
    number = f"{int(absent.sum()):,} of {absent.size:,}"
    return f"{where}: {number} values were never written to the file"


STIMULI_AT_ONCE = 64


def pack_repetitions(responses: np.ndarray) -> np.ndarray:
    """Move the trials of each stimulus and site to the front of its slots, in place.

    Sites that were recorded at once have the same empty slots, and their trials stay in the same
    rows. Trials of different animals or sessions were never simultaneous; which of them share a
    row has no meaning.

    Parameters
    ----------
    responses
        (stimulus, slot, site), floating point; NaN marks a slot without a trial. Changed.

    Returns
    -------
    numpy.ndarray
        (stimulus,), how many trials of each stimulus every site has. Further trials that only some
        sites have are not used.
    """
    counts = np.zeros(len(responses), dtype=np.int64)
    for start in range(0, len(responses), STIMULI_AT_ONCE):
        part = responses[start : start + STIMULI_AT_ONCE]
        missing = np.isnan(part)
        if missing.any():
            order = np.argsort(missing, axis=1, kind="stable")
            part[...] = np.take_along_axis(part, order, axis=1)
        counts[start : start + len(part)] = (~missing).sum(axis=1).min(axis=-1)
    return counts


def drop_slots(responses: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rows (presentation, site) of packed trials: the first `counts` slots of each stimulus.

    The rows are moved within the memory of `responses`, (stimulus, slot, site) and contiguous,
    and returned as a view of it: recordings of 300 MB are not held twice.
    """
    rows = responses.reshape(-1, responses.shape[-1])
    n_slots, end = responses.shape[1], 0
    for stimulus, count in enumerate(counts):
        start = stimulus * n_slots
        if start != end:
            rows[end : end + count] = rows[start : start + count]
        end += int(count)
    return rows[:end]


def number_repetitions(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stimulus and repetition of each row of `drop_slots`, both (presentation,)."""
    stimulus = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return stimulus, np.arange(len(stimulus)) - first


def list_presentations(
    responses: np.ndarray, simultaneous: bool, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of trials in slots: (presentation, neuroid), and stimulus and repetition of each.

    Parameters
    ----------
    responses
        (stimulus, repetition, neuroid); NaN marks a slot without a trial. Changed.
    simultaneous
        Whether sites share their slots; if not, each site's trials are moved together, and the
        fewest that a site has of a stimulus are kept.
    where
        The file, for messages.

    Raises
    ------
    UserError
        Sites that share slots differ in them, or a stimulus has no trial.
    """
    if simultaneous:
        missing = np.isnan(responses)
        differing = missing != missing[..., :1]
        if differing.any():
            stimulus, slot, site = map(int, np.argwhere(differing)[0])
            raise UserError(
                f"{where}: neuroid {site} and neuroid 0 differ in whether stimulus {stimulus} has "
                f"repetition {slot} (NaN, counted from 0); sites recorded at once share their "
                "repetitions: see that options.responses.axes has the axes in the order of the "
                "array, set options.simultaneous: false if sites were not recorded at once, or "
                "options.missing to leave them out"
            )
    counts = pack_repetitions(responses)
    if not counts.all():
        stimulus = int(counts.argmin())
        dead = np.isnan(responses[stimulus]).all(axis=0)
        raise UserError(
            f"{where}: stimulus {stimulus} (counted from 0) has no repetition of neuroid "
            f"{int(dead.argmax())} ({int((counts == 0).sum())} such stimuli); leave the stimuli or "
            "the site out of the file"
        )
    return drop_slots(responses, counts), *number_repetitions(counts)
