"""The layer map as text."""

from statistics import fmean

import pytest
from support.run_folders import build_score

from tgas_neuro.scoring.layers import (
    format_layer_map,
    get_guidance,
    get_similarity,
    list_chosen,
    list_similarities,
)

REGIONS = build_score(0.4, 0.8)["regions"]


def test_similarities_and_chosen_layers():
    assert list_similarities(REGIONS) == {"IT": {"stem": None, "cell_0": 0.1, "cell_1": 0.4}}
    assert list_chosen(REGIONS, "crossed") == {"IT": ["cell_0", "cell_1"]}
    assert list_chosen(REGIONS, "paper") == {"IT": ["cell_1"]}


def test_mean_of_all_layers_by_hand():
    """0.1 and 0.4 measured, ceiling 0.5; the stem has no similarity and is left out."""
    assert get_similarity(REGIONS["IT"], "mean") == {
        "raw": pytest.approx(0.25),
        "corrected": pytest.approx(0.5),
    }
    assert list_chosen(REGIONS, "mean") == {"IT": []}
    for choice in ("crossed", "paper"):
        assert get_similarity(REGIONS["IT"], choice) == REGIONS["IT"][choice]


def test_guidance_by_the_mean_is_the_mean_over_regions():
    """Without a ceiling the similarity counts as measured; each site may have a ceiling."""
    layers = {"a": {"all": 0.1}, "b": {"all": -0.3}}
    of_sites = {"a": {"all": 0.1, "all_corrected": 0.15}, "b": {"all": 0.3, "all_corrected": 0.5}}
    regions = REGIONS | {
        "V4": REGIONS["IT"] | {"ceiling": None, "layers": layers},
        "V1": REGIONS["IT"] | {"ceiling": 0.5, "layers": of_sites},
    }
    score = {"TG": {"crossed": 0.4, "paper": 0.8}, "regions": regions}
    assert get_guidance(score, "mean") == pytest.approx(fmean([0.5, -0.1, 0.325]))
    assert get_guidance(score, "crossed") == 0.4
    dead = REGIONS["IT"] | {"layers": {"a": None}}
    assert get_similarity(dead, "mean") is None
    assert get_guidance({"TG": {}, "regions": REGIONS | {"V4": dead}}, "mean") is None


def test_text():
    """A quarter of the highest is the third of ten shades."""
    two = REGIONS | {"a_very_long_name": REGIONS["IT"]}
    assert format_layer_map(two, "paper") == [
        "layer   IT           a_very_long",
        "stem    none         none",
        "cell_0   0.100 ::     0.100 ::",
        "cell_1   0.400 @@ <   0.400 @@ <",
    ]


def test_values_below_zero_and_equal_ones():
    layers = {name: {"all": value} for name, value in (("a", -0.5), ("b", 0.0), ("c", 0.5))}
    region = {"layers": layers, "paper": {"layer": "c"}}
    lines = format_layer_map({"V4": region}, "paper")
    assert [line.split()[2:] for line in lines[1:]] == [[], ["++"], ["@@", "<"]]
    flat = {"layers": {"a": {"all": 0.0}}, "paper": {"layer": "a"}}
    assert format_layer_map({"V4": flat}, "paper")[1] == "a       0.000    <"
