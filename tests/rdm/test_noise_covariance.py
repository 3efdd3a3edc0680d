"""The shrunk covariance of noise against its definition, scikit-learn, rsatoolbox and the truth."""

import numpy as np
import pytest
import torch

from tgas_neuro.rdm.crossnobis import shrink_covariance


def shrink_by_definition(samples):
    """Ledoit & Wolf (2004), lemmas 3.2 to 3.5, for samples of mean zero."""
    n, size = samples.shape
    sample = samples.T @ samples / n
    mean = np.trace(sample) / size
    d2 = np.sum((sample - mean * np.eye(size)) ** 2)
    b2 = min(sum(np.sum((np.outer(x, x) - sample) ** 2) for x in samples) / n**2, d2)
    return b2 / d2 * mean * np.eye(size) + (1 - b2 / d2) * sample


@pytest.mark.parametrize(("n", "size"), [(12, 5), (200, 5), (10, 30)])
def test_equals_definition_and_scikit_learn(n, size):
    generator = np.random.default_rng(n)
    samples = generator.normal(size=(n, size)) @ generator.normal(size=(size, size))
    found = shrink_covariance(torch.from_numpy(samples), n).numpy()
    np.testing.assert_allclose(found, shrink_by_definition(samples), rtol=1e-10, atol=1e-12)
    covariance = pytest.importorskip("sklearn.covariance")
    expected = covariance.LedoitWolf(assume_centered=True).fit(samples).covariance_
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert np.linalg.eigvalsh(found).min() > 0


def test_equals_rsatoolbox():
    """Made with rsatoolbox 0.3.2, residuals as below.

    cov_from_residuals(residuals, dof=12, method="shrinkage_eye")[0]
    """
    x = np.cos(np.arange(60.0) ** 2).reshape(4, 3, 5)
    residuals = (x - x.mean(axis=1, keepdims=True)).reshape(12, 5)
    found = shrink_covariance(torch.from_numpy(residuals), 12)[0]
    expected = [0.2979149407, 0.0117655640, -0.0062543573, 0.0099539886, -0.0097005374]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("stimuli", "repetitions"), [(100, 2), (30, 5), (100, 10)])
def test_degrees_of_freedom_bring_it_nearer_to_the_truth(stimuli, repetitions):
    """Known truth: counting residuals as independent shrinks too little, and scales too low."""
    generator = np.random.default_rng(stimuli + repetitions)
    factor = np.diag(generator.uniform(0.5, 1.5, 30)) + generator.normal(size=(30, 30)) / 15
    errors = {"residuals": 0.0, "freedom": 0.0}
    variances = []
    for _ in range(10):
        x = generator.normal(size=(stimuli, repetitions, 30)) @ factor.T
        residuals = torch.from_numpy((x - x.mean(axis=1, keepdims=True)).reshape(-1, 30))
        freedom = stimuli * (repetitions - 1)
        for name, n in (("residuals", len(residuals)), ("freedom", freedom)):
            found = shrink_covariance(residuals, n).numpy() * n / freedom
            errors[name] += np.sum((found - factor @ factor.T) ** 2)
        variances.append(np.trace(found))
    assert errors["freedom"] < errors["residuals"]
    assert np.mean(variances) == pytest.approx(np.trace(factor @ factor.T), rel=0.03)


def test_nothing_to_shrink():
    """Without noise there is no covariance; of white noise it is the target already."""
    assert (shrink_covariance(torch.zeros(6, 3, dtype=torch.float64), 4) == 0).all()
    white = torch.from_numpy(np.sqrt(3) * np.concatenate([np.eye(3), -np.eye(3)]))
    np.testing.assert_allclose(shrink_covariance(white, 6), np.eye(3))
