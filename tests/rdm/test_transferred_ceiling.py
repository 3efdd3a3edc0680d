"""Ceilings from repeated stimuli against what the noise-free sites reach on others."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

from tgas_neuro.rdm import calc_site_reliability
from tgas_neuro.rdm.repetitions import standardise_sites
from tgas_neuro.rdm.transferred_ceiling import calc_published_ceiling, calc_transferred_ceiling
from tgas_neuro.recordings.assembly import build_assembly


def simulate(seed, n_sites, gain, n_train, shown, n_test=100, n_reps=30):
    """Assembly of the repeated stimuli, measured and noise-free responses of the others."""
    rng = np.random.default_rng(seed)
    weights, gains = rng.normal(size=(6, n_sites)) / 6**0.5, rng.uniform(0, gain, n_sites)

    def respond(n):
        return np.tanh(rng.normal(size=(n, 6)) @ weights) * gains

    true, test = respond(n_train), respond(n_test)
    measured = true + rng.normal(size=true.shape) / np.sqrt(shown)
    trials = test + rng.normal(size=(n_reps, *test.shape))
    assembly = build_assembly(
        trials.reshape(-1, n_sites),
        {
            "stimulus_id": np.tile([f"s{number:03d}" for number in range(n_test)], n_reps),
            "repetition": np.repeat(np.arange(n_reps), n_test),
        },
        {
            "neuroid_id": np.arange(n_sites).astype(str),
            "region": np.full(n_sites, "IT"),
            "animal": np.full(n_sites, "m"),
        },
    )
    return assembly, measured, true, test


def reach(measured, true):
    rdms = [pdist(zscore(responses), "correlation") for responses in (measured, true)]
    return spearmanr(*rdms)[0]


@pytest.mark.parametrize(
    ("seed", "n_sites", "gain", "shown"),
    [(0, 192, 1.5, 1), (1, 320, 1.5, 1), (2, 192, 0.8, 1), (3, 100, 1.5, 2), (4, 60, 3, 3)],
)
def test_it_is_what_the_noise_free_sites_reach(seed, n_sites, gain, shown):
    assembly, measured, true, _ = simulate(seed, n_sites, gain, 500, shown)
    found = calc_transferred_ceiling(
        [assembly], [np.full(500, shown)], 20, np.random.default_rng(0)
    )
    assert found.ceiling == pytest.approx(reach(measured, true), abs=0.03)
    assert found.reliability == pytest.approx(found.ceiling**2)
    assert found.n_rows == 100


def test_stimuli_shown_unequally_often():
    shown = np.random.default_rng(0).integers(1, 4, 500)
    assembly, measured, true, _ = simulate(5, 150, 1.2, 500, shown[:, None])
    found = calc_transferred_ceiling([assembly], [shown], 20, np.random.default_rng(0))
    assert found.ceiling == pytest.approx(reach(measured, true), abs=0.03)


def test_two_presentations_give_the_root_of_their_agreement():
    assembly, measured, true, _ = simulate(6, 200, 3, 500, 1, n_reps=2)
    found = calc_transferred_ceiling([assembly], [np.ones(500, int)], 20, np.random.default_rng(0))
    assert found.rest is None
    assert found.ceiling == pytest.approx(np.sqrt(found.split_half))
    assert found.ceiling == pytest.approx(reach(measured, true), abs=0.05)


def test_sites_of_two_data_sets():
    first, measured_1, true_1, _ = simulate(7, 80, 1.5, 400, 1)
    rng_same = simulate(7, 80, 1.5, 400, 1)[0]
    np.testing.assert_array_equal(first.values, rng_same.values)
    half_1, half_2 = first.isel(neuroid=slice(0, 40)), first.isel(neuroid=slice(40, 80))
    shown = [np.ones(400, int)] * 2
    both = calc_transferred_ceiling([half_1, half_2], shown, 20, np.random.default_rng(0))
    whole = calc_transferred_ceiling([first], shown[:1], 20, np.random.default_rng(0))
    assert both.ceiling == pytest.approx(whole.ceiling, abs=0.01)
    assert whole.ceiling == pytest.approx(reach(measured_1, true_1), abs=0.03)


def test_there_is_none_where_nothing_was_shown_more_often():
    assembly = simulate(8, 20, 1, 10, 1, n_test=10, n_reps=2)[0]
    found = calc_transferred_ceiling([assembly], [np.full(10, 2)], 5, np.random.default_rng(0))
    assert found.ceiling is None


@pytest.mark.parametrize("shown", [1, 2, 5])
def test_reliability_of_sites_for_other_numbers_of_presentations(shown):
    """Of responses with noise of variance 1, it is s / (s + 1 / n), s the variance of signal."""
    assembly, _, _, test = simulate(9, 200, 2, 10, 1)
    found = calc_site_reliability(assembly, 20, np.random.default_rng(0), shown)
    signal = test.var(axis=0)
    assert np.mean(found - signal / (signal + 1 / shown)) == pytest.approx(0, abs=0.01)
    assert np.abs(found - signal / (signal + 1 / shown)).mean() < 0.05


SIMULATED = [(60, 4, 1.0), (200, 8, 1.0), (90, 12, 0.5)]


@pytest.mark.parametrize("n_sites, n_dimensions, noise", SIMULATED)
@pytest.mark.parametrize("normalise", ["zscore", "none"])
def test_published_reliabilities_give_the_ceiling(n_sites, n_dimensions, noise, normalise):
    """Against the correlation with the RDM of the signal, which a simulation knows."""
    generator = np.random.default_rng(n_sites)
    found = []
    for _ in range(4):
        signal = np.tanh(
            generator.normal(size=(150, n_dimensions))
            @ generator.normal(size=(n_dimensions, n_sites))
        )
        signal = signal * generator.lognormal(0, 0.3, n_sites)
        deviation = noise * signal.std(axis=0) * generator.uniform(0.5, 1.5, n_sites)
        noisy = signal + generator.normal(size=signal.shape) * deviation
        reliability = signal.var(axis=0) / (signal.var(axis=0) + deviation**2)
        pair = [
            standardise_sites(torch.from_numpy(values), normalise) for values in (signal, noisy)
        ]
        truth = spearmanr(*(pdist(values.numpy(), "correlation") for values in pair))[0]
        found.append((calc_published_ceiling(pair[1], reliability, 5).ceiling, truth))
    ceiling, truth = np.mean(found, axis=0)
    assert truth > 0.7
    assert ceiling == pytest.approx(truth, abs=0.03)


def test_a_published_reliability_of_one_is_a_ceiling_of_one():
    responses = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 30)))
    ceiling = calc_published_ceiling(responses, np.ones(30), 4)
    assert ceiling.ceiling == 1
    assert ceiling.reliability == 1
    assert list(ceiling.split_correlations) == [1] * 4
    assert calc_published_ceiling(responses, np.zeros(30), 4).reliability < 0.2
