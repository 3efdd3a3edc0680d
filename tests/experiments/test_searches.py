"""Every strategy under every guidance, on tables whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from tgas_neuro.experiments.cells import draw_cells
from tgas_neuro.experiments.measured import find_cells
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.replay import list_entries
from tgas_neuro.experiments.searches import build_guidances, estimate_mean, rate_strategies
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.guidance import Rating

N = 60
TEACHERS = ("brain", "shuffled")


@pytest.fixture
def searched(content):
    content["cells"]["number"] = N
    content["primary"] |= {"steps": 3}
    content["searches"] = {
        "seeds": 25,
        "candidates": [5, 10, 15],
        "strategies": ["random", "progressive"],
        "probes": {"share": 0.5},
    }
    return check_experiment(content, "x")


def tabulate(experiment, seed=0):
    """P is noise until 6 steps, when it is the truth; the brain's TG is the truth at all times."""
    rng = np.random.default_rng(seed)
    rows = []
    for cell in draw_cells(experiment):
        truth, params = rng.uniform(0.6, 0.9), int(rng.integers(1000, 9000))
        for step in (0, 3, 6):
            P = truth if step == 6 else rng.uniform(0.6, 0.9)
            for teacher in TEACHERS:
                for region in ("V4", "IT"):
                    TG = (truth if teacher == "brain" else rng.uniform(0.6, 0.9)) * (step > 0)
                    rows.append(
                        {
                            "hash": cell["hash"],
                            "repetition": 0,
                            "steps": step,
                            "teacher": teacher,
                            "region": region,
                            "mature": truth,
                            "params": params,
                            "macs": 7,
                            "P": P,
                            "crossed": TG + (0.02 if region == "IT" else 0),
                            "paper": 0.1,
                            "mean": TG + (0.02 if region == "IT" else 0),
                        }
                    )
    return pd.DataFrame(rows)


def test_a_teacher_that_knows_helps_every_strategy(searched):
    found = rate_strategies(tabulate(searched), searched)
    assert found["images"] == [number * 3 * 12 for number in (5, 10, 15)]
    assert found["probes"] == {"share": 0.5, "steps": 6} and found["steps"] == 3
    truth = tabulate(searched)["mature"]
    assert found["best"] == truth.max()
    for strategy in ("random", "progressive"):
        rated = found["strategies"][strategy]
        assert list(rated) == ["P", "TG", "primary", "control", "learned", "learned_control"]
        regret = {name: one["regret"]["value"] for name, one in rated.items()}
        for name, one in rated.items():
            assert one["quality"][-1]["value"] == pytest.approx(truth.max() - regret[name])
        assert regret["TG"] < regret["primary"] < regret["P"] - 0.02
        assert regret["control"] == pytest.approx(regret["P"], abs=0.06)
        guess = truth.max() - truth.mean()
        assert regret["P"] == pytest.approx(guess, abs=0.06)
    weights = found["weights"]["primary"]
    alphas = [f"alpha {alpha}" for alpha in (0.25, 0.5, 1, 2, 4)]
    assert list(weights) == ["P", *alphas, "TG", "learned"]
    regrets = [weights[name]["regret"]["value"] for name in ("P", *alphas, "TG")]
    assert regrets == sorted(regrets, reverse=True)
    # the same searches of the largest budget, of all candidates; probes cost nothing
    for name, key in (("P", "P"), ("TG", "TG"), ("primary", "alpha 1")):
        assert weights[key]["regret"] == found["strategies"]["random"][name]["regret"]
    assert weights["learned"]["regret"]["value"] < regret["P"] - 0.02
    for name, column in found["weights"].items():
        assert column["P"]["over_P"] == {"value": 0.0, "interval": [0.0, 0.0]}
        assert column["P"]["regret"] == found["strategies"]["random"]["P"]["regret"]
        for one in column.values():
            difference = one["regret"]["value"] - column["P"]["regret"]["value"]
            assert one["over_P"]["value"] == pytest.approx(difference), name
    random = found["strategies"]["random"]
    quality = [one["value"] for one in random["TG"]["quality"]]
    assert quality == sorted(quality) and quality[2] > quality[0] + 0.02


