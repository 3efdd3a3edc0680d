import numpy as np
import pytest
from PIL import Image
from support.run_folders import build_record, draw

from tgas_neuro.figures.pictures import add_below, build_figure, draw_candidate
from tgas_neuro.figures.rdm import plot_layer_map

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
