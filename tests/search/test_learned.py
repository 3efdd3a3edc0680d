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


def draw_problem(seed, n=15, features=6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, features))
    X -= X.mean(axis=0)
    accuracy = 0.7 + 0.02 * X @ rng.normal(size=features) + 0.03 * rng.normal(size=n)
    return X, accuracy


@pytest.mark.parametrize("seed", range(5))
def test_penalty_errors_and_weights_are_those_of_ridge_cv(seed):
    """Also with fewer probes than features, and features that do not vary or vary in one probe."""
    X, accuracy = draw_problem(seed, 15 if seed < 3 else 5)
    if seed % 2:
        X[:, 2] = 0.0
        X[:, 3] = -1 / (len(X) - 1)
        X[0, 3] = 1.0
    penalty, intercept, weights, errors = fit_ridge(X, accuracy)
    oracle = RidgeCV(alphas=PENALTIES, store_cv_results=True).fit(X, accuracy)
    assert penalty == pytest.approx(oracle.alpha_)
    assert weights == pytest.approx(oracle.coef_, abs=1e-9)
    assert intercept == pytest.approx(oracle.intercept_)
    squared = oracle.cv_results_[:, list(PENALTIES).index(oracle.alpha_)]
    assert errors**2 == pytest.approx(squared, abs=1e-12)


def test_errors_are_those_of_fits_without_each_probe():
    X, accuracy = draw_problem(7)
    penalty, _, _, errors = fit_ridge(X, accuracy)
    for left in range(len(accuracy)):
        kept = np.arange(len(accuracy)) != left
        fit = Ridge(penalty).fit(X[kept], accuracy[kept])
        assert errors[left] == pytest.approx(accuracy[left] - fit.predict(X[[left]])[0])


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


def draw_candidates(seed, knows, size=0.0, n=80, share=0.25, dead=0.0):
    """Candidates, and what each reaches in the end; `knows` is TG's correlation with that.

    The final accuracy varies by 0.04, and P and the accuracy of probes correlate with it at 0.3
    and 0.8. Of the share `dead` all accuracies are those of chance, and TG is far below the others.
    """
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)

    def blur(r):
        return r * quality + math.sqrt(1 - r * r) * rng.normal(size=n)

    P, V4, IT, params, later = (blur(r) for r in (0.3, knows, knows, size, 0.8))
    before = 0.05 * rng.normal(size=(n, 2))
    probed, chance = rng.random(n) < share, rng.random(n) < dead
    P[chance], V4[chance], IT[chance], later[chance] = -10, -4, -4, -12
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
    return entries, np.where(chance, 0.1, 0.85 + 0.04 * quality)


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
    inside = np.clip(Z, Z[probed].min(axis=0), Z[probed].max(axis=0))
    inside[:, 0] = Z[:, 0]
    line = 0.3 * accuracy.std()
    oracle = RidgeCV(alphas=PENALTIES).fit(Z[probed], accuracy - line * Z[probed, 0])
    assert oracle.coef_[0] + line > 0
    assert (found["used"], found["of"]) == (True, probed.sum())
    assert found["penalty"] == pytest.approx(oracle.alpha_)
    assert [e.reward for e in rated] == pytest.approx(oracle.predict(inside) + line * Z[:, 0])
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


def compare_regrets(knows, size=0.0, dead=0.0):
    """Mean regret of learned less that of P, over 200 seeds, and how often it took more than P."""
    found = [calc_regret(*draw_candidates(seed, knows, size, dead=dead)) for seed in range(200)]
    used = np.mean([regression is not None and regression["used"] for *_, regression in found])
    return np.mean([learned - P for learned, P, _ in found]), used


def test_a_teacher_that_knows_nothing_does_no_harm():
    """Issue: not worse than P alone by more than 0.02 in mean regret over 200 seeds."""
    worse, used = compare_regrets(knows=0.0)
    assert worse < 0.005 and used < 0.2
    misleading, _ = compare_regrets(knows=-0.3)  # probes show that less of it is better
    assert misleading < 0.005


def test_candidates_that_learn_nothing_are_not_taken_for_good_ones():
    """They are out of the range of most probes; each that is picked costs 0.75."""
    for knows in (0.0, -0.3):
        assert compare_regrets(knows, size=0.8, dead=0.03)[0] < 0.005


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
    later = [0.7 + 0.5 * (e.P - 0.4) + 0.05 * float(rng.normal()) for e in probes]
    nothing = [
        build_learner(k, e.P, (0.1, 0.2), (0, 0), 10 ** int(rng.integers(3, 6)), later[k])
        for k, e in enumerate(probes)
    ]
    rated, basis = rate_together(nothing, LEARNED)
    assert not basis["regression"]["used"]
    assert basis["regression"]["features"]["TG V4"]["weight"] == 0  # it does not vary
    assert [entry.reward for entry in rated] == [entry.P for entry in rated]
