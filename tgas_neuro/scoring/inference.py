"""Intervals of similarities, and which models differ: what resamples say beyond one number."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NotRequired, TypedDict

import numpy as np
from scipy.stats import false_discovery_control, t

from tgas_neuro.rdm.distances import METHODS
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.scoring.bootstrap import COMPARISONS, Compared, draw_rows

Over = Literal["auto", "stimuli", "sites", "both"]
OVER: tuple[Over, ...] = ("auto", "stimuli", "sites", "both")
LEVEL = 0.95  # of intervals
LEAST_RESAMPLES = 100
LEAST_SITES = 3  # two or more different ones are needed to correlate
MOST_SITE_PAIRS = 2**30  # pairs of all resamples of sites, each of which makes an RDM


class Interval(TypedDict):
    """What resamples say of the similarity of one model: its 95 % interval and standard error.

    ``p_zero``: that a similarity of 0 gives one as high, one-sided. ``p_ceiling``: that one at the
    lower end of the noise ceiling is as far from it, two-sided; not where there is no ceiling.
    """

    low: float
    high: float
    deviation: float
    p_zero: float
    p_ceiling: NotRequired[float]


class Difference(TypedDict):
    """The similarity of the first model less that of the second, with its 95 % interval.

    ``p``: that models of the same similarity differ as much, two-sided. ``p_adjusted``: the same
    by Benjamini and Hochberg over all pairs of models of the region.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float


class Inference(TypedDict):
    """Intervals of all models against one region, and their differences.

    ``over`` is what was resampled: ``stimuli``, ``sites`` or ``both``; ``rows`` and ``sites`` how
    many there were, 0 where they were not resampled; ``notes`` have a line each.
    """

    over: str
    resamples: int
    site_resamples: int
    rows: int
    sites: int
    ceiling: tuple[float, float] | None
    models: dict[str, Interval]
    differences: list[Difference]
    notes: list[str]


def check_comparison(comparison: str, key: str = "--bootstrap") -> None:
    """Refuse a comparison that has no intervals."""
    if comparison not in COMPARISONS:
        raise UserError(
            f"{key}: comparison {comparison!r} is not resampled; {' and '.join(COMPARISONS)} are: "
            f"take one of them, or leave {key} out"
        )


def check_number(n_resamples: int, key: str) -> None:
    """Refuse too few resamples."""
    if n_resamples < LEAST_RESAMPLES:
        least = f"at least {LEAST_RESAMPLES}, usually 1000, give an interval"
        raise UserError(f"{key}: {n_resamples} resamples; {least}")


