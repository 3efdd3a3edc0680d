"""The correction of ceilings: its closed forms by brute force, and simulations it must improve."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import zscore

from tgas_neuro.rdm import calc_noise_ceiling, calc_rdm, compare_rdms
from tgas_neuro.rdm.noise_ceiling import _calc_covariance, calc_ceiling_correction
from tgas_neuro.rdm.repetitions import average_repetitions, index_repetitions, standardise_sites


def test_covariance_of_products_without_the_products():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 30, 8))
    pairs = np.triu_indices(30, 1)
    expected = np.cov((first @ first.T)[pairs], (second @ second.T)[pairs], ddof=0)[0, 1]
    found = float(_calc_covariance(torch.from_numpy(first), torch.from_numpy(second)))
    assert found == pytest.approx(expected)


def test_without_noise_nothing_is_corrected():
    responses = torch.from_numpy(np.random.default_rng(1).normal(size=(40, 20)))
    assert calc_ceiling_correction([(responses, responses)] * 2, 1.0) == pytest.approx(1)


def test_noise_alone_says_nothing():
    """RDMs whose covariance is negative hold nothing that could be corrected."""
    generator = np.random.default_rng(2)
    n_negative = 0
    for _ in range(20):
        first, second = generator.normal(size=(2, 40, 20))
        halves = [(torch.from_numpy(first), torch.from_numpy(second))]
        assert calc_ceiling_correction(halves, -0.1) == 1
        if np.cov(pdist(first, "correlation"), pdist(second, "correlation"))[0, 1] < 0:
            n_negative += 1
            assert calc_ceiling_correction(halves, 0.1) == 1
    assert n_negative > 2


def test_ceiling_never_exceeds_one():
    generator = np.random.default_rng(3)
    for _ in range(20):
        signal = generator.normal(size=(12, 6))
        halves = [
            tuple(torch.from_numpy(signal + generator.normal(size=(12, 6))) for _ in range(2))
        ]
        for r in (0.05, 0.5, 0.99):
            assert 0 <= calc_ceiling_correction(halves, r) * np.sqrt(2 * r / (1 + r)) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("rank", "spread", "mean", "repetitions"),
    [(6, 0.0, 0.1, (4, 50)), (3, 1.0, 1.0, (5, 5)), (0, 0.0, 1.0, (5, 5))],
)
def test_nearer_to_the_truth_than_spearman_brown_alone(
    make_assembly, rank, spread, mean, repetitions
):
    """Rows that differ in noise (root too high); patterns without structure (root too low)."""
    found, plain, true = [], [], []
    for seed in range(6):
        generator = np.random.default_rng(seed)
        hidden = generator.normal(size=(150, 100))
        if rank:
            weights = generator.normal(size=(rank, 100)) / np.sqrt(rank)
            hidden = generator.normal(size=(150, rank)) @ weights
        rates = mean * np.exp(0.8 * hidden + spread * generator.normal(size=100))
        counts = generator.integers(repetitions[0], repetitions[1] + 1, size=150)
        assembly = make_assembly(rates, counts, generator)
        ids = np.unique(assembly["stimulus_id"].values)
        averages = average_repetitions(index_repetitions(assembly, ids, np.arange(150)))
        measured = calc_rdm(standardise_sites(averages).numpy())
        true.append(compare_rdms(calc_rdm(zscore(rates, axis=0)), measured))
        ceiling = calc_noise_ceiling(assembly, 10, generator)
        found.append(ceiling.ceiling)
        plain.append(np.sqrt(ceiling.reliability))
    error, uncorrected = (abs(np.mean(values) - np.mean(true)) for values in (found, plain))
    assert error < uncorrected
    assert error < 0.02
