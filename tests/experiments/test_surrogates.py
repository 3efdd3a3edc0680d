"""From records to the answer: simulated cells whose truth is known, and the page."""

import math
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy.stats import scoreatpercentile, spearmanr, zscore

from tgas_neuro.config.section import dump_decisive
from tgas_neuro.experiments.efficiency_page import name_guidances
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.page import build_page, describe_answer
from tgas_neuro.experiments.surrogates import rate_surrogates
from tgas_neuro.experiments.table import KEYS, average_regions, build_table, read_table, write_table
from tgas_neuro.figures.experiments import (
    build_curve_figure,
    build_gain_figure,
    build_strategies_figure,
    render_svg,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator

N = 80


def score(value, ceiling=0.5):
    """A region with two layers whose mean, corrected, is `value`."""
    layers = {
        name: {"all": one, "half_0": one, "half_1": one}
        for name, one in (("a", ceiling * (value - 0.1)), ("b", ceiling * (value + 0.1)))
    }
    choice = {"raw": ceiling * (value + 0.1), "corrected": value + 0.1}
    return {
        "ceiling": ceiling,
        "corrected_for_noise": True,
        "crossed": choice | {"layers": ["b", "b"]},
        "paper": choice | {"layer": "b"},
        "layers": layers,
    }


def simulate(brain=0.05, size=0.0, seed=0, repeated=0):
    """Records and truth: P is noisy, TG of the brain as well, that of the control only noise."""
    rng = np.random.default_rng(seed)
    truth = np.clip(rng.normal(0.8, 0.05, N), 0, 1)
    params = np.round(1e5 * np.exp(rng.normal(size=N) + size * (truth - 0.8) / 0.05))
    records = []
    for repetition in range(2):
        for number in range(N if repetition == 0 else repeated):
            steps = {}
            for step in (0, 3, 6):
                noise = 0.15 if step else 10.0
                steps[str(step)] = {
                    "P": float(truth[number] + rng.normal(0, noise)),
                    "loss": 1.0,
                    "regions": {
                        "brain:V4": score(truth[number] + rng.normal(0, brain)),
                        "shuffled:V4": score(0.3 + rng.normal(0, 0.05)),
                    },
                }
            records.append(
                {
                    "hash": f"{number:016d}",
                    "repetition": repetition,
                    "complexity": {"params": int(params[number]), "macs": 1},
                    "steps": steps,
                }
            )
    return records, {f"{number:016d}": float(value) for number, value in enumerate(truth)}


def tabulate(records, mature, regions=("V4",)):
    cells = {name: number for number, name in enumerate(mature)}
    teachers = {
        "brain": {"regions": list(regions), "digest": "of brain"},
        "shuffled": {"regions": ["V4"], "digest": "of shuffled"},
    }
    return build_table(records, cells, mature, (0, 3, 6), teachers)


def test_the_table_holds_what_the_records_say():
    records, mature = simulate(repeated=10)
    table = tabulate(records, mature)
    assert len(table) == (N + 10) * 3 * 2
    row = table[
        (table["hash"] == records[3]["hash"])
        & (table["repetition"] == 0)
        & (table["steps"] == 3)
        & (table["teacher"] == "brain")
    ].iloc[0]
    measured = records[3]["steps"]["3"]
    assert row["P"] == measured["P"] and row["mature"] == mature[records[3]["hash"]]
    paper = measured["regions"]["brain:V4"]["paper"]["corrected"]
    assert row["paper"] == row["crossed"] == pytest.approx(paper, abs=1e-6)
    assert row["mean"] == pytest.approx(paper - 0.1, abs=1e-6)


def test_tg_is_the_mean_over_regions_and_needs_all():
    records, mature = simulate()
    regions = records[0]["steps"]["3"]["regions"]
    regions["brain:IT"] = score(0.5)
    V4 = regions["brain:V4"]["paper"]["corrected"] - 0.1

    def take():
        table = tabulate(records[:1], mature, ["V4", "IT"])
        own = average_regions(table[(table["steps"] == 3) & (table["teacher"] == "brain")])
        assert len(own) == 1
        return own.iloc[0]

    assert take()["mean"] == pytest.approx((V4 + 0.5) / 2, abs=1e-6)
    regions["brain:IT"] |= {"crossed": None, "paper": None, "layers": {"a": None, "b": None}}
    found = take()
    assert np.isnan([found["mean"], found["paper"], found["crossed"]]).all()
    assert found["P"] == records[0]["steps"]["3"]["P"]


def test_a_kept_table_is_the_same(tmp_path, experiment):
    table = tabulate(*simulate())
    for name in ("table.csv", "table.csv.gz"):
        write_table(str(tmp_path / name), table)
        pd.testing.assert_frame_equal(
            read_table(str(tmp_path / name), experiment), table, check_exact=True
        )
    one, other = tmp_path / "table.csv.gz", tmp_path / "again.csv.gz"
    write_table(str(other), table)
    assert one.read_bytes() == other.read_bytes()


def test_other_tables_are_refused(tmp_path, experiment):
    path = str(tmp_path / "t.csv")
    table = tabulate(*simulate())
    write_table(path, table[table["steps"] != 6])
    with pytest.raises(UserError, match="steps: has no 6; it is of another experiment"):
        read_table(path, experiment)
    write_table(path, table[table["teacher"] != "shuffled"])
    with pytest.raises(UserError, match="teachers: has no 'shuffled'"):
        read_table(path, experiment)
    write_table(path, pd.concat([table, table[:1]]))
    with pytest.raises(UserError, match="has a row twice"):
        read_table(path, experiment)
    write_table(path, table.drop(columns="P"))
    with pytest.raises(UserError, match="has no column 'P'"):
        read_table(path, experiment)
    with pytest.raises(UserError, match="not a table"):
        read_table(str(tmp_path / "none.csv"), experiment)


def test_the_rated_numbers_are_scipys(experiment):
    records, mature = simulate()
    table = tabulate(records, mature)
    result = rate_surrogates(table, experiment)
    rows = table[(table["steps"] == 6) & (table["teacher"] == "brain")]
    found = result["steps"]["6"]
    assert found["P"]["r"]["value"] == pytest.approx(spearmanr(rows["P"], rows["mature"])[0])
    raw = spearmanr(rows["P"] + rows["mean"], rows["mature"])[0]
    brain = found["teachers"]["brain"]["mean"]
    assert brain["raw"]["r"]["value"] == pytest.approx(raw)
    assert brain["raw"]["gain"]["r"]["value"] == pytest.approx(raw - found["P"]["r"]["value"])
    assert brain["TG"]["r"]["value"] == pytest.approx(spearmanr(rows["mean"], rows["mature"])[0])
    assert result["size"]["r"]["value"] == pytest.approx(
        spearmanr(rows["params"], rows["mature"])[0]
    )
    assert result["cells"] == {
        "ranked": N,
        "without_truth": 0,
        "without_value": {"P": 0, "TG": 0},
    }
    assert result["reliability"] == {"0": None, "3": None, "6": None}


def test_definitions_are_compared_over_the_same_resamples(content):
    """Drawn and ranked once more here, with scipy's percentiles: each interval has its share."""
    experiment = check_experiment(content | {"comparisons": 9}, "x")
    table = tabulate(*simulate())
    found = rate_surrogates(table, experiment)["definitions"]
    assert found["comparisons"] == 9 and list(found["steps"]) == ["3", "6"]
    rows = table[(table["steps"] == 6) & (table["teacher"] == "brain")].sort_values("hash")
    drawn = derive_generator(experiment.training.seed, "resamples").integers(
        N, size=(experiment.resamples, N)
    )
    differences = {name: [] for name in ("crossed_standardised", "mean_raw", "mean_standardised")}
    for cells in drawn:
        P, crossed, mean, truth = (
            rows[name].to_numpy()[cells] for name in ("P", "crossed", "mean", "mature")
        )
        base = spearmanr(P + crossed, truth)[0]
        for name, scores in (
            ("crossed_standardised", zscore(P) + zscore(crossed)),
            ("mean_raw", P + mean),
            ("mean_standardised", zscore(P) + zscore(mean)),
        ):
            differences[name].append(spearmanr(scores, truth)[0] - base)
    for name, values in differences.items():
        expected = [scoreatpercentile(values, share) for share in (2.5 / 9, 100 - 2.5 / 9)]
        assert found["steps"]["6"][name]["interval"] == pytest.approx(expected, abs=1e-9)


def test_comparisons_of_one_experiment_are_three_a_trained_step(content):
    experiment = check_experiment(content, "x")
    assert rate_surrogates(tabulate(*simulate()), experiment)["definitions"]["comparisons"] == 6
    assert "comparisons" not in dump_decisive(experiment)
    assert dump_decisive(check_experiment(content | {"comparisons": 9}, "x"))["comparisons"] == 9


def test_a_brain_that_knows_the_truth_helps(experiment):
    result = rate_surrogates(tabulate(*simulate()), experiment)
    assert result["primary"]["above_zero"] == [True, True, True]
    assert result["primary"]["gain"]["r"]["interval"][0] > 0.1
    assert "helps to rank these cells" in describe_answer(result["primary"], experiment)


def test_a_brain_that_knows_nothing_does_not(experiment):
    result = rate_surrogates(tabulate(*simulate(brain=20.0)), experiment)
    assert result["primary"]["above_zero"][0] is False
    answer = describe_answer(result["primary"], experiment)
    assert answer.startswith("No gain of a brain over P was found; the interval leaves")


def test_a_brain_that_knows_only_size_is_found_out(experiment):
    """TG follows from size, and so does the truth: nothing is left with size held constant."""
    records, mature = simulate(size=3.0, seed=2)
    rng = np.random.default_rng(3)
    for record in records:
        for measured in record["steps"].values():
            of_size = math.log(record["complexity"]["params"]) / 100
            measured["regions"]["brain:V4"] = score(of_size + rng.normal(0, 1e-5))
    result = rate_surrogates(tabulate(records, mature), experiment)
    above, given_size, _ = result["primary"]["above_zero"]
    assert above and not given_size
    assert "with size held constant it is not" in describe_answer(result["primary"], experiment)


def test_cells_without_a_value_are_counted_and_last(experiment):
    records, mature = simulate()
    for record in records[:3]:
        del record["steps"]["6"]  # diverged
    dead = {"crossed": None, "paper": None, "layers": {"a": None, "b": None}}
    for record in records[3:5]:
        record["steps"]["6"]["regions"]["brain:V4"] |= dead
    mature[records[-1]["hash"]] = None
    table = tabulate(records, mature)
    result = rate_surrogates(table, experiment)
    assert result["cells"] == {
        "ranked": N - 1,
        "without_truth": 1,
        "without_value": {"P": 3, "TG": 2},
    }
    rows = table[(table["steps"] == 6) & (table["teacher"] == "brain")].iloc[: N - 1]
    filled = rows["P"].fillna(rows["P"].min())
    expected = spearmanr(filled, rows["mature"])[0]
    assert result["steps"]["6"]["P"]["r"]["value"] == pytest.approx(expected)


def test_reliability_is_between_the_two_trainings(experiment):
    records, mature = simulate(repeated=40)
    table = tabulate(records, mature)
    result = rate_surrogates(table, experiment)
    rows = table[(table["steps"] == 3) & (table["teacher"] == "brain")]
    one, other = (rows[rows["repetition"] == number].set_index("hash") for number in (0, 1))
    both = one.join(other, rsuffix="_again", how="inner")
    expected = spearmanr(both["P"], both["P_again"])[0]
    assert len(both) == 40
    assert result["reliability"]["3"]["P"] == pytest.approx(expected)
    expected = spearmanr(both["mean"], both["mean_again"])[0]
    assert result["reliability"]["3"]["teachers"]["brain"]["mean"] == pytest.approx(expected)


def test_the_order_of_rows_does_not_matter(experiment):
    table = tabulate(*simulate(repeated=12))
    shuffled = table.sample(frac=1, random_state=1)
    assert not shuffled[list(KEYS)].equals(table[list(KEYS)])
    assert rate_surrogates(shuffled, experiment) == rate_surrogates(table, experiment)


def test_too_few_cells_are_refused(experiment):
    records, mature = simulate()
    for record in records[9:]:
        mature[record["hash"]] = None
    with pytest.raises(UserError, match=r"9 cells have an accuracy .* at least 10"):
        rate_surrogates(tabulate(records, mature), experiment)


class Reader(HTMLParser):
    """Texts, and tags that are open at the end."""

    def __init__(self):
        super().__init__()
        self.texts, self.open, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "path", "use", "rect", "image", "line"):
            self.open.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag)]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_stands_alone_and_says_what_came_out(content):
    content["teachers"]["brain"]["title"] = "<brain> & more"
    experiment = check_experiment(content, "x")
    result = rate_surrogates(tabulate(*simulate(repeated=20)), experiment)
    svg = render_svg(build_gain_figure(result, experiment, False))
    assert svg == render_svg(build_gain_figure(result, experiment, False))
    guidances = {
        name: {
            "images": [10.0, 100.0],
            "quality": [0.5, quality],
            "factor": {
                "quality": 0.6,
                "images": [100.0, 40.0],
                "factor": {"value": 2.5, "interval": [1.25, 4.75]},
            },
        }
        for name, quality in (("P", 0.6), ("paper", 0.7), ("primary", 0.8), ("control", 0.6))
    }
    one = {"value": 0.9, "interval": [0.8, 0.95]}
    rated = {"quality": [one, one], "regret": {"value": 0.0123, "interval": [0.01, 0.02]}}
    strategies = {
        "steps": 6,
        "generation": 5,
        "probes": {"share": 0.25, "steps": 4321},
        "images": [720, 1440],
        "best": 0.95,
        "strategies": {"evolution": {"P": rated, "learned_control": rated}},
        "weights": {
            name: {"alpha 0.5": {"regret": one, "over_P": {"value": -0.3, "interval": [-1, 0.1]}}}
            for name in ("primary", "control")
        },
    }
    efficiency = {
        "searches": 33, "candidates": [10], "guidances": guidances, "strategies": strategies
    }  # fmt: skip
    drawn = render_svg(build_curve_figure(efficiency, name_guidances(experiment)))
    replayed = render_svg(build_strategies_figure(strategies))
    pictures = {"A picture": svg, "Curves": drawn, "Strategies": replayed}
    page = build_page(result, efficiency, experiment, pictures, "made of nothing")
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    assert not [link for link in reader.links if not link.startswith("#")]
    text = " ".join(reader.texts)
    assert describe_answer(result["primary"], experiment) in text
    assert "z(P) + z(TG), <brain> & more" in text
    assert "2.50 (1.25 to 4.75)" in text and "33 of each kind" in text
    assert "evolution: learned, mean, shuffled" in text and "1.23 (1.00 to 2.00)" in text
    assert "a share of 0.25 of the candidates is trained on to 4,321 steps" in text
    assert "z(P) + alpha x z(TG), alpha = 0.5" in text
    assert text.count("-30.00 (-100.00 to +10.00)") == 2 and "searches of 10 candidates" in text
    assert "90.00 (80.00 to 95.00)" in text and "1,440 images" in text
    strategies["probes"] = None
    page = build_page(result, efficiency | {"strategies": None}, experiment, {}, "made of nothing")
    assert "evolution" not in page
    page = build_page(result, efficiency, experiment, {}, "made of nothing")
    assert "Guidance learned is left out" in page
    low, high = result["primary"]["gain"]["r"]["interval"]
    value = result["primary"]["gain"]["r"]["value"]
    assert f"{value:+.2f} ({low:+.2f} to {high:+.2f})" in text
    one = result["definitions"]["steps"]["6"]["mean_standardised"]
    low, high = one["interval"]
    assert f"{one['value']:+.2f} ({low:+.2f} to {high:+.2f})" in text
    assert "6 comparisons share 5 %: the intervals are at 99.17 %" in text
    assert f"{N} cells of the space nasbench201" in text
    assert "diverged" not in text
