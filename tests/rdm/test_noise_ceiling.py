"""Noise ceilings against simulations with known truth, and against the real recordings."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

from tgas_neuro.rdm import NoiseCeiling, calc_noise_ceiling, calc_rdm, compare_rdms
from tgas_neuro.rdm.repetitions import (
    average_repetitions,
    draw_split,
    index_repetitions,
    standardise_sites,
)
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.ingest import READERS

PROJECT = Path(__file__).parents[2]


def draw_rates(generator, stimuli, sites, mean):
    """Rates that depend on the stimulus (log-sd 0.8), with structure shared by sites."""
    hidden = generator.normal(size=(stimuli, 6)) @ generator.normal(size=(6, sites)) / np.sqrt(6)
    return mean * np.exp(0.8 * hidden)


# Mean count, repetitions (least, most), sites; reliabilities of about 0.55 to 0.99.
GRID = [
    (1.0, (4, 4), 10),
    (4.0, (4, 50), 10),
    (1.0, (4, 4), 30),
    (0.3, (2, 12), 30),
    (0.1, (4, 50), 30),
    (0.3, (16, 16), 100),
    (8.0, (8, 16), 100),
    (0.1, (50, 50), 100),
    (0.3, (4, 4), 256),
    (1.0, (2, 12), 256),
]


@pytest.mark.parametrize(("mean", "repetitions", "sites"), GRID)
def test_ceiling_is_what_the_truth_reaches(make_assembly, mean, repetitions, sites):
    """The RDM of noise-free, equally normalised sites correlates with the measured one so much."""
    found, true, reliability = [], [], []
    for seed in range(6):
        generator = np.random.default_rng(seed)
        rates = draw_rates(generator, stimuli=150, sites=sites, mean=mean)
        assembly = make_assembly(
            rates, generator.integers(repetitions[0], repetitions[1] + 1, size=150), generator
        )
        ids = np.unique(assembly["stimulus_id"].values)
        indexed = index_repetitions(assembly, ids, np.arange(len(ids)))
        measured = calc_rdm(standardise_sites(average_repetitions(indexed)).numpy())
        true.append(compare_rdms(calc_rdm(zscore(rates, axis=0)), measured))
        ceiling = calc_noise_ceiling(assembly, 10, generator)
        found.append(ceiling.ceiling)
        reliability.append(ceiling.reliability)
    assert np.mean(reliability) > 0.5
    assert np.mean(found) == pytest.approx(np.mean(true), abs=0.02)
    assert 0.6 < np.mean(true) < 0.999


@pytest.mark.parametrize("dimensions", [3, 10])
@pytest.mark.parametrize("gain", [0.0, 0.22])
def test_sites_of_few_dimensions_and_a_shared_gain(make_assembly, dimensions, gain):
    """Sites that share what they are tuned to, and the excitability of each presentation."""
    stimuli, repetitions, sites, errors, reached = 60, 5, 26, [], []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        weights = generator.normal(size=(dimensions, sites)) / np.sqrt(dimensions)
        rates = 6 * np.exp(0.55 * generator.normal(size=(stimuli, dimensions)) @ weights)
        gains = np.ones((stimuli, repetitions, 1))
        if gain:
            gains = generator.gamma(gain**-2, gain**2, size=gains.shape)
        # each presentation as a stimulus shown once, then named as its own stimulus
        drawn = (rates[:, None] * gains).reshape(-1, sites)
        assembly = make_assembly(drawn, np.ones(len(drawn), dtype=int), generator)
        shown = np.repeat([f"s{number:03d}" for number in range(stimuli)], repetitions)
        assembly = assembly.assign_coords(
            stimulus_id=("presentation", shown),
            repetition=("presentation", np.tile(np.arange(repetitions), stimuli)),
        )
        measured = assembly.values.reshape(stimuli, repetitions, sites).mean(axis=1)
        pairs = [pdist(zscore(one), "correlation") for one in (measured, rates)]
        ceiling = calc_noise_ceiling(assembly, 20, np.random.default_rng(1))
        reached.append(spearmanr(*pairs).statistic)
        errors.append(ceiling.ceiling - reached[-1])
    assert 0.9 < np.mean(reached) < 0.96
    assert abs(np.mean(errors)) < 0.02
    assert np.abs(errors).max() < 0.06


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
    assert ceiling.ceiling == pytest.approx(ceiling.correction * np.sqrt(2 * r / (1 + r)))


def test_halves_are_ceilings_of_the_restricted_rdm(make_assembly):
    generator = np.random.default_rng(5)
    rates = draw_rates(generator, stimuli=60, sites=40, mean=3)
    assembly = make_assembly(rates, np.full(60, 6), generator)
    halves = np.arange(60) % 2
    whole, *restricted = calc_noise_ceiling(assembly, 10, np.random.default_rng(6), halves=halves)
    alone = calc_noise_ceiling(assembly, 10, np.random.default_rng(6))
    # halves put the rows in another order, and float32 rounds accordingly
    np.testing.assert_allclose(whole.split_correlations, alone.split_correlations, rtol=1e-6)
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
    assert np.isnan(ceiling.ceiling_interval).all()


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


def test_objects_as_rows(make_assembly):
    """Halves of the images of an object are averaged before the RDM: by hand for one split."""
    generator = np.random.default_rng(12)
    rates = draw_rates(generator, stimuli=24, sites=20, mean=5)
    assembly = make_assembly(rates, np.full(24, 2), generator)
    ids, objects = np.unique(assembly["stimulus_id"].values), np.arange(24) // 3
    found = calc_noise_ceiling(assembly, 1, np.random.default_rng(13), ids, objects)
    indexed = index_repetitions(assembly, ids, objects)
    rdms = []
    for half in draw_split(indexed, np.random.default_rng(13)):
        images = [
            assembly.values[half.numpy() & (indexed.stimulus == k).numpy()] for k in range(24)
        ]
        rows = np.array(images).reshape(8, 3, 20).astype(float).mean(axis=1)
        rdms.append(pdist(zscore(rows, axis=0), "correlation"))
    assert found.n_rows == 8
    assert found.split_half == pytest.approx(spearmanr(*rdms)[0], abs=1e-6)


def test_unnormalised_sites(make_assembly):
    generator = np.random.default_rng(14)
    rates = draw_rates(generator, 20, 15, 5)
    assembly = make_assembly(rates, np.full(20, 2), generator)
    found = calc_noise_ceiling(assembly, 1, np.random.default_rng(15), normalise="none")
    indexed = index_repetitions(assembly, np.unique(assembly["stimulus_id"].values), np.arange(20))
    halves = draw_split(indexed, np.random.default_rng(15))
    rdms = [pdist(assembly.values[half.numpy()].astype(float), "correlation") for half in halves]
    assert found.split_half == pytest.approx(spearmanr(*rdms)[0], abs=1e-6)


def test_same_seed_same_numbers(make_assembly):
    generator = np.random.default_rng(16)
    assembly = make_assembly(draw_rates(generator, 40, 12, 3), np.full(40, 5), generator)
    first, again = (calc_noise_ceiling(assembly, 4, np.random.default_rng(17)) for _ in range(2))
    np.testing.assert_array_equal(first.split_correlations, again.split_correlations)
    assert first.ceiling == again.ceiling


def test_large_offsets_of_sites_do_not_matter(make_assembly):
    """Sums are taken in float32, which must lose no more than the assembly itself has lost."""
    generator = np.random.default_rng(18)
    assembly = make_assembly(draw_rates(generator, 40, 12, 3), np.full(40, 6), generator)
    lifted = assembly + np.float32(2**16)  # counts stay exact
    first, second = (
        calc_noise_ceiling(data, 4, np.random.default_rng(19)) for data in (assembly, lifted)
    )
    np.testing.assert_allclose(first.split_correlations, second.split_correlations, atol=1e-3)


def test_interval_of_the_ceiling():
    correlations = np.linspace(0.3, 0.5, 41)
    ceiling = NoiseCeiling(correlations, 10, 0.98)
    low, high = np.percentile(correlations, [2.5, 97.5])
    assert ceiling.interval == pytest.approx((low, high))
    expected = [0.98 * np.sqrt(2 * r / (1 + r)) for r in (low, high)]
    assert ceiling.ceiling_interval == pytest.approx(expected)
    assert expected[0] < ceiling.ceiling < expected[1]


def test_interval_of_no_ceiling():
    assert NoiseCeiling(np.array([-0.2, -0.1]), 10).ceiling_interval == (0.0, 0.0)
    assert np.isnan(NoiseCeiling(np.full(3, np.nan), 0).ceiling_interval).all()


@pytest.mark.real_data
def test_macaque_v4(real_data):
    """Session 210325 of Cowley et al. 2023: split-half r near 0.56, Spearman-Brown about 0.72."""
    description = load_description("cowley2023_v4", [PROJECT / "neural_data"])
    files = {file.name: real_data / "cowley2023_v4" / file.name for file in description.files}
    options = description.read_options()
    assembly = READERS[description.reader](description.name, options, files).assembly
    ceiling = calc_noise_ceiling(assembly, 20, np.random.default_rng(0))
    assert ceiling.n_rows == 640
    assert ceiling.split_half == pytest.approx(0.56, abs=0.01)
    assert ceiling.reliability == pytest.approx(0.72, abs=0.01)
    assert 0.8 < ceiling.ceiling_interval[0] < ceiling.ceiling < ceiling.ceiling_interval[1] < 0.9
