"""Thresholds of successive halving: by hand, and against counting."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.run_folders import build_record, draw

from tgas_neuro.search.candidate import describe_stop
from tgas_neuro.search.generation import list_thresholds
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry

(GENOTYPE,) = draw(1)
ENTRY = build_entry(build_record("g000_c00", GENOTYPE), Rating(), {})


def build_entries(values, name="1"):
    return [replace(ENTRY, id=f"g000_c{k:02d}", rungs={name: v}) for k, v in enumerate(values)]


def find_threshold(values, fraction):
    (rung,) = list_thresholds(build_entries(values), {"rungs": [1], "keep_fraction": fraction})
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
    assert list_thresholds(entries, {"rungs": [0.5, 1.0, 2], "keep_fraction": 0.5}) == [
        {"epoch": 0.5, "threshold": 0.3, "of": 3},
        {"epoch": 1.0, "threshold": 0.6, "of": 2},
        {"epoch": 2, "threshold": None, "of": 0},
    ]
    assert list_thresholds(entries, {"rungs": []}) == []


def test_the_reason_of_a_stop():
    rung = {"epoch": 0.5, "value": 0.25, "threshold": 0.5, "of": 12}
    assert describe_stop([rung]) == (
        "0.250 after 0.5 epochs, 0.500 was needed there to be among the best of 12 candidates "
        "(premature.keep_fraction)"
    )
    assert describe_stop([rung | {"value": None}]).startswith("no value after 0.5 epochs")
