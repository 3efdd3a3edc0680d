"""Intervals and paired tests on data whose truth is known, and beside rsatoolbox's formulas."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import t

from tgas_neuro.rdm import calc_rdm, compare_rdms
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.inference import _calc_deviations, infer_similarities

LATENTS = 12  # shared by both models, of the first, and of the second


def draw_sites(n_sites, rng):
    """Weights of sites: the latents of both models count alike, so that they are as similar."""
    shared, own = rng.normal(size=(2, LATENTS, n_sites))
    return np.vstack([shared, own, own]) / LATENTS**0.5


def simulate(n, sites, rng, noise=1.0):
    """RDMs of two models and noisy responses to new stimuli, (row, neuroid)."""
    z = rng.normal(size=(n, 3 * LATENTS))
    models = {
        "first": calc_rdm(z[:, : 2 * LATENTS]),
        "second": calc_rdm(np.delete(z, slice(LATENTS, 2 * LATENTS), axis=1)),
    }
    responses = z @ sites + noise * rng.normal(size=(n, sites.shape[1]))
    return models, responses.astype(np.float32)


def infer(models, responses, over, n_resamples=100, seed=0, **options):
    region = calc_rdm(responses)
    found = {name: compare_rdms(rdm, region) for name, rdm in models.items()}
    inferred = infer_similarities(
        models, region, found, n_resamples, seed, over=over, responses=responses, **options
    )
    return found, inferred


def measure(over, n, n_sites, n_experiments, seed=0):
    """Share of intervals that hold the mean similarity, and of pairs that differ at 0.05."""
    rng = np.random.default_rng(seed)
    sites = draw_sites(n_sites, rng)
    values, limits, p = [], [], []
    for number in range(n_experiments):
        if over == "both":  # new stimuli and new sites in each experiment
            sites = draw_sites(n_sites, rng)
        models, responses = simulate(n, sites, rng)
        found, inferred = infer(models, responses, over, seed=number)
        values.append(list(found.values()))
        limits.append([(one["low"], one["high"]) for one in inferred["models"].values()])
        p.append(inferred["differences"][0]["p"])
    truth, limits = np.mean(values), np.array(limits)
    covered = (limits[..., 0] <= truth) & (truth <= limits[..., 1])
    return float(covered.mean()), float(np.mean(np.array(p) < 0.05))


@pytest.mark.parametrize(("over", "n_sites"), [("stimuli", 30), ("both", 30)])
def test_coverage_and_false_positives(over, n_sites):
    covered, positive = measure(over, 30, n_sites, 60 if over == "stimuli" else 24)
    assert 0.88 <= covered <= 1.0
    assert positive <= 0.14


@pytest.mark.slow
@pytest.mark.parametrize(
    ("over", "n", "n_sites"), [("stimuli", 30, 30), ("stimuli", 80, 50), ("both", 40, 40)]
)
def test_coverage_and_false_positives_of_many_experiments(over, n, n_sites):
    covered, positive = measure(over, n, n_sites, 400)
    assert 0.92 <= covered <= 0.99
    assert 0.005 <= positive <= 0.08


@pytest.mark.parametrize("over", ["stimuli", "sites", "both"])
def test_a_difference_is_found_and_belongs_to_its_interval(over):
    rng = np.random.default_rng(1)
    models, responses = simulate(60, draw_sites(40, rng), rng)
    models["noise"] = calc_rdm(rng.normal(size=(60, 5)))
    found, inferred = infer(models, responses, over)
    pairs = {(one["first"], one["second"]): one for one in inferred["differences"]}
    assert list(pairs) == [("first", "second"), ("first", "noise"), ("second", "noise")]
    for (first, second), one in pairs.items():
        assert one["difference"] == pytest.approx(found[first] - found[second])
        assert (one["low"] > 0 or one["high"] < 0) == (one["p"] < 0.05)
        assert one["p"] <= one["p_adjusted"]
    assert pairs["first", "noise"]["p_adjusted"] < 0.001
    assert inferred["models"]["first"]["p_zero"] < 1e-6
    assert inferred["models"]["noise"]["p_zero"] > 0.01


def test_paired_differences_are_narrower_than_single_intervals():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(60, 12))
    models = {
        name: calc_rdm(z + scale * rng.normal(size=z.shape))
        for name, scale in (("a", 0.2), ("b", 0.25))
    }
    responses = (z @ rng.normal(size=(12, 40)) + rng.normal(size=(60, 40))).astype(np.float32)
    _, inferred = infer(models, responses, "stimuli", 300)
    (difference,) = inferred["differences"]
    single = inferred["models"]["a"]["high"] - inferred["models"]["a"]["low"]
    assert difference["high"] - difference["low"] < single


def test_p_values_are_those_of_students_t():
    rng = np.random.default_rng(3)
    models, responses = simulate(40, draw_sites(20, rng), rng)
    found, inferred = infer(models, responses, "both", ceiling=(0.8, 0.9))
    one = inferred["models"]["first"]
    assert one["high"] - found["first"] == pytest.approx(t.ppf(0.975, 19) * one["deviation"])
    assert one["p_zero"] == pytest.approx(t.sf(found["first"] / one["deviation"], 19))
    below = (found["first"] - 0.8) / one["deviation"]
    assert one["p_ceiling"] == pytest.approx(2 * t.cdf(below, 19))
    assert inferred["ceiling"] == (0.8, 0.9)
    assert (inferred["rows"], inferred["sites"]) == (40, 20)


def test_variances_are_combined_as_rsatoolbox_does():
    """Its `_dual_bootstrap`, without what single pairs add (0.3.2, upper bound left out)."""
    rng = np.random.default_rng(4)
    n_rdm, n_pattern = 12, 30
    for _ in range(20):
        over = [np.cov(rng.normal(size=(2, 9))) for _ in range(3)]
        matrices = dict(zip(("sites", "stimuli", "both"), over, strict=True))
        matrices["both"] = over[0] + over[1] + 0.1 * over[2]
        v = {name: np.diag(matrix) for name, matrix in matrices.items()}
        a, b = n_rdm / (n_rdm - 1), n_pattern / (n_pattern - 1)
        expected = a * v["sites"] + b * v["stimuli"]
        expected = expected - a * b * (v["both"] - v["sites"] - v["stimuli"])
        expected = np.maximum(expected, np.maximum(a * v["sites"], b * v["stimuli"]))
        matrices["pairs"] = np.zeros((2, 2))
        counts = {"sites": n_rdm, "stimuli": n_pattern}
        found = _calc_deviations(matrices, np.eye(2), counts, 1.0)
        np.testing.assert_allclose(found**2, expected)


def test_the_same_seed_gives_the_same_numbers():
    rng = np.random.default_rng(5)
    models, responses = simulate(20, draw_sites(10, rng), rng)
    assert infer(models, responses, "both")[1] == infer(models, responses, "both")[1]
    assert infer(models, responses, "both")[1] != infer(models, responses, "both", seed=1)[1]


def test_a_model_and_itself_do_not_differ():
    rng = np.random.default_rng(6)
    models, responses = simulate(20, draw_sites(10, rng), rng)
    _, inferred = infer({"a": models["first"], "b": models["first"]}, responses, "both")
    (one,) = inferred["differences"]
    assert (one["difference"], one["p"]) == (0, 1)
    assert one["low"] == pytest.approx(0, abs=1e-5)


def test_some_of_many_rows_stand_for_all():
    """The variance of half of the rows, scaled, is that of all of them."""
    rng = np.random.default_rng(7)
    models, responses = simulate(200, draw_sites(30, rng), rng)
    _, whole = infer(models, responses, "stimuli", 400)
    z = rng.permutation(200)[:100]
    some = {
        name: squareform(squareform(rdm, checks=False)[np.ix_(z, z)], checks=False)
        for name, rdm in models.items()
    }
    _, part = infer(some, responses[z], "stimuli", 400, n_rows=200)
    assert part["notes"] == ["100 of 200 rows are resampled, and variances scaled to all"]
    ratio = part["models"]["first"]["deviation"] / whole["models"]["first"]["deviation"]
    assert 0.75 < ratio < 1.33


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"comparison": "cka"}, "'cka' is not resampled"),
        ({"n_resamples": 20}, "20 resamples; at least 100"),
        ({"distance": "crossnobis", "over": "both"}, "crossnobis distances are made of single"),
        ({"responses": None, "over": "sites"}, "only the RDM"),
    ],
)
def test_what_has_no_intervals_is_refused(options, message):
    rng = np.random.default_rng(8)
    models, responses = simulate(20, draw_sites(10, rng), rng)
    region = calc_rdm(responses)
    given = {"n_resamples": 100, "seed": 0, "over": "auto", "responses": responses} | options
    with pytest.raises(UserError, match=message):
        infer_similarities(models, region, dict.fromkeys(models, 0.1), **given)


def test_why_sites_are_not_resampled_is_said():
    rng = np.random.default_rng(9)
    models, responses = simulate(20, draw_sites(10, rng), rng)
    found = infer_similarities(
        models, calc_rdm(responses), dict.fromkeys(models, 0.1), 100, 0, responses=None
    )
    assert (found["over"], found["sites"]) == ("stimuli", 0)
    assert found["notes"] == [
        "sites are not resampled: single responses are not known, only the RDM"
    ]
