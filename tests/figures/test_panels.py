"""Small multiples: common limits, intervals, and names beside the lines."""

import numpy as np
import pytest

from tgas_neuro.figures.panels import Line, Panel, build_panels_figure, plot_panel

BAND = Line("P", [0.1, 0.2, 0.3, 0.4], [(0.0, 0.2), (0.1, 0.3), (0.2, 0.4), (0.3, 0.5)], "k")
DOTTED = Line("TG", [0.5, 0.4, 0.3, 0.4], [(0.4, 0.6)] * 4, "b", ":")
PLACES = ("0", "15", "30", "60")


def get_whiskers(ax):
    """(x, low, high) of each."""
    paths = [path.vertices for one in ax.collections for path in one.get_paths()]
    return [(v[0, 0], v[0, 1], v[1, 1]) for v in paths if len(v) == 2]


def test_a_band_and_whiskers(ax):
    plot_panel(Panel("V4", [BAND, DOTTED]), PLACES, ax)
    lines = [line for line in ax.lines if len(line.get_xdata()) == 4]
    np.testing.assert_array_equal(lines[0].get_xdata(), [0, 1, 2, 3])
    np.testing.assert_array_equal(lines[0].get_ydata(), BAND.values)
    whiskers = get_whiskers(ax)
    assert [low_high[1:] for low_high in whiskers] == [(0.4, 0.6)] * 4
    np.testing.assert_allclose([one[0] for one in whiskers], lines[1].get_xdata())
    band = next(one for one in ax.collections if len(one.get_paths()[0].vertices) > 4)
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.0, 0.5)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(PLACES)


def test_at_few_places_whiskers_stand_beside_each_other(ax):
    lines = [Line(name, [0.1, 0.2], [(0.0, 0.2), (0.1, 0.3)], "k") for name in "abc"]
    plot_panel(Panel("V4", lines), PLACES[:2], ax)
    whiskers = get_whiskers(ax)
    assert len(whiskers) == 6 == len({x for x, _, _ in whiskers})
    assert sorted({one[1:] for one in whiskers}) == [(0.0, 0.2), (0.1, 0.3)]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_panels_have_common_limits_and_ticks_below_each_column(number):
    panels = [Panel(f"panel {k}", [BAND, DOTTED]) for k in range(number - 1)]
    far = Line("P", [2.0] * 4, [(1.5, 2.5)] * 4, "k")
    figure = build_panels_figure([*panels, Panel("far", [far])], PLACES, ("x", "y"), 3, (2, 2))
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == [one.title for one in panels] + ["far"]
    assert len({ax.get_ylim() for ax in shown}) == 1 and shown[0].get_ylim()[1] >= 2.5
    figure.canvas.draw()
    named = [ax for ax in shown if ax.get_xlabel() == "x"]
    assert len(named) == min(number, 3)
    for ax in named:
        assert ax.xaxis.get_tick_params()["labelbottom"]
    for ax in shown[: number - 1]:  # names stand at the ends, for the common limits
        places = {text.get_text(): text.xy[1] for text in ax.texts}
        assert set(places) == {"P", "TG"}
        assert abs(places["P"] - 0.4) < 0.35 and places["P"] != places["TG"]
