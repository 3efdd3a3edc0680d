"""Thresholds at rungs: by hand, and standardised against scipy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import zscore
from support.run_folders import build_record, draw

from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import FallingAlpha
from tgas_neuro.search.guidance import Measures, Rating
from tgas_neuro.search.history import build_entry
from tgas_neuro.search.rungs import list_thresholds


def build_premature(rungs, keep_fraction=0.5):
    data = {"kind": "simulated"}
    return Premature(data=data, epochs=3, rungs=rungs, keep_fraction=keep_fraction)


ENTRY = build_entry(build_record("g000_c00", draw(1)[0]), Rating(), {})


def build_entries(values, name="1"):
    return [replace(ENTRY, id=f"g000_c{k:02d}", rungs={name: v}) for k, v in enumerate(values)]


def find_threshold(values, fraction):
    (rung,) = list_thresholds(build_entries(values), build_premature([1], fraction), Rating())
    assert rung["of"] == len(values)
    return rung["threshold"]


@pytest.mark.parametrize(
    ("values", "fraction", "expected"),
    [
        ([], 0.5, None),
        ([0.7], 0.5, None),  # half a candidate is none: nobody to be compared with
        ([0.7, 0.2], 0.5, 0.7),
        ([0.7, 0.2, 0.5], 0.5, 0.5),
        ([0.1, 0.4, 0.3, 0.2], 0.5, 0.3),
        ([0.1, 0.4, 0.3, 0.2], 0.25, 0.4),
        ([0.1, 0.4, 0.3], 0.25, None),
        ([0.3, 0.3, 0.3], 0.5, 0.3),
    ],
)
def test_by_hand(values, fraction, expected):
    assert find_threshold(values, fraction) == expected


@given(
    st.lists(st.floats(-1, 2), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.9]),
)
def test_the_share_that_reaches_the_threshold(values, fraction):
    """At least the fraction of the known ones reaches it, and one fewer is above it."""
    threshold = find_threshold(values, fraction)
    if fraction * len(values) < 1:
        assert threshold is None
        return
    reach = sum(value >= threshold for value in values)
    above = sum(value > threshold for value in values)
    assert above < fraction * len(values) <= reach
    assert find_threshold(values[::-1], fraction) == threshold


def test_every_rung_counts_those_that_reached_it():
    """A stopped candidate counts where it got; a duplicate was not trained."""
    entries = [
        replace(ENTRY, rungs={"0.5": 0.1}, state="stopped"),
        replace(ENTRY, rungs={"0.5": 0.3, "1": 0.5}),
        replace(ENTRY, rungs={"0.5": 0.4, "1": 0.6}),
        replace(ENTRY, rungs={"0.5": 0.9, "1": 0.9}, state="duplicate", original="g000_c00"),
        replace(ENTRY, rungs={}, state="diverged"),
    ]
    assert list_thresholds(entries, build_premature([0.5, 1.0, 2]), Rating()) == [
        {"epoch": 0.5, "threshold": 0.3, "of": 3},
        {"epoch": 1.0, "threshold": 0.6, "of": 2},
        {"epoch": 2, "threshold": None, "of": 0},
    ]
    assert list_thresholds(entries, build_premature([]), Rating()) == []


def test_standardised_rewards_have_standardised_thresholds():
    """z-scores of P and TG at this rung alone; the third best of five is as good as it has to be.

    One without TG there does not count.
    """
    P, TG = [0.1, 0.3, 0.2, 0.5, 0.4], [0.3, 0.3, 0.1, 0.0, 0.2]
    rating = Rating("p_plus_tg", 0.5, scale="standardised")
    entries = [
        replace(ENTRY, id=f"g000_c{k:02d}", rung_measures={"1": {"P": P[k], "TG": TG[k]}})
        for k in range(5)
    ]
    others = [replace(ENTRY, original="g000_c00"), replace(ENTRY, rung_measures={})]
    (rung,) = list_thresholds([*entries, *others], build_premature([1]), rating)
    values = zscore(P) + 0.5 * zscore(TG)
    assert (rung["of"], rung["standardisation"]["of"]) == (5, 5)
    assert rung["threshold"] == pytest.approx(sorted(values)[2])
    candidate = Measures(0.35, 0.25, None, 1, 1)
    expected = (0.35 - np.mean(P)) / np.std(P) + 0.5 * (0.25 - np.mean(TG)) / np.std(TG)
    assert rating.rate(candidate, rung["standardisation"]) == pytest.approx(expected)
    falling = Rating("p_plus_tg", FallingAlpha(start=3, end=0), scale="standardised")
    (rung,) = list_thresholds(entries, build_premature([1]), falling)  # a third is trained: 2
    assert rung["threshold"] == pytest.approx(sorted(zscore(P) + 2 * zscore(TG))[2])
    (few,) = list_thresholds(entries[:4], build_premature([1]), rating)  # too few: as measured
    assert few["standardisation"] is None
    assert few["threshold"] == pytest.approx(
        sorted(p + 0.5 * t for p, t in zip(P[:4], TG[:4], strict=True))[2]
    )
