import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.figures.search_curve import (
    build_search_figure,
    calc_running_best,
    find_generation,
    plot_accuracy,
    plot_regions,
    plot_rewards,
)
from tgas_neuro.figures.style import REGIONS

ENTRIES = [
    {
        "id": "g0_c0",
        "state": "ok",
        "P": 0.2,
        "TG": 0.3,
        "reward": 0.5,
        "regions": {"V4": 0.4, "IT": 0.2},
    },
    {"id": "g0_c1", "state": "diverged", "P": None, "TG": None, "reward": None, "regions": None},
    {
        "id": "g1_c0",
        "state": "ok",
        "P": 0.3,
        "TG": 0.5,
        "reward": 0.8,
        "regions": {"V4": 0.6, "IT": 0.4},
    },
    {
        "id": "g1_c1",
        "state": "duplicate",
        "P": 0.2,
        "TG": 0.3,
        "reward": 0.5,
        "regions": {"V4": 0.4, "IT": 0.2},
    },
    {"id": "g2_c0", "state": "out_of_memory", "P": None, "TG": None, "reward": None},
    {"id": "g2_c1", "state": "diverged", "P": None, "TG": None, "reward": None},
]
NAN = np.nan


def get_line(ax, label):
    return next(line for line in ax.lines if line.get_label().startswith(label))


def get_texts(ax):
    return [text.get_text() for text in ax.texts]


def test_rewards_are_drawn_in_their_order(ax):
    plot_rewards(ENTRIES, ax)
    reward = get_line(ax, "reward")
    np.testing.assert_array_equal(reward.get_xdata(), [1, 2, 3, 5, 6])
    np.testing.assert_array_equal(reward.get_ydata(), [0.5, NAN, 0.8, NAN, NAN])
    best = get_line(ax, "best")
    np.testing.assert_array_equal(best.get_ydata(), [0.5, 0.5, 0.8, 0.8, 0.8, 0.8])
    repeated = get_line(ax, "repeated proposal")
    assert (repeated.get_xdata().tolist(), repeated.get_ydata().tolist()) == ([4], [0.5])
    assert repeated.get_markerfacecolor() == "white"
    assert get_texts(ax) == ["best 0.800"]


def test_failures_are_marked_by_state_within_the_picture(ax):
    plot_rewards(ENTRIES, ax)
    diverged, memory = get_line(ax, "diverged"), get_line(ax, "out of memory")
    assert list(diverged.get_xdata()) == [2, 6]
    assert list(memory.get_xdata()) == [5]
    assert diverged.get_label() == "diverged (2)"
    assert diverged.get_marker() != memory.get_marker()
    bottom, top = ax.get_ylim()
    assert bottom < diverged.get_ydata()[0] < 0
    assert top > 0.8
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["reward", "repeated proposal", "diverged (2)", "out of memory (1)"]


def test_accuracy_beside_chance(ax):
    plot_accuracy(ENTRIES, ax, chance=1 / 8)
    np.testing.assert_array_equal(get_line(ax, "P").get_ydata(), [0.2, NAN, 0.3, 0.2, NAN, NAN])
    assert list(get_line(ax, "chance").get_ydata()) == [0.125, 0.125]
    assert sorted(get_texts(ax)) == ["P", "chance 0.125"]
    low, high = ax.get_ylim()
    assert low <= 0 and high > 0.3


def test_without_a_known_chance_there_is_no_line(ax):
    plot_accuracy(ENTRIES, ax)
    assert get_texts(ax) == ["P"] and len(ax.lines) == 1


def test_every_region_has_its_own_points(ax):
    plot_regions(ENTRIES, ax)
    V4, IT = get_line(ax, "V4"), get_line(ax, "IT")
    np.testing.assert_array_equal(V4.get_ydata(), [0.4, NAN, 0.6, 0.4, NAN, NAN])
    np.testing.assert_array_equal(IT.get_ydata(), [0.2, NAN, 0.4, 0.2, NAN, NAN])
    np.testing.assert_array_equal(get_line(ax, "TG").get_ydata(), [0.3, NAN, 0.5, 0.3, NAN, NAN])
    assert V4.get_color() != IT.get_color() and V4.get_marker() != IT.get_marker()
    assert get_texts(ax) == ["IT", "TG, mean", "V4"]


def test_of_one_region_tg_is_not_drawn_twice(ax):
    plot_regions([{"TG": 0.3, "regions": {"IT": 0.3}}], ax)
    assert [line.get_label() for line in ax.lines] == ["IT"]


def test_the_figure_has_a_panel_for_each_and_names_the_run():
    figure = build_search_figure(ENTRIES, "tpe-01234567", simulated=True, chance=0.1)
    assert [ax.get_ylabel().split("\n")[0] for ax in figure.axes] == ["reward", "P", "TG"]
    assert figure.axes[0].get_title() == "tpe-01234567 (simulated)"
    for ax in figure.axes:
        borders = [line.get_xdata() for line in ax.lines if line.get_linestyle() == ":"]
        assert borders == [[2.5, 2.5], [4.5, 4.5]]
    without = build_search_figure([{"state": "ok", "reward": 0.4, "P": 0.4, "TG": None}], "p")
    assert [ax.get_ylabel().split("\n")[0] for ax in without.axes] == ["reward", "P"]
    assert without.axes[0].get_title() == "p"


def calc_contrast(colour):
    """Contrast with white, by WCAG 2: (1 + 0.05) / (L + 0.05)."""
    from matplotlib.colors import to_rgb

    linear = [
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in to_rgb(colour)
    ]
    return 1.05 / (np.dot([0.2126, 0.7152, 0.0722], linear) + 0.05)


def test_marks_have_enough_contrast():
    """3:1 is what WCAG asks of graphics."""
    assert calc_contrast("black") == pytest.approx(21)
    figure = build_search_figure(ENTRIES, chance=0.1)
    colours = {
        line.get_color()
        for ax in figure.axes
        for line in ax.lines
        if line.get_linestyle() != ":"  # borders of generations
    }
    assert len(colours) == 3
    assert min(map(calc_contrast, {*colours, *REGIONS})) >= 3


@pytest.mark.parametrize(
    "entry, generation",
    [({"id": "g12_c3"}, 12), ({"id": "x"}, None), ({}, None), ({"generation": 0}, 0)],
)
def test_generation_of_an_entry(entry, generation):
    assert find_generation(entry) == generation


@pytest.mark.parametrize("entries", [[], ENTRIES[1:2], ENTRIES[:1]])
def test_of_no_or_one_candidate_there_is_still_a_picture(entries):
    figure = build_search_figure(entries, chance=0.1)
    for ax in figure.axes:
        assert np.isfinite([ax.get_xlim(), ax.get_ylim()]).all()
    assert len(get_line(figure.axes[0], "reward").get_xdata()) == len(entries)
    figure.canvas.draw()


@given(st.lists(st.one_of(st.none(), st.floats(-2, 2)), max_size=30))
def test_running_best_equals_a_loop(rewards):
    values = np.array([np.nan if reward is None else reward for reward in rewards], dtype=float)
    for count, found in enumerate(calc_running_best(values), start=1):
        known = [reward for reward in rewards[:count] if reward is not None]
        assert found == max(known) if known else np.isnan(found)
