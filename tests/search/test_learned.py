"""What probes teach: the regression against scikit-learn; teachers that help or know nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import Ridge, RidgeCV
from support.run_folders import draw

from tgas_neuro.config.premature import FEWEST_PROBES
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry
from tgas_neuro.search.learned import PENALTIES, SIZE, fit_regression, fit_ridge
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


def average_models(Z, probed, along_TG, accuracy):
    """Oracle: every expectation with every set of features, by scikit-learn and by leaving out.

    Z are P, TG of two regions, two changes and size, in deviations of all candidates; `along_TG`
    are the weights of both regions whose sum is z(TG).
    """
    X, weights, intercepts, errors, logs = Z[probed], [], [], [], []
    for weight in (0, 0.5, 1):
        expected = np.array([1.0, *(weight * along_TG), 0, 0, 0])
        expected *= 0.3 * accuracy.std() / (Z @ expected).std()
        rest = accuracy - X @ expected
        for columns in ([0], [0, 1, 2], [0, 5], [0, 1, 2, 5], [0, 1, 2, 3, 4, 5]):
            fit = RidgeCV(alphas=PENALTIES).fit(X[:, columns], rest)
            weights.append(expected.copy())
            weights[-1][columns] += fit.coef_
            intercepts.append(fit.intercept_)
            left_out = []
            for left in range(len(rest)):
                kept = np.arange(len(rest)) != left
                other = Ridge(fit.alpha_).fit(X[np.ix_(kept, columns)], rest[kept])
                left_out.append(rest[left] - other.predict(X[[left]][:, columns])[0])
            errors.append(left_out)
            deviation = np.sqrt(np.mean(np.square(left_out)))
            logs.append(norm.logpdf(left_out, scale=deviation).sum())
    shares = np.exp(np.array(logs) - max(logs))
    shares /= shares.sum()
    return shares @ weights, shares @ intercepts, shares @ errors, shares


def test_rewards_are_averages_of_regressions_on_hand_made_features():
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
    low, high = np.quantile(accuracy, [0.25, 0.75])
    bounded = np.clip(accuracy, low - 1.5 * (high - low), high + 1.5 * (high - low))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    along_TG = X[:, [1, 2]].std(axis=0) / 2 / X[:, [1, 2]].mean(axis=1).std()
    TG = np.array([entry.TG for entry in entries])
    assert Z[:, [1, 2]] @ along_TG == pytest.approx((TG - TG.mean()) / TG.std())
    weights, intercept, errors, shares = average_models(Z, probed, along_TG, bounded)
    inside = np.clip(Z, Z[probed].min(axis=0), Z[probed].max(axis=0))
    inside[:, 0] = Z[:, 0]
    predicted = intercept + inside @ weights
    predicted[probed] = (predicted[probed] + accuracy) / 2
    assert weights[0] > 0 and found["of"] == probed.sum()
    assert [entry.reward for entry in rated] == pytest.approx(predicted)
    names = ["P", "TG V4", "TG IT", "change of TG V4", "change of TG IT", SIZE]
    assert {name: one["weight"] for name, one in found["features"].items()} == pytest.approx(
        dict(zip(names, weights, strict=True))
    )
    assert [model["share"] for model in found["models"]] == pytest.approx(shares)
    assert found["error"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert found["error"] < found["error_of_P"]


def test_weights_of_tg_start_from_the_expectation_and_move_to_what_probes_show():
    """Their mean over 40 searches, in deviations of the accuracy of probes."""

    def measure(knows, n):
        found = []
        for seed in range(40):
            entries, _ = draw_candidates(seed, knows, n=n)
            features = fit_regression(entries)["features"]
            found.append(features["TG V4"]["weight"] + features["TG IT"]["weight"])
        return np.mean(found) / 0.05

    assert measure(0.0, 1600) < measure(0.0, 60) / 2 < 0.08
    assert 0.25 < measure(0.7, 60) < measure(0.7, 400) < 0.8
    assert -0.8 < measure(-0.7, 400) < measure(-0.7, 60) < -0.25


def calc_regrets(entries, final):
    """By how much the picks of learned, of P, and of z(P) + z(TG) are below the best there is."""
    rewards = [
        [entry.reward for entry in rate_together(entries, rating)[0]]
        for rating in (LEARNED, Rating("p"), Rating("p_plus_tg", scale="standardised"))
    ]
    return [final.max() - final[np.argmax(one)] for one in rewards]


def measure_regrets(knows, size=0.0, dead=0.0):
    """Mean regrets over 200 seeds."""
    found = [calc_regrets(*draw_candidates(seed, knows, size, dead=dead)) for seed in range(200)]
    return np.mean(found, axis=0)


@pytest.mark.parametrize("knows", [0.0, -0.3])
def test_a_teacher_that_knows_nothing_or_misleads_does_no_harm(knows):
    """Issue: not worse than P alone by more than 0.02 in mean regret over 200 seeds."""
    learned, P, _ = measure_regrets(knows)
    assert learned < P


@pytest.mark.parametrize("knows", [0.2, 0.5, 0.8])
def test_a_teacher_that_knows_something_helps_as_much_as_in_the_sum(knows):
    learned, P, both = measure_regrets(knows)
    assert learned < both + 0.001 and learned < P - 0.01


def test_a_size_that_knows_something_helps():
    learned, P, _ = measure_regrets(knows=0.0, size=0.8)
    assert learned < P - 0.03


@pytest.mark.parametrize("knows", [0.0, -0.3, 0.5])
def test_candidates_that_learn_nothing_are_not_taken_for_good_ones(knows):
    """They are out of the range of most probes; each that is picked costs 0.75."""
    learned, P, _ = measure_regrets(knows, size=0.8, dead=0.03)
    assert learned < P - 0.02


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
        build_learner(k, e.P, (0.1, 0.2), (0, 0), 1000, later[k]) for k, e in enumerate(probes)
    ]
    untrained = build_learner(99, 0.6, (0.1, 0.2), (0, 0), 1000)
    rated, basis = rate_together([*nothing, untrained], LEARNED)
    weights = {name: one["weight"] for name, one in basis["regression"]["features"].items()}
    assert weights.pop("P") > 0 and set(weights.values()) == {0}  # the others do not vary
    regression = basis["regression"]
    P = regression["features"]["P"]
    predicted = regression["intercept"] + P["weight"] * (0.6 - P["mean"]) / P["deviation"]
    assert rated[-1].reward == pytest.approx(predicted)


def test_failures_have_no_reward_and_similarities_that_are_missing_count_as_none():
    entries, _ = draw_candidates(1, knows=0.5)
    failed = replace(entries[0], state="diverged", P=None, TG=None, regions=None, reward=None)
    partly = replace(entries[1], TG=None, regions={"V4": 0.3}, probe_accuracy=None)
    whole = replace(partly, regions={"V4": 0.3, "IT": 0.0})
    rated, basis = rate_together([failed, partly, *entries[2:]], LEARNED)
    assert rated[0] == failed
    expected, same = rate_together([failed, whole, *entries[2:]], LEARNED)
    assert basis == same and rated[1].reward == expected[1].reward is not None


def test_without_any_similarity_p_and_size_are_left():
    entries, _ = draw_candidates(0, knows=0.6, size=0.8)
    without = [replace(e, TG=None, regions={}, regions_untrained=None) for e in entries]
    rated, basis = rate_together(without, LEARNED)
    assert list(basis["regression"]["features"]) == ["P", SIZE]
    sizes = [math.log10(entry.params) for entry in rated]
    assert np.corrcoef([entry.reward for entry in rated], sizes)[0, 1] > 0.5


def test_accuracies_that_are_all_the_same_teach_nothing():
    entries, _ = draw_candidates(0, knows=0.6)
    same = [replace(e, probe_accuracy=0.7 if e.probe_accuracy else None) for e in entries]
    rated, _ = rate_together(same, LEARNED)
    assert {round(entry.reward, 12) for entry in rated} == {0.7}
