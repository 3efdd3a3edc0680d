"""What probes teach: the regression against scikit-learn; teachers that help or know nothing."""

import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from support.run_folders import draw

from tgas_neuro.config.premature import FEWEST_PROBES
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry
from tgas_neuro.search.learned import PENALTIES, fit_regression, fit_ridge
from tgas_neuro.search.rewards import rate_together

LEARNED = Rating("learned")
(GENOTYPE,) = draw(1)


def draw_problem(seed, n=15, free=1, others=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, free + others))
    accuracy = 0.7 + 0.02 * X @ rng.normal(size=free + others) + 0.03 * rng.normal(size=n)
    return X[:, :free], X[:, free:], accuracy


@pytest.mark.parametrize("seed", range(5))
def test_penalty_errors_and_weights_are_those_of_ridge_cv(seed):
    """Also with fewer probes than features. A free feature is one that is much larger there."""
    n, free = (15, seed % 2) if seed < 4 else (5, 0)
    P, others, accuracy = draw_problem(seed, n, free)
    penalty, intercept, weights, errors = fit_ridge(P, others, accuracy)
    large = np.array([1e3] * free + [1.0] * others.shape[1])
    X = np.hstack([P, others]) * large
    oracle = RidgeCV(alphas=PENALTIES, store_cv_results=True).fit(X, accuracy)
    assert penalty == pytest.approx(oracle.alpha_)
    assert weights == pytest.approx(oracle.coef_ * large, rel=1e-4, abs=1e-6)
    assert intercept == pytest.approx(oracle.intercept_, abs=1e-6)
    squared = oracle.cv_results_[:, list(PENALTIES).index(oracle.alpha_)]
    assert errors**2 == pytest.approx(squared, rel=1e-4, abs=1e-10)


def test_errors_are_those_of_fits_without_each_probe():
    P, others, accuracy = draw_problem(7)
    penalty, _, _, errors = fit_ridge(P, others, accuracy)
    X = np.hstack([1e6 * P, others])
    for left in range(len(accuracy)):
        kept = np.arange(len(accuracy)) != left
        fit = Ridge(penalty, solver="svd").fit(X[kept], accuracy[kept])
        assert errors[left] == pytest.approx(accuracy[left] - fit.predict(X[[left]])[0], abs=1e-6)
    _, intercept, weights, errors = fit_ridge(P, others[:, :0], accuracy)
    slope, height = np.polyfit(P[:, 0], accuracy, 1)  # P alone is a straight line
    assert (weights[0], intercept) == (pytest.approx(slope), pytest.approx(height))
    for left in range(len(accuracy)):
        kept = np.arange(len(accuracy)) != left
        line = np.polyfit(P[kept, 0], accuracy[kept], 1)
        assert errors[left] == pytest.approx(accuracy[left] - np.polyval(line, P[left, 0]))


def test_a_feature_that_does_not_vary_has_no_weight():
    P, others, accuracy = draw_problem(1)
    others[:, 2] = 0.0
    same = fit_ridge(np.zeros_like(P), others, accuracy)
    assert same[2][0] == 0 and same[2][3] == pytest.approx(0)
    expected = RidgeCV(alphas=PENALTIES).fit(others, accuracy)
    assert same[2][1:] == pytest.approx(expected.coef_)


def test_one_probe_does_not_decide_the_weight_of_p():
    """All others have the same P: without it there is no line, and its error has no value."""
    _, others, accuracy = draw_problem(2)
    P = np.full((len(accuracy), 1), -0.3)
    P[4] = 4.0
    found, without = (fit_ridge(one, others, accuracy) for one in (P, np.zeros_like(P)))
    assert found[2][0] == 0 and np.isfinite(found[3]).all()
    assert found[2] == pytest.approx(without[2]) and found[3] == pytest.approx(without[3])
    alone = fit_ridge(P, others[:, :0], accuracy)
    n = len(accuracy)
    assert alone[3] == pytest.approx((accuracy - accuracy.mean()) * n / (n - 1))


def build_learner(number, P, TG, before, params, probe=None):
    """A candidate with TG of two regions."""
    return Entry(
        id=f"g{number // 100:03d}_c{number % 100:02d}",
        genotype=GENOTYPE,
        hash=str(number),
        state="ok",
        original=None,
        P=P,
        TG=float(np.mean(TG)),
        regions={"V4": TG[0], "IT": TG[1]},
        reward=P,
        params=params,
        macs=1,
        regions_untrained=None if before is None else {"V4": before[0], "IT": before[1]},
        probe_accuracy=probe,
    )


