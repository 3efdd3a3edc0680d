"""Crossnobis distances against the definition, rsatoolbox and simulations with known truth."""

from itertools import combinations

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tgas_neuro.rdm import calc_crossnobis
from tgas_neuro.rdm.repetitions import index_repetitions
from tgas_neuro.runtime.errors import UserError


def build(responses, stimulus, repetition):
    """Assembly of responses (presentation, neuroid)."""
    coords = {
        "stimulus_id": ("presentation", [f"s{number:03d}" for number in stimulus]),
        "repetition": ("presentation", repetition),
    }
    return xr.DataArray(responses, coords, dims=("presentation", "neuroid"))


def build_balanced(responses):
    """Assembly of responses (stimulus, repetition, neuroid)."""
    stimuli, repetitions, neuroids = responses.shape
    return build(
        responses.reshape(-1, neuroids),
        np.repeat(np.arange(stimuli), repetitions),
        np.tile(np.arange(repetitions), stimuli),
    )


def calc_by_definition(responses, precision):
    """Leave one fold out: (test_i - test_j) P (train_i - train_j) / neuroids, mean over folds."""
    stimuli, folds, neuroids = responses.shape
    rdm = []
    for i, j in combinations(range(stimuli), 2):
        values = []
        for fold in range(folds):
            train = np.delete(responses, fold, axis=1).mean(axis=1)
            test = responses[:, fold]
            values.append((test[i] - test[j]) @ precision @ (train[i] - train[j]) / neuroids)
        rdm.append(np.mean(values))
    return np.array(rdm)


def calc_pairwise(means, precision):
    return np.array([(a - b) @ precision @ (a - b) for a, b in combinations(means, 2)])


EXAMPLE = np.cos(np.arange(60.0) ** 2).reshape(4, 3, 5)


@pytest.mark.parametrize(("stimuli", "folds", "neuroids"), [(2, 2, 1), (5, 4, 3), (12, 7, 20)])
def test_equals_definition(stimuli, folds, neuroids):
    generator = np.random.default_rng(stimuli)
    responses = generator.normal(size=(stimuli, folds, neuroids))
    expected = calc_by_definition(responses, np.eye(neuroids))
    found = calc_crossnobis(build_balanced(responses), noise="none")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    factor = generator.normal(size=(neuroids, neuroids + 2))
    covariance = factor @ factor.T
    expected = calc_by_definition(responses, np.linalg.inv(covariance))
    found = calc_crossnobis(build_balanced(responses), noise=covariance)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.ptp(expected))


def test_equals_rsatoolbox():
    """Made with rsatoolbox 0.3.2.

    data = Dataset(EXAMPLE.reshape(12, 5), obs_descriptors={
        "stimulus": np.repeat(np.arange(4), 3), "repetition": np.tile(np.arange(3), 4)})
    calc_rdm(data, "crossnobis", "stimulus", cv_descriptor="repetition").dissimilarities[0]
    covariance = 0.5 * np.eye(5) + 0.1
    calc_rdm(data, "crossnobis", "stimulus", noise=np.linalg.inv(covariance),
             cv_descriptor="repetition").dissimilarities[0]
    """
    plain = [0.3877661661, 0.0273620548, 0.2048322117, 0.1763726107, 0.4468748861, -0.0484012134]
    found = calc_crossnobis(build_balanced(EXAMPLE), noise="none")
    np.testing.assert_allclose(found, plain, rtol=1e-6)
    white = [0.7393164044, 0.2399566430, 0.4294461162, 0.3277897216, 0.8719503361, -0.0166726726]
    found = calc_crossnobis(build_balanced(EXAMPLE), noise=0.5 * np.eye(5) + 0.1)
    np.testing.assert_allclose(found, white, rtol=1e-6)


def test_presentations_of_a_fold_are_averaged_as_in_rsatoolbox():
    """Made with rsatoolbox 0.3.2, x as below: two folds of two presentations each.

    data = Dataset(x, obs_descriptors={
        "stimulus": np.repeat(np.arange(4), 4), "half": np.tile([0, 1, 1, 0], 4)})
    calc_rdm(data, "crossnobis", "stimulus", cv_descriptor="half").dissimilarities[0]
    """
    x = np.cos(np.arange(80.0) ** 2).reshape(16, 5)
    assembly = build(x, np.repeat(np.arange(4), 4), np.tile([0, 1, 1, 0], 4))
    expected = [0.0458468274, 0.1276435536, -0.1577289909, -0.0869340561, 0.0854539956]
    found = calc_crossnobis(assembly, noise="none")
    np.testing.assert_allclose(found, [*expected, -0.0534718581], rtol=1e-6)


