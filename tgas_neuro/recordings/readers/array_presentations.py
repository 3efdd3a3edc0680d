"""Presentations of arrays: which stimulus each shows, and those without responses."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.missing import list_presentations
from tgas_neuro.recordings.readers.convert_source import leave_out_missing
from tgas_neuro.recordings.readers.labels import read_labels
from tgas_neuro.recordings.readers.leaving_out import match_values
from tgas_neuro.recordings.readers.options import ArraysOptions
from tgas_neuro.runtime.errors import UserError

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def list_slots(responses: np.ndarray, options: ArraysOptions, where: str, notes: list[str]) -> Rows:
    """Rows of an array with an axis of stimuli: (presentation, neuroid), stimulus and repetition.

    Parameters
    ----------
    responses
        (stimulus, repetition, neuroid); NaN marks a slot without a trial. Changed.
    options
        ``simultaneous`` and ``missing`` count.
    where, notes
        The file, for messages; what is worth a look is added to `notes`.

    Raises
    ------
    UserError
        See `tgas_neuro.recordings.missing.list_presentations`.
    """
    if options.simultaneous and _drops(options):  # left out later
        n_stimuli, n_slots, n_sites = responses.shape
        stimulus, slot = np.indices((n_stimuli, n_slots)).reshape(2, -1)
        rows = responses.reshape(-1, n_sites)
        made = ~np.isnan(rows).all(axis=1)
        return rows[made], stimulus[made], slot[made]
    if options.simultaneous:
        return list_presentations(responses, True, where)
    if _looks_exchanged(responses):
        notes.append(
            f"{where}: every stimulus lacks the same repetitions (NaN) of a site, and there are "
            f"as many stimuli as sites, {len(responses)}: this is what exchanged axes look like; "
            "see that options.responses.axes has stimulus and neuroid in the order of the array"
        )
    measured = sum(np.count_nonzero(~np.isnan(one)) for one in responses)
    rows, stimulus, repetition = list_presentations(responses, False, where)
    if out := measured - rows.size:
        notes.append(
            f"{where}: options.simultaneous: false keeps of each stimulus as many repetitions as "
            f"every site has; {out:,} of {measured:,} responses are left out"
        )
    return rows, stimulus, repetition


def _drops(options: ArraysOptions) -> bool:
    return options.missing not in (None, "refuse")


def _looks_exchanged(responses: np.ndarray) -> bool:
    """Whether missing repetitions are those of the second axis of sites, not of stimuli."""
    if responses.shape[0] != responses.shape[2]:
        return False  # the images are counted, and would be too few or too many
    missing = np.isnan(responses)
    shared = bool((missing == missing[:1]).all())
    return shared and not bool((missing == missing[..., :1]).all())


def read_presentations(
    listed: ListedFiles,
    options: ArraysOptions,
    stimuli: pd.DataFrame,
    responses: np.ndarray,
    where: str,
    notes: list[str],
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Those of an array (presentation, neuroid) that were made and are not left out.

    Returns
    -------
    rows, row, labels
        Their responses, the row of the stimulus table, and labels of each. Notes say how many are
        left out, and why.

    Raises
    ------
    UserError
        A label is missing, or a presentation shows no known stimulus.
    """
    kept = _find_made(responses, where, notes)
    n_before = int(kept.sum())
    source = options.presentations
    labels = read_labels(listed, "presentations", source, len(kept), "presentation")
    key = f"{listed.dataset}.yaml: options.presentations"
    if "stimulus_id" not in labels:
        raise UserError(
            f"{key}: stimulus_id is missing; say which stimulus each presentation shows, as "
            "stimulus_id: {variable: ...}"
        )
    for label, values in (options.leave_out or {}).items():  # also such as show no known stimulus
        if label in labels:
            kept &= ~match_values(labels[label], values)
    if out := n_before - int(kept.sum()):
        notes.append(
            f"{listed.dataset}: options.leave_out leaves out {out} of {n_before} presentations"
        )
    labels = {label: values[kept] for label, values in labels.items()}
    row = _find_stimuli(listed.dataset, key, stimuli, labels.pop("stimulus_id"), notes)
    if "repetition" not in labels:
        labels["repetition"] = pd.Series(row).groupby(row).cumcount().to_numpy()
    return responses if kept.all() else responses[kept], row, labels


def _find_made(responses: np.ndarray, where: str, notes: list[str]) -> np.ndarray:
    """Which presentations (presentation,) hold responses; one of only NaN was not made."""
    made = ~np.isnan(responses).all(axis=1)
    if not made.any():
        raise UserError(f"{where}: every response is NaN; this is another variable or file")
    if out := int((~made).sum()):
        notes.append(
            f"{where}: {out:,} of {len(made):,} presentations have no response (NaN) and are left "
            "out"
        )
    return made


def _find_stimuli(
    dataset: str, where: str, stimuli: pd.DataFrame, shown: np.ndarray, notes: list[str]
) -> np.ndarray:
    """Row of the stimulus that each presentation shows, by identifiers or names of files."""
    index = pd.Index(stimuli["stimulus_id"])
    if index.has_duplicates:
        doubled = index[index.duplicated()][0]
        raise UserError(f"{dataset}.yaml: stimulus_id {doubled!r} is there twice; rename it")
    row: np.ndarray = index.get_indexer(shown)
    if (row >= 0).all():
        return row
    files = pd.Index(stimuli["filename"])
    if files.is_unique and not (row >= 0).any():
        by_file: np.ndarray = files.get_indexer(shown)
        if (by_file >= 0).all():
            notes.append(
                f"{where}: stimulus_id has the names of the image files, as {str(shown[0])!r}; "
                f"the stimulus is {str(index[by_file[0]])!r}"
            )
            return by_file
    raise UserError(
        f"{where}: stimulus_id {str(shown[row < 0][0])!r} is no stimulus "
        f"({int((row < 0).sum())} of {len(row)} presentations); there are {len(index)}, as "
        f"{index[0]!r} of the file {files[0]!r}: give options.stimuli.stimulus_id the same names"
    )


def leave_out_incomplete(
    where: str,
    options: ArraysOptions,
    rows: np.ndarray,
    labels: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    notes: list[str],
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Leave out sites or presentations with missing responses, as ``options.missing`` says.

    If it refuses them, nothing is done here: ``options.leave_out`` may take them out, and what is
    left is refused later.

    Parameters
    ----------
    where, notes
        The file, for messages; how many are left out is added to `notes`.
    options
        Of the data set.
    rows
        (presentation, neuroid)
    labels
        Of presentations and of sites.

    Raises
    ------
    UserError
        Nothing would be left.
    """
    presentation, neuroid = (dict(part) for part in labels)
    if not _drops(options):  # large arrays are not looked through for nothing
        return rows, presentation, neuroid
    missing = np.isnan(rows)
    if not missing.any():
        return rows, presentation, neuroid
    choice = str(options.missing)
    kept, sites = leave_out_missing(where, missing, choice, presentation, neuroid)
    for kind, number, every in (
        ("presentations", rows.shape[0] - len(kept), rows.shape[0]),
        ("sites", rows.shape[1] - len(sites), rows.shape[1]),
    ):
        if number:
            notes.append(
                f"{where}: options.missing: {choice} leaves out {number:,} of {every:,} {kind}"
            )
    return (
        rows[np.ix_(kept, sites)],
        {label: values[kept] for label, values in presentation.items()},
        {label: values[sites] for label, values in neuroid.items()},
    )
