"""Guidance learned: probes teach what P, TG and size say about the accuracy later on.

Ridge regressions predict the accuracy of a probe after its longer training. Each starts from an
expectation, z(P) plus none, half or all of z(TG), which correlates with that accuracy at
`EXPECTED`. Its weights are the differences from there, so that a large penalty leaves the
expectation alone. The penalty is the one with the least leave-one-out error, which has a closed
form (Golub, Heath & Wahba 1979, Technometrics, section 1). They also differ in the features that
may deviate.

None of them is chosen, because a few probes cannot tell which is best. Their mean counts, each
weighted by its leave-one-out error to the power of minus the number of probes. This is the pseudo-
Bayesian model average (Geisser & Eddy 1979, J. Am. Stat. Assoc.; Yao et al. 2018, Bayesian Anal.,
section 3.4) for errors of a normal distribution. With few probes it is between the expectations; as
more are known, a teacher that is better than none, or worse, moves it.

A teacher that knows nothing must not do harm. A higher P never counts against a candidate, and
other features count at most as far as probes have them: a candidate that is out of their range,
such as one that has learned nothing, is not praised by a weight that never saw its like.

What is known of a probe is its accuracy. One training is no exact measure of an architecture, which
its features say something of as well: its reward is the mean of that accuracy and the prediction.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from tgas_neuro.config.premature import FEWEST_PROBES
from tgas_neuro.search.history import Entry
from tgas_neuro.search.reward_records import Feature, Model, Regression

EXPECTED = 0.3  # correlation of an expectation with the accuracy of probes, before any is known
WEIGHTS_OF_TG = (0.0, 0.5, 1.0)  # of the expectations z(P) + weight * z(TG)
PENALTIES = 10.0 ** np.arange(-1, 4.5, 0.5)  # of features in standard deviations
FENCE = 1.5  # interquartile ranges beyond the quartiles, up to which accuracies are fitted
OWN = 0.5  # weight of a probe's own accuracy in its reward, beside its prediction
SIZE = "log10 of the parameters"


class Table(NamedTuple):
    """Features of candidates.

    Attributes
    ----------
    names
        P, TG of each region, its change from before the training, and `SIZE`.
    values
        (candidate, feature)
    """

    names: list[str]
    values: np.ndarray


def fit_regression(entries: Sequence[Entry]) -> Regression | None:
    """Fit the accuracy of probes.

    Parameters
    ----------
    entries
        Candidates without duplicates. Those whose ``probe_accuracy`` is known are fitted; features
        are in standard deviations of all that were trained.

    Returns
    -------
    regression
        ``features`` are P, TG of each region, its change from before the training (a similarity
        that no layer had counts as 0), and the logarithm of the parameters, each with its mean,
        standard deviation, range over the probes, and weight [accuracy per deviation]. ``models``
        are those that were averaged, each with its ``share``. ``error`` and ``error_of_P`` are root
        mean squares of leave-one-out errors [accuracy], of the average of the models and of the
        expectation from P alone.
        None for fewer than `FEWEST_PROBES` probes.
    """
    trained = [entry for entry in entries if entry.P is not None]
    probed = np.array([entry.probe_accuracy is not None for entry in trained], bool)
    if probed.sum() < FEWEST_PROBES:
        return None
    accuracy = np.array([one.probe_accuracy for one in trained if one.probe_accuracy is not None])
    table = build_table(trained)
    means, deviations = table.values.mean(axis=0), table.values.std(axis=0)
    deviations[np.ptp(table.values, axis=0) == 0] = 0.0  # which rounding may hide
    scaled = (table.values - means) / np.where(deviations > 0, deviations, np.inf)
    fitted = _bound(accuracy)
    with _get_libraries().limit(limits=1):  # sums in one order, however many threads there are
        found = list(_fit_models(table, scaled, probed, fitted))
        errors = np.array([one.errors for one in found])
        shares = weigh_models(errors)
        weights = shares @ np.array([one.weights for one in found])
    weights[0] = max(weights[0], 0.0)
    weights[deviations == 0] = 0.0
    rest = fitted - EXPECTED * fitted.std() * scaled[probed, 0]
    errors_of_P = (rest - rest.mean()) * len(rest) / (len(rest) - 1)  # by the mean of the others
    features: dict[str, Feature] = {
        name: {
            "mean": float(means[k]),
            "deviation": float(deviations[k]),
            "weight": float(weights[k]),
            "lowest": float(table.values[probed, k].min()),
            "highest": float(table.values[probed, k].max()),
        }
        for k, name in enumerate(table.names)
    }
    return {
        "of": int(probed.sum()),
        "intercept": float(fitted.mean() - scaled[probed].mean(axis=0) @ weights),
        "features": features,
        "models": [
            {**one.about, "share": float(share)} for one, share in zip(found, shares, strict=True)
        ],
        "error": _calc_root_mean_square(shares @ errors),
        "error_of_P": _calc_root_mean_square(errors_of_P),
    }


class Fitted(NamedTuple):
    """A model: what it is, its weights [accuracy per deviation], its leave-one-out errors."""

    about: Model
    weights: np.ndarray
    errors: np.ndarray


def _fit_models(
    table: Table, scaled: np.ndarray, probed: np.ndarray, accuracy: np.ndarray
) -> Iterator[Fitted]:
    """Every expectation with every set of features that may deviate from it."""
    regions = [k for k, name in enumerate(table.names) if name.startswith("TG ")]
    last = len(table.names) - 1
    sets = {
        "P": [0],
        "P, TG": [0, *regions],
        "P, size": [0, last],
        "P, TG, size": [0, *regions, last],
        "all": list(range(len(table.names))),
    }
    for weight in WEIGHTS_OF_TG:
        along = _build_expectation(table, scaled, regions, weight)
        expected = EXPECTED * accuracy.std() * along
        rest = accuracy - scaled[probed] @ expected
        for name, columns in sets.items():
            features = scaled[probed][:, columns]
            penalty, _, deviating, errors = fit_ridge(features - features.mean(axis=0), rest)
            weights = expected.copy()
            weights[columns] += deviating
            about: Model = {
                "weight_of_TG": weight,
                "features": name,
                "penalty": penalty,
                "share": 0.0,
            }
            yield Fitted(about, weights, errors)


def _build_expectation(
    table: Table, scaled: np.ndarray, regions: Sequence[int], weight: float
) -> np.ndarray:
    """Weights of features whose sum is z(P) + weight * z(TG), in its standard deviations.

    TG is the mean over regions, z(TG) its z-score over the candidates.
    """
    along = np.zeros(len(table.names))
    along[0] = 1.0
    spread = table.values[:, regions].sum(axis=1).std() / max(len(regions), 1)
    if spread > 0:
        along[regions] = weight * table.values[:, regions].std(axis=0) / (len(regions) * spread)
    total = (scaled @ along).std()
    return along / total if total > 0 else along


def weigh_models(errors: np.ndarray) -> np.ndarray:
    """Shares (model,) of models in their average, from leave-one-out errors (model, probe).

    They are proportional to exp(sum of the logarithms of the leave-one-out densities), for normal
    errors with the variance that each model has.
    """
    squares = np.square(errors).mean(axis=1)
    logs = -errors.shape[1] / 2 * np.log(np.maximum(squares, np.finfo(float).tiny))
    shares = np.exp(logs - logs.max())
    return shares / shares.sum()


def _bound(accuracy: np.ndarray) -> np.ndarray:
    """Accuracies within Tukey's fences: one that learned nothing does not bend all weights."""
    low, high = np.quantile(accuracy, [0.25, 0.75])
    reach = FENCE * (high - low)
    return np.clip(accuracy, low - reach, high + reach) if reach > 0 else accuracy


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
    kept = singular**2 / (singular**2 + PENALTIES[:, None])  # (penalty, component)
    leverage = 1 / n + kept @ np.square(left).T
    found = (accuracy - mean - (kept * projected) @ left.T) / (1 - leverage)
    squares = np.square(found).mean(axis=1)
    least = max(range(len(found)), key=lambda k: (-squares[k], k))
    penalty = float(PENALTIES[least])
    weights = right.T @ (singular / (singular**2 + penalty) * projected)
    return penalty, float(mean), weights, found[least]


