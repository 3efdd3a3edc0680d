"""Guidance learned: probes teach what P, TG and size say about the accuracy later on.

A ridge regression predicts the accuracy of a probe after its longer training. P is not penalised,
so that a large penalty leaves P alone. The penalty is the one with the least leave-one-out error,
which has a closed form (Golub, Heath & Wahba 1979, Technometrics, section 1). The prediction counts
only if it is better than that from P alone by more than one standard error, as a teacher that knows
nothing would otherwise add noise to P.
"""

import math
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from tgas_neuro.config.premature import FEWEST_PROBES
from tgas_neuro.search.history import Entry
from tgas_neuro.search.reward_records import Feature, Regression

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
        parameters, each with its mean, standard deviation and weight [accuracy per deviation].
        ``error`` and ``error_of_P`` are root mean squares of the leave-one-out errors
        [accuracy], of the regression and of P alone; ``used`` is whether the regression counts.
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
    scaled = (values - means) / np.where(deviations > 0, deviations, 1.0)
    with threadpool_limits(limits=1):  # sums in one order, however many threads there are
        penalty, intercept, weights, errors = fit_ridge(scaled[:, :1], scaled[:, 1:], accuracy)
        _, _, _, errors_of_P = fit_ridge(scaled[:, :1], scaled[:, 1:1], accuracy)
    gains = errors_of_P**2 - errors**2
    features: dict[str, Feature] = {
        name: {"mean": float(mean), "deviation": float(deviation), "weight": float(weight)}
        for name, mean, deviation, weight in zip(names, means, deviations, weights, strict=True)
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
    free: np.ndarray, penalised: np.ndarray, accuracy: np.ndarray
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Ridge regression with an intercept, and the penalty with the least leave-one-out error.

    Parameters
    ----------
    free
        (probe, feature): features whose weights are not penalised; 0 for those that do not vary,
        and for all if they are the same in all probes but one, which alone would decide.
    penalised
        (probe, feature): the others, which may be none.
    accuracy
        (probe,)

    Returns
    -------
    penalty
        One of `PENALTIES`, the larger of equals; 0 if nothing is penalised.
    intercept, weights
        (feature,): of the free features, then of the others.
    errors
        (probe,): accuracy less its prediction by all other probes, for this penalty.
    """
    varies = np.ptp(free, axis=0) > 0
    base = np.column_stack([np.ones(len(accuracy)), free[:, varies]])
    basis, _ = np.linalg.qr(base)
    if (basis**2).sum(axis=1).max() > 1 - 1e-9:  # a probe that its own prediction depends on
        varies, base = np.zeros_like(varies), base[:, :1]
        basis, _ = np.linalg.qr(base)

    def take_out(values: np.ndarray) -> np.ndarray:
        rest: np.ndarray = values - basis @ (basis.T @ values)
        return rest

    rest, leverage = take_out(accuracy), (basis**2).sum(axis=1)
    penalty, others, errors = 0.0, np.zeros(penalised.shape[1]), rest / (1 - leverage)
    if penalised.shape[1]:
        left, singular, right = np.linalg.svd(take_out(penalised), full_matrices=False)
        projected = left.T @ rest
        found = []
        for one in PENALTIES:
            kept = singular**2 / (singular**2 + one)
            fitted, hat = left @ (kept * projected), leverage + left**2 @ kept
            found.append((rest - fitted) / (1 - hat))
        least = min(range(len(found)), key=lambda k: (np.square(found[k]).mean(), -k))
        penalty, errors = float(PENALTIES[least]), found[least]
        others = right.T @ (singular / (singular**2 + penalty) * projected)
    solved, *_ = np.linalg.lstsq(base, accuracy - penalised @ others, rcond=None)
    weights = np.zeros(free.shape[1])
    weights[varies] = solved[1:]
    return penalty, float(solved[0]), np.concatenate([weights, others]), errors


def predict_accuracy(entry: Entry, regression: Regression) -> float:
    """The accuracy that a candidate would reach as a probe, by the regression."""
    features = list_features(entry)
    total = regression["intercept"]
    for name, feature in regression["features"].items():
        if feature["deviation"] > 0:
            deviations = (features[name] - feature["mean"]) / feature["deviation"]
            total += feature["weight"] * deviations
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
