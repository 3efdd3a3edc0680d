"""Stimuli, presentations and sites that a description leaves out by the values of their labels."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tgas_neuro.config.messages import suggest
from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.runtime.errors import UserError

PLURALS = {"presentation": "presentations", "neuroid": "sites", "stimulus": "stimuli"}


def match_values(labels: np.ndarray, values: Sequence[object]) -> np.ndarray:
    """Which labels are among values.

    A whole number is the same as text and as a number; "1001 to 1072" is all whole numbers from
    the first to the last.
    """
    found = np.isin(_word(labels), _word(np.asarray(values, dtype=object)))
    for value in values:
        span = re.fullmatch(r"(-?\d+) to (-?\d+)", str(value))
        if span:
            numbers = _convert(labels)
            found |= (numbers >= int(span[1])) & (numbers <= int(span[2])) & (numbers % 1 == 0)
    return found


def _check_ranges(labels: np.ndarray, values: Sequence[object], where: str, plural: str) -> None:
    """Refuse a range of whole numbers where labels between them are fractions."""
    for value in values:
        span = re.fullmatch(r"(-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)", str(value))
        if span is None or value in labels.tolist():
            continue
        numbers, (first, last) = _convert(labels), sorted(map(float, span.groups()))
        between = numbers[(numbers >= first) & (numbers <= last)]
        fractions = between[between % 1 != 0]
        if len(fractions):
            raise UserError(
                f"{where}: {value!r} means whole numbers, and {len(fractions)} of {len(between)} "
                f"{plural} in it have fractions, as {fractions[0]:g}; list the values, or give the "
                "label in whole numbers"
            )


def _convert(labels: np.ndarray) -> np.ndarray:
    """Labels as numbers; NaN for those that are none."""
    return pd.to_numeric(pd.Series(np.asarray(labels)), errors="coerce").to_numpy(float)


def _word(values: np.ndarray) -> np.ndarray:
    return np.array(
        [
            str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
            for value in np.asarray(values).tolist()
        ],
        dtype=str,
    )


def leave_out_values(
    recordings: Recordings,
    chosen: Mapping[str, Sequence[object]],
    dataset: str,
    taken: Collection[str] = (),
) -> Recordings:
    """Leave out stimuli, presentations and sites by the values of their labels.

    Parameters
    ----------
    recordings
        What a reader gave, with responses.
    chosen
        Label of stimuli, presentations or sites to the values that are left out.
    dataset
        For messages.
    taken
        Labels of presentations that the reader has looked at before: it may have left out all.

    Returns
    -------
    Recordings
        A stimulus that is left without presentations is left out, with its image. Notes say how
        many of each are.

    Raises
    ------
    UserError
        There is no such label or value, or nothing is left.
    """
    assembly, stimuli = recordings.assembly, recordings.stimuli
    where = f"{dataset}.yaml: options.leave_out"
    if assembly is None or recordings.noise_free is not None:
        raise UserError(f"{where}: is for recorded responses; leave the key out")
    labels = {str(name): found for name, found in assembly.coords.items()}
    keep = {dim: np.ones(assembly.sizes[dim], dtype=bool) for dim in ("presentation", "neuroid")}
    shown = assembly["stimulus_id"].values.astype(str)
    for label, values in chosen.items():
        if label in labels:
            dim, found = str(labels[label].dims[0]), labels[label].values
        elif label in stimuli:
            dim = "presentation"
            of_stimulus = stimuli.set_index(stimuli["stimulus_id"].astype(str))[label]
            found = of_stimulus.loc[shown].to_numpy()
        else:
            there = sorted({*labels, *map(str, stimuli.columns)})
            raise UserError(
                f"{where}: there is no label {label!r}{suggest(label, there)}; there are: "
                f"{', '.join(there)}"
            )
        _check_ranges(found, values, f"{where}: {label}", PLURALS[dim])
        unknown = [value for value in values if not match_values(found, [value]).any()]
        if unknown and label not in taken:
            raise UserError(
                f"{where}: {label}: no {dim} has {unknown[0]!r}; correct it, or take it out"
            )
        keep[dim] &= ~match_values(found, values)
    counts = {dim: (int((~kept).sum()), len(kept)) for dim, kept in keep.items()}
    if not all(kept.any() for kept in keep.values()):
        raise UserError(f"{where}: leaves nothing of {dataset}; take values out")
    assembly = assembly.isel({dim: np.flatnonzero(kept) for dim, kept in keep.items()})
    left = np.isin(stimuli["stimulus_id"].astype(str), assembly["stimulus_id"].values.astype(str))
    counts["stimulus"] = (int((~left).sum()), len(left))
    stimuli = stimuli[left].reset_index(drop=True)
    wanted = set(stimuli["filename"])
    notes = tuple(
        f"{dataset}: options.leave_out leaves out {out} of {every} {PLURALS[dim]}"
        for dim, (out, every) in counts.items()
        if out
    )
    return replace(
        recordings,
        assembly=assembly,
        stimuli=stimuli,
        images=((name, content) for name, content in recordings.images if name in wanted),
        notes=recordings.notes + notes,
    )
