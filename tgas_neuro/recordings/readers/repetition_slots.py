"""Repetition slots: unused ones (NaN) become absent rows, in place."""

import numpy as np

from tgas_neuro.runtime.errors import UserError

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
                "repetitions: set options.simultaneous: false if they were not"
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


def drop_empty(responses: np.ndarray, where: str) -> np.ndarray:
    """Which presentations (presentation,) hold responses; one of only NaN was not made."""
    kept = ~np.isnan(responses).all(axis=1)
    if not kept.any():
        raise UserError(f"{where}: every response is NaN; this is another variable or file")
    return kept
