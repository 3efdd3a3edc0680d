"""Spikes counted in a window after the onset of each presentation."""

from collections.abc import Sequence

import numpy as np


def count_spikes(
    spike_times: Sequence[np.ndarray], onsets: np.ndarray, window_ms: Sequence[float]
) -> np.ndarray:
    """Count spikes with onset + start <= t < onset + stop.

    Half open, so that windows that follow each other share no spike.

    Parameters
    ----------
    spike_times
        Of each unit, (spike,) [s], in any order.
    onsets
        (presentation,) [s].
    window_ms
        Start and stop after onset [ms].

    Returns
    -------
    numpy.ndarray
        (presentation, unit), float32.
    """
    starts, stops = (onsets + edge / 1000 for edge in window_ms)
    counts = np.empty((len(onsets), len(spike_times)), dtype=np.float32)
    for unit, times in enumerate(spike_times):
        times = np.sort(times)
        counts[:, unit] = np.searchsorted(times, stops) - np.searchsorted(times, starts)
    return counts


def find_observed(
    intervals: Sequence[np.ndarray | None], onsets: np.ndarray, window_ms: Sequence[float]
) -> np.ndarray:
    """Whether each unit was observed during the whole window, (presentation, unit).

    Parameters
    ----------
    intervals
        Of each unit, (interval, start and stop) [s], or None: always observed.
    onsets, window_ms
        As in `count_spikes`.
    """
    starts, stops = (onsets + edge / 1000 for edge in window_ms)
    observed = np.ones((len(onsets), len(intervals)), dtype=bool)
    for unit, times in enumerate(intervals):
        if times is not None:
            inside = (starts[:, None] >= times[:, 0]) & (stops[:, None] <= times[:, 1])
            observed[:, unit] = inside.any(axis=1)
    return observed
