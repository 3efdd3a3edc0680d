import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.figures.pictures import calc_running_best, find_generation, plot_search_curve

ENTRIES = [
    {"id": "g0_c0", "state": "ok", "P": 0.2, "TG": 0.3, "reward": 0.5},
    {"id": "g0_c1", "state": "diverged", "P": None, "TG": None, "reward": None},
    {"id": "g1_c0", "state": "ok", "P": 0.3, "TG": 0.5, "reward": 0.8},
    {"id": "g1_c1", "state": "duplicate", "P": 0.2, "TG": 0.3, "reward": 0.5},
    {"id": "g2_c0", "state": "out_of_memory", "P": None, "TG": None, "reward": None},
    {"id": "g2_c1", "state": "diverged", "P": None, "TG": None, "reward": None},
]


def get_line(ax, label):
    return next(line for line in ax.lines if line.get_label().startswith(label))


def test_values_are_drawn_in_their_order(ax):
    plot_search_curve(ENTRIES, ax, "tpe-01234567")
    nan = np.nan
    np.testing.assert_array_equal(get_line(ax, "P:").get_ydata(), [0.2, nan, 0.3, 0.2, nan, nan])
    np.testing.assert_array_equal(get_line(ax, "TG:").get_ydata(), [0.3, nan, 0.5, 0.3, nan, nan])
    reward = get_line(ax, "reward")
    np.testing.assert_array_equal(reward.get_xdata(), [1, 2, 3, 5, 6])
    np.testing.assert_array_equal(reward.get_ydata(), [0.5, nan, 0.8, nan, nan])
    best = get_line(ax, "best")
    np.testing.assert_array_equal(best.get_ydata(), [0.5, 0.5, 0.8, 0.8, 0.8, 0.8])
    repeated = get_line(ax, "reward of a repeated")
    assert (repeated.get_xdata().tolist(), repeated.get_ydata().tolist()) == ([4], [0.5])
    assert repeated.get_markerfacecolor() == "white"
    assert ax.get_title() == "tpe-01234567"


def test_failures_are_marked_by_state_within_the_picture(ax):
    plot_search_curve(ENTRIES, ax)
    diverged, memory = get_line(ax, "diverged"), get_line(ax, "out of memory")
    assert list(diverged.get_xdata()) == [2, 6]
    assert list(memory.get_xdata()) == [5]
    assert diverged.get_label() == "diverged (2)"
    assert diverged.get_marker() != memory.get_marker()
    bottom, top = ax.get_ylim()
    assert bottom < diverged.get_ydata()[0] < 0
    assert top > 0.8
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "diverged (2)" in names
    assert "out of memory (1)" in names


def test_generations_have_borders_between_them(ax):
    plot_search_curve(ENTRIES, ax)
    borders = [line.get_xdata() for line in ax.lines if line.get_linestyle() == ":"]
    assert borders == [[2.5, 2.5], [4.5, 4.5]]


@pytest.mark.parametrize(
    "entry, generation",
    [({"id": "g12_c3"}, 12), ({"id": "x"}, None), ({}, None), ({"generation": 0}, 0)],
)
def test_generation_of_an_entry(entry, generation):
    assert find_generation(entry) == generation


def test_simulated_is_said(ax):
    plot_search_curve(ENTRIES, ax, "tpe", simulated=True)
    assert ax.get_title() == "tpe (simulated)"


@pytest.mark.parametrize("entries", [[], ENTRIES[1:2]])
def test_without_any_reward_there_is_still_a_picture(ax, entries):
    plot_search_curve(entries, ax)
    assert np.isfinite(ax.get_ylim()).all()
    assert len(get_line(ax, "reward").get_xdata()) == len(entries)
    ax.figure.canvas.draw()


@given(st.lists(st.one_of(st.none(), st.floats(-2, 2)), max_size=30))
def test_running_best_equals_a_loop(rewards):
    values = np.array([np.nan if reward is None else reward for reward in rewards], dtype=float)
    for count, found in enumerate(calc_running_best(values), start=1):
        known = [reward for reward in rewards[:count] if reward is not None]
        assert found == max(known) if known else np.isnan(found)
