"""Replayed searches against the closed form of the best of n, and factors that are known."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import zscore

from tgas_neuro.experiments.efficiency import (
    Scores,
    draw_curve,
    find_cost,
    measure_qualities,
    rate_efficiency,
)
from tgas_neuro.experiments.options import check_experiment

N = 60


def expect_best(score, truth, number):
    """Oracle: mean truth of the best of so many, drawn without replacement (no ties)."""
    ranked = truth[np.argsort(-score)]
    weights = [comb(len(truth) - k - 1, number - 1) for k in range(len(truth))]
    return np.dot(ranked, weights) / comb(len(truth), number)


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    truth = rng.normal(0.8, 0.05, N)
    P = truth + rng.normal(0, 0.05, N)
    TG = truth + rng.normal(0, 0.02, N)
    orders = rng.permuted(np.tile(np.arange(N), (4000, 1)), axis=1)
    return truth, P, TG, orders


@pytest.mark.parametrize("summed", [False, True])
def test_searches_find_what_the_closed_form_says(drawn, summed):
    truth, P, TG, orders = drawn
    scores = Scores({7: P}, {7: TG} if summed else None)
    found = measure_qualities(scores, truth, [1, 5, 30, N], orders)[7]
    score = P + TG if summed else P
    expected = [expect_best(score, truth, number) for number in (1, 5, 30, N)]
    np.testing.assert_allclose(found, expected, atol=4 * 0.05 / np.sqrt(len(orders)))
    assert found[3] == pytest.approx(truth[np.argmax(score)])


def test_z_scores_are_over_the_cells_that_a_search_has_drawn(drawn):
    truth, P, TG, orders = drawn
    scores = Scores({7: P}, {7: 50 * TG}, "standardised")
    found = measure_qualities(scores, truth, [8], orders[:40])[7][0]
    picks = []
    for order in orders[:40]:
        cells = order[:8]
        picks.append(truth[cells[np.argmax(zscore(P[cells]) + zscore(TG[cells]))]])
    assert found == pytest.approx(np.mean(picks))


def test_what_is_chosen_on_some_cells_is_measured_on_others():
    images = {0: np.array([0.0, 0.0]), 2: np.array([20.0, 40.0]), 4: np.array([40.0, 80.0])}
    chosen = {0: np.array([9.0, 9.0]), 2: np.array([0.5, 0.6]), 4: np.array([0.7, 0.65])}
    measured = {0: np.array([9.0, 9.0]), 2: np.array([0.1, 0.2]), 4: np.array([0.3, 0.4])}
    cost, quality = draw_curve(chosen, measured, images)
    assert cost.tolist() == [20, 40, 40, 80]
    # with 40 images 4 steps of 10 candidates were best there; with 80 they still are
    assert quality.tolist() == [0.1, 0.3, 0.3, 0.3]
    assert find_cost(cost, quality, 0.3) == 40 and find_cost(cost, quality, 0.05) == 20


def tabulate(brain, control, seed=0):
    """A table: P is the truth after 6 steps, and the same for all cells before."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.8, 0.05, N)
    rows = []
    for number in range(N):
        for step in (0, 3, 6):
            P = truth[number] if step == 6 else 0.1
            for teacher, known in (("brain", brain), ("shuffled", control)):
                TG = truth[number] + rng.normal(0, known)
                rows.append(
                    {
                        "hash": f"{number:016d}",
                        "repetition": 0,
                        "steps": step,
                        "teacher": teacher,
                        "region": "V4",
                        "mature": truth[number],
                        "params": 1000,
                        "macs": 1,
                        "P": P,
                        "crossed": TG,
                        "paper": TG,
                        "mean": TG,
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture
def searched(content):
    content["searches"] = {"seeds": 50, "candidates": [5, 10, 15, 16], "resamples": 20}
    content["searches"]["strategies"] = []  # test_searches.py
    return check_experiment(content, "x")


def test_a_teacher_that_knows_saves_images(searched):
    result = rate_efficiency(tabulate(0.0, 5.0), searched)
    assert result["candidates"] == [5, 10, 15]  # 16 are more than a quarter
    found = result["guidances"]
    assert "factor" not in found["P"]
    for name in ("TG", "paper", "primary"):  # P needs 6 steps for what the teacher knows after 3
        factor = found[name]["factor"]
        assert factor["factor"] == {"value": 2.0, "interval": [2.0, 2.0]}
        assert factor["images"] == [15 * 6 * 12, 15 * 3 * 12]
        assert factor["quality"] == pytest.approx(max(found["P"]["quality"]))
    assert found["control"]["factor"]["factor"]["value"] <= 1


def test_equal_scores_need_equal_images(searched):
    """A teacher whose TG is the same for all cells changes nothing."""
    table = tabulate(0.1, 0.1)
    table[["crossed", "paper", "mean"]] = 0.3
    found = rate_efficiency(table, searched)["guidances"]
    for name in ("paper", "primary", "control"):
        assert found[name]["factor"]["factor"] == {"value": 1.0, "interval": [1.0, 1.0]}
    # TG alone then returns the first cell that it draws, whatever it costs
    assert max(found["TG"]["quality"]) < min(found["P"]["quality"][-3:]) - 0.02


def test_the_numbers_repeat(searched):
    table = tabulate(0.05, 1.0)
    assert rate_efficiency(table, searched) == rate_efficiency(table, searched)
