"""Time bins: the window that is chosen holds what one bin of its width would have held."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.recordings.readers.time_bins import choose_window
from tgas_neuro.runtime.errors import UserError


@given(
    widths=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_bins_hold_the_spikes_of_the_window(widths, seed, data):
    """Oracle: spikes at single milliseconds, counted in bins and in the window."""
    generator = np.random.default_rng(seed)
    edges = np.cumsum([0, *widths])
    spikes = generator.poisson(0.3, edges[-1])
    starts, stops = edges[:-1], edges[1:]
    counts = np.array([spikes[start:stop].sum() for start, stop in zip(starts, stops, strict=True)])
    first = data.draw(st.integers(0, len(widths) - 1))
    last = data.draw(st.integers(first, len(widths) - 1))
    window = [int(starts[first]), int(stops[last])]
    order = generator.permutation(len(widths))  # bins may lie in any order

    chosen = choose_window(starts[order], stops[order], window, True, "f")
    total = spikes[window[0] : window[1]].sum()
    assert counts[order][chosen.index] @ chosen.weights == total
    assert chosen.edges == window

    chosen = choose_window(starts[order], stops[order], window, False, "f")
    rates = (counts / (stops - starts))[order]  # spikes a ms
    expected = total / (window[1] - window[0])
    assert rates[chosen.index] @ chosen.weights == pytest.approx(expected, abs=1e-12)


def test_rates_in_equal_bins_get_the_plain_mean_of_brain_score():
    chosen = choose_window([0, 20, 40, 60], [20, 40, 60, 80], [20, 80], False, "f")
    np.testing.assert_allclose(chosen.weights, 1 / 3)
    assert list(chosen.index) == [1, 2, 3]


def test_sliding_bins_give_one_that_is_the_window():
    starts = np.arange(0, 200, 10)
    chosen = choose_window(starts, starts + 100, [70, 170], False, "f")
    assert list(chosen.index) == [7]
    assert chosen.weights.tolist() == [1]


@pytest.mark.parametrize(
    ("starts", "stops", "window", "message"),
    [
        ([0, 20], [20, 40], None, r"f: options.window_ms is missing and there are 2 time bins "
                                  r"\(0-20, 20-40 ms\); name the window, as window_ms: \[0, 40\]"),
        ([0, 20], [20, 40], [40, 0], r"options.window_ms: \[40, 0\] ends before it begins"),
        ([0, 20], [20, 40], [20, 20], r"options.window_ms: \[20, 20\] ends before it begins"),
        ([70], [170], [0, 100], r"\[0, 100\] is not made up of whole time bins .* 1: 70-170 ms"),
        ([0, 20, 40], [20, 40, 60], [10, 60], r"\[10, 60\] is not made up"),
        ([0, 20, 40], [20, 40, 60], [0, 70], r"\[0, 70\] is not made up"),
        ([0, 40], [20, 60], [0, 60], r"\[0, 60\] is not made up"),  # a gap
        ([0, 10, 20], [20, 30, 40], [0, 40], r"\[0, 40\] is not made up"),  # overlap
        ([0, np.nan], [20, 40], [0, 20], r"time bin 1: time_bin_start is nan"),
        ([20], [0], None, r"time bin 0: time_bin_start is 20.0, time_bin_end is 0.0"),
        (["a"], ["b"], None, r"time_bin_start and time_bin_end are not numbers"),
        (np.arange(9), np.arange(1, 10), [0, 99], r"9: 0-1, 1-2, 2-3, ... 8-9 ms"),
    ],
)  # fmt: skip
def test_wrong_windows_and_bins(starts, stops, window, message):
    with pytest.raises(UserError, match=message):
        choose_window(starts, stops, window, False, "f")
