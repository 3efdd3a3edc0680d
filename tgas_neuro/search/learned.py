"""Guidance learned: probes teach what P, TG and size say about the accuracy later on.

A ridge regression predicts the accuracy of a probe after its longer training. It starts from the
expectation that P correlates with that at `EXPECTED`, and its weights are the differences from
there, so that a large penalty leaves P alone. The penalty is the one with the least leave-one-out
error, which has a closed form (Golub, Heath & Wahba 1979, Technometrics, section 1).

A teacher that knows nothing must not do harm. The prediction counts only if it is better than the
expectation by more than one standard error. A higher P never counts against a candidate, and
features other than P count at most as far as probes have them: a candidate that is out of their
range, such as one that has learned nothing, is not praised by a weight that never saw its like.
"""

import math
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from tgas_neuro.config.premature import FEWEST_PROBES
from tgas_neuro.search.history import Entry
from tgas_neuro.search.reward_records import Feature, Regression

EXPECTED = 0.3  # correlation of P with the accuracy of probes, before any probe is known
PENALTIES = 10.0 ** np.arange(-1, 4.5, 0.5)  # of features in standard deviations
SIZE = "log10 of the parameters"


def fit_regression(entries: Sequence[Entry]) -> Regression | None:
    """Fit the accuracy of probes.

    Parameters
    ----------
    entries
        Candidates without duplicates. Those whose ``probe_accuracy`` is known count.

    Returns
    -------
    regression
        ``features`` are P, TG of each region, its change from before the training (a region to
        which no layer had a similarity then counts as 0 there), and the logarithm of the
        parameters, each with its mean, standard deviation, range over the probes, and weight
        [accuracy per deviation]. ``error`` and ``error_of_P`` are root mean squares of the
        leave-one-out errors [accuracy], of the regression and of the expectation from P alone;
        ``used`` is whether the regression counts.
        None for fewer than `FEWEST_PROBES` probes.
    """
    probes = [entry for entry in entries if entry.probe_accuracy is not None]
    if len(probes) < FEWEST_PROBES:
        return None
    accuracy = np.array([entry.probe_accuracy for entry in probes])
    rows = [list_features(entry) for entry in probes]
    names = list(rows[0])
    values = np.array([[row[name] for name in names] for row in rows])
    means, deviations = values.mean(axis=0), values.std(axis=0)
    deviations[np.ptp(values, axis=0) == 0] = 0.0  # which rounding may hide
    scaled = (values - means) / np.where(deviations > 0, deviations, np.inf)
    expected = EXPECTED * accuracy.std()
    rest = accuracy - expected * scaled[:, 0]
    with threadpool_limits(limits=1):  # sums in one order, however many threads there are
        penalty, intercept, weights, errors = fit_ridge(scaled, rest)
    weights[0] = max(weights[0] + expected, 0.0)
    weights[deviations == 0] = 0.0
    errors_of_P = (rest - rest.mean()) * len(rest) / (len(rest) - 1)  # by the mean of the others
    gains = errors_of_P**2 - errors**2
    features: dict[str, Feature] = {
        name: {
            "mean": float(means[k]),
            "deviation": float(deviations[k]),
            "weight": float(weights[k]),
            "lowest": float(values[:, k].min()),
            "highest": float(values[:, k].max()),
        }
        for k, name in enumerate(names)
    }
    return {
        "of": len(probes),
        "penalty": float(penalty),
        "intercept": float(intercept),
        "features": features,
        "error": _calc_root_mean_square(errors),
        "error_of_P": _calc_root_mean_square(errors_of_P),
        "used": bool(gains.mean() > gains.std(ddof=1) / math.sqrt(len(gains))),
    }


def fit_ridge(
    features: np.ndarray, accuracy: np.ndarray
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Ridge regression with an intercept, and the penalty with the least leave-one-out error.

    Parameters
    ----------
    features
        (probe, feature), of mean 0.
    accuracy
        (probe,)

    Returns
    -------
    penalty
        One of `PENALTIES`, the larger of equals.
    intercept, weights
        (feature,)
    errors
        (probe,): accuracy less its prediction by all other probes, for this penalty.
    """
    n, mean = len(accuracy), accuracy.mean()
    left, singular, right = np.linalg.svd(features, full_matrices=False)
    projected = left.T @ (accuracy - mean)
    found = []
    for penalty in PENALTIES:
        kept = singular**2 / (singular**2 + penalty)
        leverage = 1 / n + left**2 @ kept
        found.append((accuracy - mean - left @ (kept * projected)) / (1 - leverage))
    least = min(range(len(found)), key=lambda k: (np.square(found[k]).mean(), -k))
    penalty = float(PENALTIES[least])
    weights = right.T @ (singular / (singular**2 + penalty) * projected)
    return penalty, float(mean), weights, found[least]


def predict_accuracy(entry: Entry, regression: Regression) -> float:
    """The accuracy that a candidate would reach as a probe, by the regression."""
    features = list_features(entry)
    total = regression["intercept"]
    for name, feature in regression["features"].items():
        if feature["deviation"] > 0:
            value = features[name]
            if name != "P":
                value = min(max(value, feature["lowest"]), feature["highest"])
            total += feature["weight"] * (value - feature["mean"]) / feature["deviation"]
    return total


def list_features(entry: Entry) -> dict[str, float]:
    """What an entry with P and regions is known by before a longer training."""
    if entry.P is None or entry.regions is None:
        raise ValueError(f"candidate {entry.id}: state {entry.state} without P and TG")
    before = entry.regions_untrained or {}
    return {
        "P": entry.P,
        **{f"TG {region}": value for region, value in entry.regions.items()},
        **{
            f"change of TG {region}": value - before.get(region, 0.0)
            for region, value in entry.regions.items()
        },
        SIZE: math.log10(entry.params),
    }


def describe_regression(regression: Regression | None) -> str:
    """What the rewards are, in words, with all weights."""
    if regression is None:
        return f"P, as fewer than {FEWEST_PROBES} probes have an accuracy"
    errors = f"error {regression['error']:.3f}, of P alone {regression['error_of_P']:.3f}"
    if not regression["used"]:
        return f"P, as {regression['of']} probes do not show that more predicts better ({errors})"
    weights = ", ".join(
        f"{name} {feature['weight']:+.4f}" for name, feature in regression["features"].items()
    )
    return (
        f"accuracy predicted from {regression['of']} probes ({errors}, penalty "
        f"{regression['penalty']:.3g}); weights per standard deviation: {weights}"
    )


def _calc_root_mean_square(errors: np.ndarray) -> float:
    return float(np.sqrt(np.square(errors).mean()))