def test_ledoit_wolf_whitens_by_the_residuals():
    """The precision is that of a hand-made estimate: residuals scaled to the noise's variance."""
    generator = np.random.default_rng(3)
    responses = generator.normal(size=(30, 6, 4)) @ generator.normal(size=(4, 4))
    residuals = (responses - responses.mean(axis=1, keepdims=True)).reshape(-1, 4)
    n = 30 * 5
    sample = residuals.T @ residuals / n
    target = np.trace(sample) / 4 * np.eye(4)
    lengths = np.sum(residuals**2, axis=1) * 6 / 5
    error = (np.mean(lengths**2) - np.sum(sample**2)) / n
    share = error / np.sum((sample - target) ** 2)
    assert 0 < share < 1
    precision = np.linalg.inv(share * target + (1 - share) * sample)
    expected = calc_by_definition(responses, precision)
    found = calc_crossnobis(build_balanced(responses))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# Repetitions of six stimuli: not the same ones, nor as many.
SHOWN = [[0, 1], [0, 2, 3], [1, 2], [0, 1, 2, 3, 4], [3, 4], [0, 4]]
STIMULUS = np.repeat(np.arange(6), [len(shown) for shown in SHOWN])
REPETITION = np.concatenate(SHOWN)


@pytest.mark.parametrize("folds", ["repetitions", "halves"])
def test_unbiased_with_unequal_repetitions(folds):
    """Noise of presentations, and of repetitions that all stimuli share; two means are equal."""
    generator = np.random.default_rng(4)
    means = generator.normal(size=(6, 5)) + 10
    means[1] = means[0]
    factor = np.eye(5) + 0.3
    covariance = factor @ factor.T
    draws, plain = [], []
    for _ in range(800):
        noise = generator.normal(size=(len(STIMULUS), 5))
        if folds == "repetitions":
            noise += generator.normal(size=(5, 5))[REPETITION]
        responses = means[STIMULUS] + noise @ factor.T
        assembly = build(responses, STIMULUS, REPETITION)
        draws.append(calc_crossnobis(assembly, noise=covariance, folds=folds, generator=generator))
        averages = [responses[number == STIMULUS].mean(axis=0) for number in range(6)]
        plain.append(calc_pairwise(averages, np.linalg.inv(covariance)) / 5)
    draws = np.array(draws)
    expected = calc_pairwise(means, np.linalg.inv(covariance)) / 5
    assert expected[0] == 0
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) < 4 * error).all()
    assert (error < 0.1).all()
    assert np.mean(plain, axis=0)[0] > 0.7  # what is not cross-validated is far above 0
    assert 0.3 < (draws[:, 0] < 0).mean() < 0.7  # negative values are kept


def test_true_distances_with_an_estimated_covariance():
    """Many stimuli in two groups: 0 within a group, the true distance between them."""
    generator = np.random.default_rng(5)
    factor = np.eye(20) + 0.2 + 0.05 * generator.normal(size=(20, 20))
    centres = 0.5 * generator.normal(size=(2, 20))
    responses = centres[np.arange(80) % 2][:, None] + generator.normal(size=(80, 6, 20)) @ factor.T
    rdm = calc_crossnobis(build_balanced(responses))
    first, second = np.triu_indices(80, 1)
    within = (first - second) % 2 == 0
    (true,) = calc_pairwise(centres, np.linalg.inv(factor @ factor.T)) / 20
    assert abs(rdm[within].mean()) < 0.02 * true
    assert rdm[~within].mean() == pytest.approx(true, rel=0.1)
    whitened = responses.mean(axis=1) @ np.linalg.inv(factor).T
    assert (pdist(whitened, "sqeuclidean") / 20)[within].mean() > 0.3  # 2 / 6 of noise alone


def test_objects_are_distances_of_their_mean_images():
    generator = np.random.default_rng(6)
    responses = generator.normal(size=(9, 4, 3))
    row = np.array([0, 1, 2, 0, 1, 0, 2, 2, 0])
    objects = np.stack([responses[row == number].mean(axis=0) for number in range(3)])
    expected = calc_by_definition(objects, np.eye(3))
    found = calc_crossnobis(build_balanced(responses), row=row, noise="none")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_objects_of_unequal_images_are_unbiased():
    """Images of an object differ, and are not shown equally often."""
    generator = np.random.default_rng(7)
    means = 3 * generator.normal(size=(6, 4))
    row = np.array([0, 0, 1, 1, 1, 2])
    draws = []
    for _ in range(500):
        noise = (
            generator.normal(size=(len(STIMULUS), 4)) + generator.normal(size=(5, 4))[REPETITION]
        )
        assembly = build(means[STIMULUS] + noise, STIMULUS, REPETITION)
        draws.append(calc_crossnobis(assembly, row=row, noise="none"))
    objects = [means[row == number].mean(axis=0) for number in range(3)]
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (
        np.abs(np.mean(draws, axis=0) - calc_pairwise(objects, np.eye(4)) / 4) < 4 * error
    ).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_invariances(seed):
    """A common pattern, the order of presentations, and with whitening the mixture of sites."""
    generator = np.random.default_rng(seed)
    responses = generator.normal(size=(len(STIMULUS), 3))
    rdm = calc_crossnobis(build(responses, STIMULUS, REPETITION), noise="none")
    moved = build(responses + 1e3 * generator.normal(size=3), STIMULUS, REPETITION)
    np.testing.assert_allclose(calc_crossnobis(moved, noise="none"), rdm, atol=1e-5)
    order = generator.permutation(len(STIMULUS))
    shuffled = build(responses[order], STIMULUS[order], REPETITION[order])
    np.testing.assert_allclose(calc_crossnobis(shuffled, noise="none"), rdm, atol=1e-6)
    mixture = np.linalg.qr(generator.normal(size=(3, 3)))[0] * generator.uniform(0.5, 2, 3)
    mixed = build(responses @ mixture.T, STIMULUS, REPETITION)
    found = calc_crossnobis(mixed, noise=mixture @ mixture.T)
    np.testing.assert_allclose(found, rdm, atol=1e-4)