def draw_candidates(seed, knows, size=0.0, n=80, share=0.25):
    """Candidates, and what each reaches in the end; `knows` is TG's correlation with that.

    The final accuracy varies by 0.04, and P and the accuracy of probes correlate with it at 0.3
    and 0.8.
    """
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)

    def blur(r):
        return r * quality + math.sqrt(1 - r * r) * rng.normal(size=n)

    P, V4, IT, params, later = (blur(r) for r in (0.3, knows, knows, size, 0.8))
    before = 0.05 * rng.normal(size=(n, 2))
    probed = rng.random(n) < share
    entries = [
        build_learner(
            k,
            float(0.4 + 0.03 * P[k]),
            (float(0.3 + 0.05 * V4[k]), float(0.2 + 0.04 * IT[k])),
            tuple(before[k].tolist()),
            int(10 ** (5 + 0.3 * params[k])),
            float(0.7 + 0.05 * later[k]) if probed[k] else None,
        )
        for k in range(n)
    ]
    return entries, 0.85 + 0.04 * quality


def test_rewards_are_predictions_by_hand_made_features():
    """One region had no layer with a similarity before the training: its change is its TG."""
    entries, _ = draw_candidates(3, knows=0.7, size=0.7)
    entries[0] = build_learner(0, 0.41, (0.33, 0.25), None, 1000, 0.71)
    rated, basis = rate_together(entries, LEARNED)
    found = basis["regression"]
    before = [entry.regions_untrained or {"V4": 0, "IT": 0} for entry in entries]
    X = np.array(
        [
            [e.P, e.regions["V4"], e.regions["IT"], e.regions["V4"] - b["V4"],
             e.regions["IT"] - b["IT"], math.log10(e.params)]
            for e, b in zip(entries, before, strict=True)
        ]
    )  # fmt: skip
    probed = np.array([entry.probe_accuracy is not None for entry in entries])
    accuracy = np.array([entry.probe_accuracy for entry in entries if entry.probe_accuracy])
    Z = (X - X[probed].mean(axis=0)) / X[probed].std(axis=0)
    Z[:, 0] *= 1e3  # P is not penalised
    oracle = RidgeCV(alphas=PENALTIES).fit(Z[probed], accuracy)
    assert (found["used"], found["of"]) == (True, probed.sum())
    assert found["penalty"] == pytest.approx(oracle.alpha_)
    assert [e.reward for e in rated] == pytest.approx(oracle.predict(Z), abs=1e-5)
    assert list(found["features"]) == [
        "P", "TG V4", "TG IT", "change of TG V4", "change of TG IT", "log10 of the parameters"
    ]  # fmt: skip
    assert found["error"] < found["error_of_P"]


def calc_regret(entries, final):
    """By how much the pick is below the best there is; rewards of learned and of P."""
    rated, basis = rate_together(entries, LEARNED)
    learned, P = ([getattr(e, name) for e in rated] for name in ("reward", "P"))
    best = final.max()
    return best - final[np.argmax(learned)], best - final[np.argmax(P)], basis["regression"]


def compare_regrets(knows, size=0.0):
    """Mean regret of learned less that of P, over 200 seeds, and how often it took more than P."""
    found = [calc_regret(*draw_candidates(seed, knows, size)) for seed in range(200)]
    used = np.mean([regression is not None and regression["used"] for *_, regression in found])
    return np.mean([learned - P for learned, P, _ in found]), used


def test_a_teacher_that_knows_nothing_does_no_harm():
    """Issue: not worse than P alone by more than 0.02 in mean regret over 200 seeds."""
    worse, used = compare_regrets(knows=0.0)
    assert worse < 0.005 and used < 0.2
    misleading, _ = compare_regrets(knows=-0.3)  # probes show that less of it is better
    assert misleading < 0.005


def test_a_teacher_or_a_size_that_knows_something_helps():
    better, used = compare_regrets(knows=0.5)
    assert better < -0.005 and used > 0.4
    assert compare_regrets(knows=0.0, size=0.8)[0] < -0.02


def test_too_few_probes_and_those_that_teach_nothing_leave_p_alone():
    entries, _ = draw_candidates(0, knows=0.6, n=200)
    probes = [entry for entry in entries if entry.probe_accuracy is not None]
    assert fit_regression(probes[: FEWEST_PROBES - 1]) is None
    assert fit_regression(probes[:FEWEST_PROBES])["of"] == FEWEST_PROBES
    rated, basis = rate_together(probes[: FEWEST_PROBES - 1], LEARNED)
    assert [entry.reward for entry in rated] == [entry.P for entry in rated]
    assert basis == {"regression": None}
    rng = np.random.default_rng(0)
    noise = [
        build_learner(k, e.P, (0.1, 0.2), (0, 0), 10 ** int(rng.integers(3, 6)), e.P)
        for k, e in enumerate(probes)
    ]  # P says it all
    rated, basis = rate_together(noise, LEARNED)
    assert not basis["regression"]["used"]
    assert [entry.reward for entry in rated] == [entry.P for entry in rated]