def predict_accuracies(entries: Sequence[Entry], regression: Regression) -> list[float]:
    """What candidates would reach as probes, by the regression; for probes see `OWN`.

    Parameters
    ----------
    entries
        Trained ones.
    regression
        From `fit_regression`.
    """
    table = build_table(entries)
    total = np.full(len(entries), regression["intercept"])
    for k, name in enumerate(table.names):
        feature = regression["features"].get(name)
        if feature is None or feature["deviation"] == 0:
            continue
        values = table.values[:, k]
        if name != "P":
            values = np.clip(values, feature["lowest"], feature["highest"])
        total += feature["weight"] * (values - feature["mean"]) / feature["deviation"]
    return [
        float(predicted)
        if entry.probe_accuracy is None
        else float(OWN * entry.probe_accuracy + (1 - OWN) * predicted)
        for entry, predicted in zip(entries, total, strict=True)
    ]


def build_table(entries: Sequence[Entry]) -> Table:
    """What trained candidates are known by before a longer training."""
    regions = list(dict.fromkeys(name for entry in entries for name in entry.regions or {}))
    rows = []
    for entry in entries:
        if entry.P is None:
            raise ValueError(f"candidate {entry.id}: state {entry.state} without P")
        now, before = entry.regions or {}, entry.regions_untrained or {}
        TG = [now.get(region, 0.0) for region in regions]
        changes = [one - before.get(name, 0.0) for name, one in zip(regions, TG, strict=True)]
        rows.append([entry.P, *TG, *changes, math.log10(entry.params)])
    names = [f"{start} {region}" for start in ("TG", "change of TG") for region in regions]
    return Table(["P", *names, SIZE], np.array(rows))


def describe_regression(regression: Regression | None) -> str:
    """What the rewards are, in words, with all weights."""
    if regression is None:
        return f"P, as fewer than {FEWEST_PROBES} probes have an accuracy"
    errors = f"error {regression['error']:.3f}, of P alone {regression['error_of_P']:.3f}"
    weights = ", ".join(
        f"{name} {feature['weight']:+.4f}" for name, feature in regression["features"].items()
    )
    return (
        f"accuracy predicted from {regression['of']} probes ({errors}); weights per standard "
        f"deviation: {weights}"
    )


@cache
def _get_libraries() -> ThreadpoolController:
    """Libraries of numpy that have threads; to look for them takes longer than a fit."""
    return ThreadpoolController()


def _calc_root_mean_square(errors: np.ndarray) -> float:
    return float(np.sqrt(np.square(errors).mean()))
