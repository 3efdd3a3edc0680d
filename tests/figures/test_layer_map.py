import numpy as np
import pytest
from PIL import Image
from support.run_folders import build_record, build_score, draw

from tgas_neuro.figures.layer_map import build_layer_maps_figure, plot_layer_map
from tgas_neuro.figures.pictures import add_below, draw_candidate, draw_layer_maps
from tgas_neuro.figures.style import build_figure

MAP = {
    "V4": {"stem": None, "cell_0": 0.1, "cell_1": 0.4},
    "IT": {"stem": 0.05, "cell_0": 0.2, "cell_1": 0.3},
}


def test_rows_are_layers_and_columns_regions(ax):
    plot_layer_map(MAP, {"V4": ["cell_1"], "IT": ["cell_0", "cell_1"]}, ax, "g000_c00")
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), [[np.nan, 0.05], [0.1, 0.2], [0.4, 0.3]])
    assert image.get_clim() == (0.0, 0.4)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["stem", "cell_0", "cell_1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["V4", "IT"]
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts[0, 0] == "none"
    assert texts[1, 2] == "0.300"
    frames = sorted(
        (round(line.get_xdata().mean()), round(line.get_ydata().mean())) for line in ax.lines
    )
    assert frames == [(0, 2), (1, 1), (1, 2)]
    assert ax.get_title() == "g000_c00"


@pytest.mark.parametrize(
    ("values", "limits"),
    [((-0.2, 0.3), (-0.2, 0.3)), ((0.0, 0.0), (0.0, 1.0)), ((None, None), (0.0, 1.0))],
)
def test_limits(ax, values, limits):
    plot_layer_map({"V4": dict(zip("ab", values, strict=True))}, {"V4": []}, ax, "")
    assert ax.images[0].get_clim() == limits


def test_what_is_drawn_stays_as_large():
    figure = build_figure((4.0, 3.0))
    ax = figure.add_axes((0.1, 0.2, 0.8, 0.6))
    below = add_below(figure, 6.0, 2.0)
    size = figure.get_size_inches()
    box = ax.get_position()
    assert (box.width * size[0], box.height * size[1]) == pytest.approx((3.2, 1.8))
    lower = below.get_position()
    assert (lower.width * size[0], lower.height * size[1]) == pytest.approx((6.0, 2.0))
    assert lower.y1 < box.y0


def test_a_candidate(tmp_path):
    record = build_record("g000_c00", draw(1)[0])
    draw_candidate(record, "paper", tmp_path / "a.png")
    draw_candidate(record | {"teacher": None}, "paper", tmp_path / "b.png")
    heights = []
    for name in ("a.png", "b.png"):
        with Image.open(tmp_path / name) as image:
            heights.append(image.size[1])
            assert np.asarray(image.convert("L")).std() > 5
    assert heights[0] > heights[1]


def test_maps_side_by_side_have_the_same_colours():
    """V4 of one network is at most 0.15, of the other 0.4: one scale for both."""
    one, two = build_score(0.2, 0.3)["regions"], build_score(0.6, 0.8, ceiling=1.0)["regions"]
    two["IT"]["ceiling"] = None
    figure = build_layer_maps_figure({"candidate": one, "final": two}, "crossed", "search x")
    first, second, bar = figure.axes
    assert [ax.get_title() for ax in (first, second)] == ["candidate", "final"]
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0.0, 0.8)
    np.testing.assert_array_equal(first.images[0].get_array(), [[np.nan], [0.1], [0.15]])
    assert [label.get_text() for label in first.get_xticklabels()] == [
        "IT\nTG 0.200\nceiling 0.500"
    ]
    assert [label.get_text() for label in second.get_xticklabels()] == ["IT\nTG 0.600\nno ceiling"]
    assert len(first.lines) == 2  # the layers of both halves are framed
    assert "similarity (raw)" in bar.get_ylabel()
    assert figure.get_suptitle() == "search x"
    assert "crossed" in figure.get_supxlabel()


def test_the_mean_frames_no_layer_and_an_undefined_region_has_none():
    regions = build_score(0.2, 0.3)["regions"]
    figure = build_layer_maps_figure({"a": regions}, "mean")
    assert not figure.axes[0].lines and not figure.get_supxlabel()
    none = {"IT": regions["IT"] | {"crossed": None, "paper": None, "layers": {"stem": None}}}
    figure = build_layer_maps_figure({"a": none}, "paper")
    (label,) = figure.axes[0].get_xticklabels()
    assert label.get_text() == "IT\nTG none\nceiling 0.500"
    assert figure.axes[0].images[0].get_clim() == (0.0, 1.0)


def test_winner_and_final_network_are_drawn_to_every_format(tmp_path):
    record = build_record("g000_c00", draw(1)[0])
    best = {"id": "g000_c00", "run": "x", "layer_choice": "crossed", "record": record}
    paths = [tmp_path / f"map.{ending}" for ending in ("png", "svg", "pdf")]
    draw_layer_maps(best, build_score(0.4, 0.5), paths)
    assert all(path.stat().st_size > 1000 for path in paths)
    svg = paths[1].read_text()
    for text in ("candidate g000_c00", "as searched", "final network", "TG 0.200", "TG 0.400"):
        assert f">{text}<" in svg
