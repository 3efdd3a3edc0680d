"""Noise ceilings against simulations with known truth, and against the real recordings."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

from tgas_neuro.rdm import calc_noise_ceiling, calc_rdm, calc_site_reliability, compare_rdms
from tgas_neuro.rdm.repetitions import average_repetitions, index_repetitions, standardise_sites
from tgas_neuro.recordings.description import load_description
from tgas_neuro.recordings.readers import READERS

PROJECT = Path(__file__).parents[2]


def draw_rates(generator, stimuli, sites, mean):
    """Rates that depend on the stimulus (log-sd 0.8), with structure shared by sites."""
    hidden = generator.normal(size=(stimuli, 6)) @ generator.normal(size=(6, sites)) / np.sqrt(6)
    return mean * np.exp(0.8 * hidden)


@pytest.mark.parametrize(("mean", "repetitions"), [(0.5, (4, 9)), (2.0, (4, 16)), (8.0, (8, 16))])
def test_ceiling_is_what_the_truth_reaches(make_assembly, mean, repetitions):
    """The RDM of noise-free, equally normalised sites correlates with the measured one so much."""
    found, true = [], []
    for seed in range(4):
        generator = np.random.default_rng(seed)
        rates = draw_rates(generator, stimuli=120, sites=60, mean=mean)
        assembly = make_assembly(
            rates, generator.integers(repetitions[0], repetitions[1] + 1, size=120), generator
        )
        ids = np.unique(assembly["stimulus_id"].values)
        indexed = index_repetitions(assembly, ids, np.arange(len(ids)))
        measured = calc_rdm(standardise_sites(average_repetitions(indexed)).numpy())
        true.append(compare_rdms(calc_rdm(zscore(rates, axis=0)), measured))
        found.append(calc_noise_ceiling(assembly, 20, generator).ceiling)
    assert np.mean(found) == pytest.approx(np.mean(true), abs=0.03)
    assert 0.3 < np.mean(true) < 0.999


def test_one_split_by_hand(make_assembly):
    """Two repetitions each: the halves are known up to their exchange."""
    generator = np.random.default_rng(3)
    rates = draw_rates(generator, stimuli=10, sites=8, mean=5)
    assembly = make_assembly(rates, np.full(10, 2), generator)
    counts = assembly.values.reshape(10, 2, 8).astype(float)
    ceiling = calc_noise_ceiling(assembly, 1, np.random.default_rng(4))
    candidates = []
    for flips in range(2**10):
        flip = (flips >> np.arange(10)) & 1
        halves = counts[np.arange(10), flip], counts[np.arange(10), 1 - flip]
        rdms = [pdist(zscore(half, axis=0), "correlation") for half in halves]
        candidates.append(spearmanr(*rdms)[0])
    assert np.abs(np.array(candidates) - ceiling.split_half).min() < 1e-6
    r = ceiling.split_half
    assert ceiling.reliability == pytest.approx(2 * r / (1 + r))
    assert ceiling.ceiling == pytest.approx(np.sqrt(2 * r / (1 + r)))


def test_halves_are_ceilings_of_the_restricted_rdm(make_assembly):
    generator = np.random.default_rng(5)
    rates = draw_rates(generator, stimuli=60, sites=40, mean=3)
    assembly = make_assembly(rates, np.full(60, 6), generator)
    halves = np.arange(60) % 2
    whole, *restricted = calc_noise_ceiling(assembly, 10, np.random.default_rng(6), halves=halves)
    alone = calc_noise_ceiling(assembly, 10, np.random.default_rng(6))
    np.testing.assert_allclose(whole.split_correlations, alone.split_correlations)
    for ceiling in restricted:
        assert ceiling.n_rows == 30
        assert ceiling.ceiling == pytest.approx(whole.ceiling, abs=0.05)
        assert not np.allclose(ceiling.split_correlations, whole.split_correlations)


def test_without_repetitions_there_is_no_ceiling(make_assembly):
    generator = np.random.default_rng(7)
    assembly = make_assembly(draw_rates(generator, 20, 10, 3), np.ones(20, dtype=int), generator)
    ceiling = calc_noise_ceiling(assembly, 5, generator)
    assert ceiling.n_rows == 0
    assert ceiling.ceiling is None
    assert np.isnan(ceiling.split_half)
    assert np.isnan(calc_site_reliability(assembly, 5, generator)).all()


def test_stimuli_without_a_second_repetition_are_left_out(make_assembly):
    generator = np.random.default_rng(8)
    counts = np.full(40, 8)
    counts[:5] = 1
    assembly = make_assembly(draw_rates(generator, 40, 30, 5), counts, generator)
    ceiling = calc_noise_ceiling(assembly, 5, generator)
    assert ceiling.n_rows == 35
    assert ceiling.ceiling > 0.5


def test_noise_alone_has_no_ceiling_or_a_low_one(make_assembly):
    generator = np.random.default_rng(9)
    assembly = make_assembly(np.full((60, 30), 4.0), np.full(60, 6), generator)
    ceiling = calc_noise_ceiling(assembly, 20, generator)
    assert abs(ceiling.split_half) < 0.1
    assert ceiling.ceiling is None or ceiling.ceiling < 0.4


@pytest.mark.parametrize("repetitions", [4, 11])
def test_site_reliability_against_variances(make_assembly, repetitions):
    """For Poisson counts: signal variance over signal plus noise variance of the mean."""
    generator = np.random.default_rng(10)
    rates = generator.uniform(0.5, 3, size=(400, 12)) * generator.uniform(0.5, 4, size=12)
    assembly = make_assembly(rates, np.full(400, repetitions), generator)
    signal = rates.var(axis=0)
    expected = signal / (signal + rates.mean(axis=0) / repetitions)
    found = calc_site_reliability(assembly, 20, generator)
    np.testing.assert_allclose(found, expected, atol=0.06)


def test_constant_site_has_no_reliability(make_assembly):
    generator = np.random.default_rng(11)
    rates = draw_rates(generator, 20, 3, 5)
    rates[:, 1] = 0
    found = calc_site_reliability(make_assembly(rates, np.full(20, 4), generator), 5, generator)
    np.testing.assert_array_equal(np.isnan(found), [False, True, False])


@pytest.mark.real_data
def test_macaque_v4(real_data):
    """Session 210325 of Cowley et al. 2023: split-half r near 0.56, Spearman-Brown about 0.72."""
    description = load_description("cowley2023_v4", [PROJECT / "neural_data"])
    files = {
        file["name"]: real_data / "cowley2023_v4" / file["name"] for file in description["files"]
    }
    assembly = READERS[description["reader"]](description, files).assembly
    ceiling = calc_noise_ceiling(assembly, 20, np.random.default_rng(0))
    assert ceiling.n_rows == 640
    assert ceiling.split_half == pytest.approx(0.56, abs=0.01)
    assert ceiling.reliability == pytest.approx(0.72, abs=0.01)