def test_the_numbers_repeat_and_no_strategies_are_none(searched, content):
    table = tabulate(searched)
    content["searches"] |= {"seeds": 10, "strategies": ["evolution"], "candidates": [5]}
    experiment = check_experiment(content, "x")
    assert rate_strategies(table, experiment) == rate_strategies(table, experiment)
    content["searches"]["strategies"] = []
    assert rate_strategies(table, check_experiment(content, "x")) is None


def test_learned_is_left_out_where_nothing_was_measured_later(content):
    content["cells"]["number"] = N
    content["searches"] = {"seeds": 10, "candidates": [5], "strategies": ["random"]}
    experiment = check_experiment(content, "x")
    found = rate_strategies(tabulate(experiment), experiment)
    assert "learned" not in found["weights"]["control"]
    assert found["probes"] is None and "learned" not in found["strategies"]["random"]


def test_probes_cost_their_images_and_have_the_accuracy_of_the_last_steps(searched):
    table = tabulate(searched)
    cells = find_cells(sorted(set(table["hash"])), searched)
    guided = build_guidances(table, cells, searched)["learned"]
    assert guided.images == 3 * 12 and guided.images_of_probe == (6 - 3) * 12
    truth = table.groupby("hash")["mature"].first()
    assert guided.later.tolist() == truth[[one.hash for one in cells.genotypes]].tolist()
    seen = [guided.evaluate(number, "g000_c00", seed=5) for number in range(N)]
    probed = [entry.probe_accuracy is not None for entry, _ in seen]
    assert 15 < sum(probed) < 45
    assert [images for _, images in seen] == [72 if one else 36 for one in probed]


def test_entries_are_what_was_measured(searched):
    table = tabulate(searched)
    hashes = sorted(set(table["hash"]))
    table.loc[table["hash"].eq(hashes[0]) & table["steps"].eq(3), ["P", "mean"]] = np.nan
    table.loc[table["hash"].eq(hashes[1]) & table["region"].eq("IT"), "mean"] = np.nan
    cells = find_cells(hashes, searched)
    brain = table[table["teacher"] == "brain"]
    now, before = (brain[brain["steps"] == step] for step in (3, 0))
    failed, partly, *others = list_entries(
        cells, now, before, Rating(layer_choice="mean", scale="standardised")
    )
    assert (failed.state, failed.P, failed.TG, failed.reward) == ("diverged", None, None, None)
    assert partly.state == "ok" and partly.TG is None and partly.reward is None
    assert list(partly.regions) == ["V4"] and partly.P is not None
    for entry in others:
        own = now[now["hash"] == entry.hash].set_index("region")
        assert own["P"]["V4"] == entry.P and entry.params == own["params"]["V4"]
        assert entry.regions == own["mean"].to_dict()
        assert pytest.approx(own["mean"].mean()) == entry.TG
        assert entry.reward == pytest.approx(entry.P + entry.TG)
        assert entry.regions_untrained == {"V4": 0.0, "IT": 0.02}
        assert entry.TG_untrained == pytest.approx(0.01)


def test_an_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = estimate_mean(values)
    assert found["value"] == values.mean()
    low, high = found["interval"]
    assert high - low == pytest.approx(2 * 1.96 * values.std(ddof=1) / 20)
    assert (low + high) / 2 == pytest.approx(values.mean())


@pytest.mark.parametrize(
    ("searches", "message"),
    [
        ({"probes": {"steps": 3}}, r"searches.probes.steps: 3; expected one of .*: \[6\]"),
        ({"probes": {"steps": 5}}, r"searches.probes.steps: 5; expected one of .*: \[6\]"),
        ({"strategies": ["tpes"]}, "searches.strategies.*'tpes'"),
        ({"strategies": ["tpe", "tpe"]}, "lists something twice"),
    ],
)
def test_mistakes_end_in_one_line(content, searches, message):
    content["primary"]["steps"] = 3
    content["searches"] = searches
    with pytest.raises(UserError, match=message) as found:
        check_experiment(content, "a_test.yaml")
    assert "\n" not in str(found.value)


def test_searches_cost_something(content):
    content["primary"]["steps"] = 0
    with pytest.raises(UserError, match=r"searches.strategies: .* but primary.steps is 0"):
        check_experiment(content, "a_test.yaml")