def test_repetitions_are_taken_as_they_come():
    generator = np.random.default_rng(8)
    assembly = build_balanced(generator.normal(size=(5, 3, 4)))
    ids = np.unique(assembly["stimulus_id"].values)[::-1]
    for row in (np.arange(5), np.array([1, 0, 2, 2, 1])):
        repetitions = index_repetitions(assembly, ids, row)
        expected = calc_crossnobis(assembly, stimulus_ids=ids, row=row)
        np.testing.assert_array_equal(calc_crossnobis(repetitions), expected)
    first = calc_crossnobis(assembly)
    reverse = calc_crossnobis(assembly, stimulus_ids=ids)
    square = np.zeros((5, 5))
    square[np.triu_indices(5, 1)] = first
    np.testing.assert_allclose((square + square.T)[::-1, ::-1][np.triu_indices(5, 1)], reverse)


def test_halves_are_those_of_the_generator():
    assembly = build_balanced(np.random.default_rng(9).normal(size=(4, 6, 3)))
    first, again, other = (
        calc_crossnobis(assembly, folds="halves", generator=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_stimulus_shown_once_is_undefined():
    responses = np.random.default_rng(10).normal(size=(4, 3, 5))
    assembly = build_balanced(responses).isel(presentation=[0, 1, 2, 3, 6, 7, 8, 9, 10, 11])
    rdm = calc_crossnobis(assembly, noise="none")
    np.testing.assert_array_equal(np.isnan(rdm), [True, False, False, True, True, False])
    expected = calc_by_definition(responses[[0, 2, 3]], np.eye(5))
    np.testing.assert_allclose(rdm[[1, 2, 5]], expected, rtol=1e-4, atol=1e-6)


def test_user_errors():
    assembly = build_balanced(EXAMPLE)
    with pytest.raises(UserError, match="folds: 'runs' is not one of: repetitions, halves"):
        calc_crossnobis(assembly, folds="runs")
    with pytest.raises(UserError, match="noise: 'full' is not one of: ledoit_wolf, none"):
        calc_crossnobis(assembly, noise="full")
    with pytest.raises(UserError, match="generator: None"):
        calc_crossnobis(assembly, folds="halves")
    with pytest.raises(UserError, match=r"shape \(3, 3\); expected \(neuroid, neuroid\), \(5, 5\)"):
        calc_crossnobis(assembly, noise=np.eye(3))
    with pytest.raises(UserError, match="cannot be inverted"):
        calc_crossnobis(assembly, noise=-np.eye(5))
    with pytest.raises(UserError, match="use noise: 'none'"):
        calc_crossnobis(build_balanced(np.repeat(EXAMPLE[:, :1], 3, axis=1)))
    with pytest.raises(UserError, match="no stimulus was shown twice"):
        calc_crossnobis(build_balanced(EXAMPLE[:, :1]))
    with pytest.raises(UserError, match="1 row"):
        calc_crossnobis(assembly, row=np.zeros(4, dtype=int))


def test_device_and_type_of_repetitions():
    """Responses in float32 are calculated in float64."""
    assembly = build_balanced(np.float32(EXAMPLE + 1000))
    repetitions = index_repetitions(assembly, np.unique(assembly["stimulus_id"]), np.arange(4))
    single = type(repetitions)(
        repetitions.responses.to(torch.float32), repetitions.stimulus, repetitions.row
    )
    np.testing.assert_array_equal(calc_crossnobis(single), calc_crossnobis(assembly))


@pytest.mark.real_data
def test_macaque_v4_without_its_images(real_data):
    """Real noise, 6 to 10 repetitions an image: 0 on average once images are exchanged."""
    raw = np.load(real_data / "cowley2023_v4" / "responses_raw_210325.npy")
    counts = raw.transpose(1, 2, 0)  # (image, repetition, neuroid); NaN fills empty slots
    stimulus, repetition = np.nonzero(np.isfinite(counts).all(axis=2))
    responses = counts[stimulus, repetition]
    measured = calc_crossnobis(build(responses, stimulus, repetition))
    generator = np.random.default_rng(11)
    order = np.arange(len(stimulus))
    for number in np.unique(repetition):
        here = np.flatnonzero(repetition == number)
        order[here] = generator.permutation(here)
    exchanged = calc_crossnobis(build(responses[order], stimulus, repetition))
    assert measured.mean() > 0.1
    assert abs(exchanged.mean()) < 0.01 * measured.mean()