def infer_similarities(
    rdms: Mapping[str, np.ndarray],
    region: np.ndarray,
    similarities: Mapping[str, float],
    n_resamples: int,
    seed: int,
    *,
    n_rows: int | None = None,
    comparison: str = "spearman",
    over: Over = "auto",
    responses: np.ndarray | None = None,
    distance: str = "correlation",
    ceiling: tuple[float, float] | None = None,
) -> Inference:
    """Estimate how far similarities would move with other stimuli and other sites.

    The standard error is the deviation of the similarity over resamples, less what resampling
    itself adds. Single pairs of stimuli count three times as much in resamples of stimuli as in
    new stimuli, and are counted once (`Compared.calc_pair_covariance`). Single responses count
    more in resamples of both: the variance is V_stimuli + V_sites - (V_both - V_stimuli - V_sites)
    with factors n / (n - 1), and at least that of either, as in Schütt et al. (2023, eLife 12:
    e82566) and rsatoolbox's ``eval_dual_bootstrap``. Intervals and p values are those of Student's
    t with n - 1 degrees of freedom, n the smaller number of what is resampled. Percentiles of the
    resamples would be off centre: fewer different sites make a noisier RDM.

    The layers, which were chosen on the same stimuli, and the ceiling are taken as they are.

    Parameters
    ----------
    rdms
        Model to its condensed RDM, (pair,), all of the same rows.
    region
        (pair,), the RDM of the region.
    similarities
        Model to the similarity that the intervals are about.
    n_resamples
        At least 100.
    seed
        Of the run. The same seed and number of rows give the same resamples.
    n_rows
        Rows that the similarities are of, where they are more than those of the RDMs; the variance
        over stimuli is scaled to their number.
    comparison
        ``"spearman"`` or ``"pearson"``.
    over
        ``"stimuli"``, ``"sites"``, ``"both"``; or ``"auto"``: both where there are responses
        whose distance can be calculated again, else stimuli.
    responses
        (row, neuroid), of which `region` is made; None where only the RDM is known.
    distance
        Of `responses`.
    ceiling
        Lower and upper end of the noise ceiling, or None.

    Returns
    -------
    inference
        See `Inference`.

    Raises
    ------
    UserError
        The comparison is not resampled, the resamples are too few, or there are no sites.

    Examples
    --------
    >>> from tgas_neuro.rdm import calc_rdm, compare_rdms
    >>> stimuli = np.random.default_rng(0).normal(size=(2, 40, 5))
    >>> region, models = calc_rdm(stimuli.sum(axis=0)), {"model": calc_rdm(stimuli[0])}
    >>> r = compare_rdms(models["model"], region)
    >>> found = infer_similarities(models, region, {"model": r}, 200, seed=1)["models"]["model"]
    >>> found["low"] < r < found["high"]
    True
    """
    check_comparison(comparison, "comparison")
    check_number(n_resamples, "bootstrap")
    resampled, notes = _choose_over(over, responses, distance)
    compared = Compared(list(rdms.values()), region, comparison)
    n_shown = compared.n_rows
    n_rows = n_rows or n_shown
    share = n_shown / n_rows
    if share < 1 and resampled != "sites":
        notes.append(f"{n_shown} of {n_rows} rows are resampled, and variances scaled to all")
    times = draw_rows(n_shown, n_resamples, derive_generator(seed, "bootstrap", n_shown))
    covariances, n_resampled = {}, {}
    if resampled != "sites":
        covariances["stimuli"] = _calc_covariance(compared.resample_rows(times))
        covariances["pairs"] = compared.calc_pair_covariance()
        n_resampled["stimuli"] = n_rows
    n_site_resamples = 0
    if resampled != "stimuli":
        assert responses is not None  # _choose_over has seen to it
        n_resampled["sites"] = n_sites = responses.shape[1]
        n_site_resamples = min(n_resamples, max(LEAST_RESAMPLES, MOST_SITE_PAIRS // len(region)))
        if n_site_resamples < n_resamples:
            notes.append(f"sites are resampled {n_site_resamples} times: each makes an RDM")
        generator = derive_generator(seed, "bootstrap", "sites", n_sites)
        drawn = generator.integers(n_sites, size=(n_site_resamples, n_sites))
        sites, both = compared.resample_sites(responses, distance, drawn, times[:n_site_resamples])
        covariances |= {"sites": _calc_covariance(sites), "both": _calc_covariance(both)}
    names = list(rdms)
    values = np.array([similarities[name] for name in names])
    pairs = list(combinations(range(len(names)), 2))
    contrasts = np.array([np.eye(len(names))[i] - np.eye(len(names))[j] for i, j in pairs])
    freedom = min(n_resampled.values()) - 1
    deviations = _calc_deviations(covariances, np.eye(len(names)), n_resampled, share)
    differences: list[Difference] = []
    if pairs:
        moved = _calc_deviations(covariances, contrasts, n_resampled, share)
        named = [(names[i], names[j]) for i, j in pairs]
        differences = _test_differences(named, contrasts @ values, moved, freedom)
    return {
        "over": resampled,
        "resamples": n_resamples if resampled != "sites" else 0,
        "site_resamples": n_site_resamples,
        "rows": n_shown if resampled != "sites" else 0,
        "sites": n_resampled.get("sites", 0),
        "ceiling": ceiling,
        "models": {
            name: _describe(float(value), float(deviation), freedom, ceiling and ceiling[0])
            for name, value, deviation in zip(names, values, deviations, strict=True)
        },
        "differences": differences,
        "notes": notes,
    }


def _choose_over(over: str, responses: np.ndarray | None, distance: str) -> tuple[str, list[str]]:
    """What is resampled, and why sites are not where they could be expected."""
    reason = ""
    if responses is None:
        reason = "single responses are not known, only the RDM"
    elif distance not in METHODS:
        reason = f"{distance} distances are made of single repetitions"
    elif responses.shape[1] < LEAST_SITES:
        reason = f"{responses.shape[1]} are too few"
    if over in ("sites", "both") and reason:
        raise UserError(f"over: {over!r}: sites cannot be resampled: {reason}; take 'stimuli'")
    if over != "auto":
        return over, []
    return ("stimuli", [f"sites are not resampled: {reason}"]) if reason else ("both", [])


def _calc_covariance(similarities: np.ndarray) -> np.ndarray:
    """Covariance of the models' similarities over resamples, (model, model)."""
    return np.cov(similarities, rowvar=False).reshape([similarities.shape[1]] * 2)


def _calc_deviations(
    covariances: Mapping[str, np.ndarray],
    contrasts: np.ndarray,
    n_resampled: Mapping[str, int],
    share: float,
) -> np.ndarray:
    """Standard error of each contrast of the models, (contrast,).

    `covariances` are those over resamples of ``stimuli``, of ``sites`` and of ``both``, as far as
    they are there, and what ``pairs`` add to that of stimuli. `contrasts`, (contrast, model), is
    what each model counts, `share` the share of the rows that were resampled.
    """
    found = {
        name: np.maximum(np.einsum("cm,mn,cn->c", contrasts, matrix, contrasts), 0)
        for name, matrix in covariances.items()
    }
    factors = {name: n / (n - 1) for name, n in n_resampled.items()}
    single = {"sites": factors["sites"] * found["sites"]} if "sites" in found else {}
    if "stimuli" in found:  # single pairs count three times in resamples
        rows = np.maximum(found["stimuli"] - 3 * found["pairs"], 0)
        pairs = share**2 * found["pairs"]
        single["stimuli"] = factors["stimuli"] * (share * rows + pairs)
    if len(single) == 1:
        return np.sqrt(next(iter(single.values())))
    twice = share * (found["both"] - found["stimuli"] - found["sites"])
    variance = sum(single.values()) - factors["stimuli"] * factors["sites"] * twice
    return np.sqrt(np.maximum(variance, np.maximum(*single.values())))


def _describe(value: float, deviation: float, freedom: int, ceiling: float | None) -> Interval:
    half = deviation * float(t.ppf((1 + LEVEL) / 2, freedom))
    interval: Interval = {
        "low": value - half,
        "high": value + half,
        "deviation": deviation,
        "p_zero": float(t.sf(_divide(value, deviation), freedom)),
    }
    if ceiling is not None:
        interval["p_ceiling"] = 2 * float(t.sf(abs(_divide(value - ceiling, deviation)), freedom))
    return interval


def _test_differences(
    pairs: Sequence[tuple[str, str]], values: np.ndarray, deviations: np.ndarray, freedom: int
) -> list[Difference]:
    half = deviations * t.ppf((1 + LEVEL) / 2, freedom)
    statistics = [_divide(*both) for both in zip(values, deviations, strict=True)]
    p = 2 * t.sf(np.abs(statistics), freedom)
    adjusted = false_discovery_control(p)
    return [
        {
            "first": first,
            "second": second,
            "difference": float(values[i]),
            "low": float(values[i] - half[i]),
            "high": float(values[i] + half[i]),
            "p": float(p[i]),
            "p_adjusted": float(adjusted[i]),
        }
        for i, (first, second) in enumerate(pairs)
    ]


def _divide(value: float, deviation: float) -> float:
    return value / deviation if deviation > 0 else (np.inf * value if value else 0.0)
