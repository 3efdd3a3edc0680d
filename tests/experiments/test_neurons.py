"""Teachers with few and many sites: their correlations against scipy, and what the page says."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr, zscore

from tgas_neuro.experiments.grids import list_teachers
from tgas_neuro.experiments.neurons import find_fewest, rate_neurons
from tgas_neuro.experiments.neurons_page import describe_neurons
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.surrogates import rate_surrogates
from tgas_neuro.experiments.table import SITES, build_table, read_table, write_table
from tgas_neuro.figures.experiments import build_neurons_figure, render_svg
from tgas_neuro.runtime.errors import UserError

N = 60
NOISE = {5: 0.6, 10: 0.15, None: 0.02}  # of TG, by sites


@pytest.fixture
def experiment(content):
    content["teachers"]["brain"]["teacher"] = {"uncorrected": ["V4"]}
    content["grids"] = {
        "few": {
            "title": "parts of <a brain>",
            "of": "brain",
            "neuroids": [10, 5, None],
            "repetitions": [1, None],
            "draws": 3,
        }
    }
    return check_experiment(content, "x")


def score(value):
    """A region with one layer."""
    choice = {"raw": value, "corrected": value}
    return {
        "ceiling": None,
        "corrected_for_noise": False,
        "crossed": choice | {"layers": ["a", "a"]},
        "paper": choice | {"layer": "a"},
        "layers": {"a": {"all": value, "half_0": value, "half_1": value}},
    }


def simulate(experiment, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.clip(rng.normal(0.8, 0.05, N), 0, 1)
    sizes = {key: key.split("_")[1].split("x") for key in list_teachers(experiment) if "x" in key}
    facts, noise = {}, {"brain": NOISE[None], "shuffled": 10.0}
    for number, (key, (neuroids, repetitions)) in enumerate(sizes.items()):
        n = None if neuroids == "all" else int(neuroids)
        noise[key] = NOISE[n]
        ceiling = None if repetitions == "1" else 0.5 + number / 100
        facts[f"{key}:V4"] = {"recorded": n or 40, "sites": (n or 40) - 1, "ceiling": ceiling}
    records = []
    for number in range(N):
        steps = {
            str(step): {
                "P": float(truth[number] + rng.normal(0, 0.05 if step else 1.0)),
                "loss": 1.0,
                "regions": {
                    f"{key}:V4": score(float(truth[number] + rng.normal(0, spread)))
                    for key, spread in noise.items()
                },
            }
            for step in (0, 3, 6)
        }
        complexity = {"params": int(rng.integers(1000, 9000)), "macs": 1}
        record = {"hash": f"{number:016d}", "repetition": 0, "complexity": complexity}
        records.append(record | {"steps": steps, "teachers": facts})
    mature = {f"{number:016d}": float(value) for number, value in enumerate(truth)}
    cells = {name: number for number, name in enumerate(mature)}
    teachers = {key: {"regions": ["V4"], "digest": key} for key in list_teachers(experiment)}
    return build_table(records, cells, mature, (0, 3, 6), teachers)


@pytest.fixture
def table(experiment):
    return simulate(experiment)


def take(result, neuroids, repetitions, step=6):
    points = result["steps"][str(step)]["grids"]["few"]["points"]
    (found,) = [
        point
        for point in points
        if (point["neuroids"], point["repetitions"]) == (neuroids, repetitions)
    ]
    return found


def test_values_are_means_of_scipys_over_draws(experiment, table):
    result = rate_neurons(table, experiment)
    rows = table[table["steps"] == 6].set_index("teacher")
    P, truth = rows.loc["brain", "P"].to_numpy(), rows.loc["brain", "mature"].to_numpy()
    alone = spearmanr(P, truth)[0]
    assert result["steps"]["6"]["P"]["r"]["value"] == pytest.approx(alone)
    point = take(result, 5, 1)
    TG = [rows.loc[f"few_5x1_{draw}", "mean"].to_numpy() for draw in range(3)]
    expected = [spearmanr(one, truth)[0] for one in TG]
    assert len(set(expected)) == 3
    assert point["of_draws"]["TG"] == pytest.approx(expected)
    assert point["TG"]["r"]["value"] == pytest.approx(np.mean(expected))
    gains = [spearmanr(zscore(P) + zscore(one), truth)[0] - alone for one in TG]
    assert point["of_draws"]["gain"] == pytest.approx(gains)
    assert point["gain"]["r"]["value"] == pytest.approx(np.mean(gains))
    assert point["draws"] == 3 and take(result, 40, None)["draws"] == 1
    whole = result["steps"]["6"]["grids"]["few"]["of"]
    surrogates = rate_surrogates(table, experiment)["steps"]["6"]["teachers"]["brain"]["mean"]
    assert whole["TG"] == surrogates["TG"] and whole["gain"] == surrogates["standardised"]["gain"]


def test_intervals_are_over_cells_of_the_mean_of_draws(experiment, table):
    """Resampled here with other random numbers: they agree as far as 200 and 2,000 draws do."""
    interval = take(rate_neurons(table, experiment), 5, 1)["TG"]["r"]["interval"]
    rows = table[table["steps"] == 6].set_index("teacher")
    truth = rows.loc["brain", "mature"].to_numpy()
    TG = [rows.loc[f"few_5x1_{draw}", "mean"].to_numpy() for draw in range(3)]
    rng = np.random.default_rng(5)
    means = []
    for _ in range(2000):
        cells = rng.integers(N, size=N)
        means.append(np.mean([spearmanr(one[cells], truth[cells])[0] for one in TG]))
    assert interval == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.05)
    one_draw = [spearmanr(TG[0][cells := rng.integers(N, size=N)], truth[cells])[0] for _ in means]
    # of a single draw the interval is wider by much more
    assert np.diff(np.percentile(one_draw, [2.5, 97.5]))[0] > np.diff(interval)[0] + 0.05


def test_sites_and_ceilings_are_those_of_the_teachers(experiment, table):
    result = rate_neurons(table, experiment)
    point = take(result, 5, None)
    keys = [key for key in list_teachers(experiment) if "x" in key]
    expected = [0.5 + keys.index(f"few_5xall_{draw}") / 100 for draw in range(3)]
    assert point["ceiling"] == pytest.approx(expected) and point["sites"] == 4
    assert take(result, 5, 1)["ceiling"] == [None] * 3
    assert take(result, 40, None)["sites"] == 39  # as many as the table says that there are


def test_more_sites_help_more(experiment, table):
    result = rate_neurons(table, experiment)
    few, some, all_ = (take(result, n, 1)["gain"]["r"] for n in (5, 10, 40))
    assert few["value"] < some["value"] < all_["value"] and all_["interval"][0] > 0


def point(neuroids, low, repetitions=1):
    return {
        "neuroids": neuroids,
        "repetitions": repetitions,
        "gain": {"r": {"value": low + 1, "interval": [low, low + 2]}},
    }


@pytest.mark.parametrize(
    ("lows", "expected"),
    [
        ({10: 0.1, 20: 0.2, 40: 0.3}, 10),
        ({40: 0.3, 10: -0.1, 20: 0.2}, 20),
        ({10: 0.1, 20: -0.1, 40: 0.3}, 40),  # 10 sites do not count: 20 are not enough
        ({10: 0.1, 20: 0.2, 40: 0.0}, None),
    ],
)
def test_the_fewest_sites_are_those_from_which_on_all_help(lows, expected):
    others = [point(1, 5.0, None), point(99, -5.0, 2)]
    points = [point(neuroids, low) for neuroids, low in lows.items()]
    assert find_fewest([*others, *points], 1) == expected


def test_other_results_are_those_without_grids(experiment, table):
    without = experiment.model_copy(update={"grids": {}})
    own = table[table["teacher"].isin(["brain", "shuffled"])]
    assert rate_surrogates(table, experiment) == rate_surrogates(own, without)


def test_cells_without_a_value_are_counted(experiment, table):
    dead = (table["hash"] == table["hash"][0]) & (table["teacher"] == "few_5x1_0")
    table.loc[dead & (table["steps"] == 3), "mean"] = math.nan
    assert rate_neurons(table, experiment)["without_TG"] == 1


def test_a_kept_table_says_the_same(tmp_path, experiment, table):
    path = str(tmp_path / "t.csv.gz")
    write_table(path, table)
    assert rate_neurons(read_table(path, experiment), experiment) == rate_neurons(table, experiment)
    write_table(path, table[table["teacher"] != "few_5x1_2"])
    with pytest.raises(UserError, match="teachers: has no 'few_5x1_2'"):
        read_table(path, experiment)


def test_an_older_table_does_not_say_how_many_sites_there_are(tmp_path, experiment, table):
    path = str(tmp_path / "t.csv")
    write_table(path, table.drop(columns=list(SITES)))
    old = read_table(path, experiment)
    with pytest.raises(UserError, match=r"few.neuroids: null, but the table does not say"):
        rate_neurons(old, experiment)
    numbered = experiment.grids["few"].model_copy(update={"neuroids": [5, 10]})
    found = rate_neurons(old, experiment.model_copy(update={"grids": {"few": numbered}}))
    assert take(found, 5, 1)["ceiling"] == [None] * 3 and take(found, 5, 1)["sites"] is None
    assert take(found, 5, 1)["gain"] == take(rate_neurons(table, experiment), 5, 1)["gain"]


def test_the_page_says_from_how_many_sites_on_it_helps(experiment, table):
    result = rate_neurons(table, experiment)
    svg = render_svg(build_neurons_figure(result, experiment))
    assert svg == render_svg(build_neurons_figure(result, experiment))
    assert "all repetitions" in svg and "1 repetition" in svg and "gain of z(P) + z(TG)" in svg
    page = describe_neurons(result, experiment, svg)
    points = result["steps"]["6"]["grids"]["few"]["points"]
    fewest = find_fewest(points, 1)
    assert fewest in (5, 10, 40)
    assert "parts of &lt;a brain&gt;: after 6 steps the interval" in page
    assert f"with 1 repetition, from {fewest:.0f} sites on; with all repetitions" in page
    point = take(result, 5, None)
    gain, drawn = point["gain"]["r"], point["of_draws"]["gain"]
    low, high = gain["interval"]
    assert f"<td>{gain['value']:+.2f} ({low:+.2f} to {high:+.2f})</td>" in page
    assert f"<td>{min(drawn):+.2f} to {max(drawn):+.2f}</td>" in page
    low, high = min(point["ceiling"]), max(point["ceiling"])
    assert f"<td>4.0</td><td>{low:.2f} to {high:.2f}</td>" in page
    assert "<td>5</td><td>1</td><td>4.0</td><td>none</td>" in page
    hopeless = simulate(experiment)
    hopeless["mean"] = np.random.default_rng(0).normal(size=len(hopeless))
    page = describe_neurons(rate_neurons(hopeless, experiment), experiment, svg)
    assert "with 1 repetition, for no number of sites" in page


def test_facts_of_the_sites_are_columns(table):
    found = table[table["teacher"] == "few_10x1_0"][list(SITES)].drop_duplicates()
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True),
        pd.DataFrame({"recorded": [10.0], "sites": [9.0], "ceiling": [math.nan]}),
    )
    assert table[table["teacher"] == "brain"][list(SITES)].isna().all(axis=None)
