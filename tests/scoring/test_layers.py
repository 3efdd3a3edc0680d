"""The layer map as text."""

from support.run_folders import build_score

from tgas_neuro.scoring.layers import format_layer_map, list_chosen, list_similarities

REGIONS = build_score(0.4, 0.8)["regions"]


def test_similarities_and_chosen_layers():
    assert list_similarities(REGIONS) == {"IT": {"stem": None, "cell_0": 0.1, "cell_1": 0.4}}
    assert list_chosen(REGIONS, "crossed") == {"IT": ["cell_0", "cell_1"]}
    assert list_chosen(REGIONS, "paper") == {"IT": ["cell_1"]}


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
