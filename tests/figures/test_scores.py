"""The picture of scores: what is drawn where, for one to twelve networks."""

import numpy as np
import pytest
from PIL import Image

from tgas_neuro.figures.scores import (
    build_scores_figure,
    draw_scores,
    plot_differences,
    plot_layers,
    plot_models,
    shorten,
)
from tgas_neuro.figures.style import build_figure
from tgas_neuro.runtime.errors import UserError


@pytest.fixture
def ax():
    return build_figure((4, 3)).subplots()


def build_score(values, ceiling=0.8):
    """Region to similarities of its layers; None for one that is not defined."""
    regions = {}
    for region, found in values.items():
        layers = {
            f"layer_{i}": None if one is None else {"all": one} for i, one in enumerate(found)
        }
        known = {layer: one["all"] for layer, one in layers.items() if one}
        best = max(known, key=known.get) if known else None
        regions[region] = {
            "ceiling": ceiling,
            "corrected_for_noise": ceiling is not None,
            "paper": best and {"layer": best, "raw": known[best], "corrected": known[best]},
            "crossed": None,
            "layers": layers,
        }
    return {"TG": {"crossed": None, "paper": None}, "regions": regions}


def build_inference(names, differences, p_zero=0.001):
    return {
        "over": "stimuli",
        "resamples": 1000,
        "site_resamples": 0,
        "rows": 92,
        "sites": 0,
        "ceiling": (0.75, 0.85),
        "notes": [],
        "models": {
            name: {"low": 0.2, "high": 0.4, "deviation": 0.05, "p_zero": p_zero} for name in names
        },
        "differences": [
            {"first": a, "second": b, "difference": difference, "p_adjusted": p}
            for a, b, difference, p in differences
        ],
    }


def test_layers_are_lines_with_their_best(ax):
    plot_layers(build_score({"V4": [0.1, None, 0.3], "IT": [0.0, 0.5, 0.2]}), ax, "net")
    lines = [line for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_array_equal(lines[0].get_ydata(), [0.1, np.nan, 0.3])
    np.testing.assert_array_equal(lines[1].get_ydata(), [0.0, 0.5, 0.2])
    dots = [line.get_xydata()[0].tolist() for line in ax.lines if line.get_markersize() == 8]
    assert dots == [[2, 0.3], [1, 0.5]]
    assert [text.get_text() for text in ax.texts] == ["IT", "V4", "IT ceiling", "V4 ceiling"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["layer_0", "layer_1", "layer_2"]


def test_some_of_many_layers_have_names(ax):
    plot_layers(build_score({"V4": list(np.linspace(0, 1, 60))}, None), ax, "")
    assert [label.get_text() for label in ax.get_xticklabels()][:2] == ["layer_0", "layer_3"]


def test_a_network_without_any_defined_layer(ax):
    score = build_score({"V4": [None, None]})
    plot_layers(score, ax, "")
    plot_models("V4", {"net": score}, None, ax, "k")
    assert any("no layer is defined" in text.get_text() for text in ax.texts)


def test_models_have_intervals_and_the_band_of_the_ceiling(ax):
    scores = {"a": build_score({"V4": [0.3]}), "b": build_score({"V4": [0.31]})}
    inference = build_inference(["a"], []) | {"rows": 92}
    plot_models("V4", scores, inference, ax, "k")
    (band,) = ax.patches
    assert band.get_extents().transformed(ax.transData.inverted()).intervalx.tolist() == (
        pytest.approx([0.75, 0.85])
    )
    intervals = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 2]
    assert [list(one) for one in intervals] == [[0.2, 0.4]]
    assert ax.get_title().startswith("V4, 95 % intervals over 92 stimuli")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a  1", "b  2"]


def test_a_model_not_above_0_is_a_ring(ax):
    scores = {"a": build_score({"V4": [0.3]})}
    plot_models("V4", scores, build_inference(["a"], [], p_zero=0.2), ax, "k")
    (dot,) = [line for line in ax.lines if line.get_markersize() == 7]
    assert dot.get_markerfacecolor() == "white"


def test_differences_have_the_sign_of_the_row(ax):
    pairs = [("a", "b", 0.1, 0.01), ("a", "c", -0.2, 0.04), ("b", "c", 0.3, 0.06)]
    plot_differences(["a", "b", "c"], build_inference("abc", pairs), ax)
    found = {text.get_position()[::-1]: text.get_text() for text in ax.texts}
    minus, dot = "\N{MINUS SIGN}", "\N{MIDDLE DOT}"
    assert found == {
        **{(0, 1): "+", (1, 0): minus, (0, 2): minus},
        **{(2, 0): "+", (1, 2): dot, (2, 1): dot},
    }


@pytest.mark.parametrize("n_models", [1, 2, 12])
def test_panels(n_models):
    scores = {f"net_{i}": build_score({"V4": [0.1, 0.2]}) for i in range(n_models)}
    figure = build_scores_figure(scores, {})
    titles = [ax.get_title() for ax in figure.axes if ax.get_visible()]
    assert titles == [*scores, *(["V4"] if n_models > 1 else [])]


def test_files_by_their_ending(tmp_path):
    scores = {"a": build_score({"V4": [0.1, 0.2]})}
    for ending, begins in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        for name in "ab":
            draw_scores(scores, {}, tmp_path / f"{name}{ending}")
        first, second = ((tmp_path / f"{name}{ending}").read_bytes() for name in "ab")
        assert first == second
        assert first.startswith(begins)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 500
    with pytest.raises(UserError, match=r"'\.jpg'; it may be \.png, \.svg, \.pdf"):
        draw_scores(scores, {}, tmp_path / "a.jpg")


def test_long_names_lose_their_middle():
    assert shorten("a" * 34) == "a" * 34
    assert shorten("begins" + "x" * 40 + "ends") == "begins" + "x" * 10 + "…" + "x" * 12 + "ends"
