"""Site reliability against variances that are known, a plain loop, and Brain-Score."""

import numpy as np
import pytest

from tgas_neuro.rdm import calc_site_reliability
from tgas_neuro.rdm.repetitions import draw_split, index_repetitions


def draw_rates(generator, stimuli, sites, mean):
    return mean * np.exp(0.8 * generator.normal(size=(stimuli, sites)))


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


def test_against_a_plain_loop(make_assembly):
    generator = np.random.default_rng(12)
    counts = generator.integers(1, 7, size=30)
    assembly = make_assembly(draw_rates(generator, 30, 4, 2), counts, generator)
    ids = np.unique(assembly["stimulus_id"].values)
    indexed = index_repetitions(assembly, ids, np.arange(30))
    found = calc_site_reliability(assembly, 3, np.random.default_rng(13))
    draws = np.random.default_rng(13)
    expected = np.zeros(4)
    for _ in range(3):
        means = []
        for half in draw_split(indexed, draws):
            means.append(
                [
                    assembly.values[half.numpy() & (indexed.stimulus == k).numpy()].mean(axis=0)
                    for k in np.flatnonzero(counts >= 2)
                ]
            )
        for site in range(4):
            r = np.corrcoef(*(np.array(half, dtype=float)[:, site] for half in means))[0, 1]
            expected[site] += 2 * r / (1 + r) / 3
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_site_that_contradicts_itself_does_not_blow_up(make_assembly):
    """Halves with r of -1: 2 r / (1 + r) has a pole there."""
    generator = np.random.default_rng(14)
    assembly = make_assembly(draw_rates(generator, 3, 2, 5), np.full(3, 2), generator)
    values = assembly.values.reshape(3, 2, 2)
    values[:, 0, 0], values[:, 1, 0] = [1, 2, 3], [3, 2, 1]
    values[:, :, 1] = np.array([1, 2, 3])[:, None]
    found = calc_site_reliability(assembly, 50, generator)
    assert -1 <= found[0] < 1
    assert found[1] == pytest.approx(1)


def test_without_repetitions_there_is_no_reliability(make_assembly):
    generator = np.random.default_rng(15)
    assembly = make_assembly(draw_rates(generator, 20, 5, 3), np.ones(20, dtype=int), generator)
    assert np.isnan(calc_site_reliability(assembly, 5, generator)).all()


@pytest.fixture
def brain_score(tmp_path, monkeypatch):
    """Its modules, with nothing installed, cached or asked for over the network."""
    for name in ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("BRAINSCORE_SKIP_MEMORY_CHECK", "1")
    return pytest.importorskip("brainscore_vision", reason="Brain-Score is not installed")


def test_against_internal_consistency(make_assembly, brain_score):
    """Equal to Brain-Score's within the spread of its splits; they draw other halves."""
    standards = pytest.importorskip("brainscore_core.supported_data_standards.brainio.assemblies")
    generator = np.random.default_rng(16)
    rates = draw_rates(generator, 60, 8, 1) ** np.linspace(0.3, 1, 8)
    assembly = make_assembly(rates, np.full(60, 8), generator)
    theirs = standards.NeuronRecordingAssembly(
        assembly.values,
        coords={
            "stimulus_id": ("presentation", assembly["stimulus_id"].values),
            "object_name": ("presentation", assembly["stimulus_id"].values),
            "repetition": ("presentation", assembly["repetition"].values),
            "neuroid_id": ("neuroid", assembly["neuroid_id"].values),
            "region": ("neuroid", assembly["region"].values),
        },
        dims=["presentation", "neuroid"],
    )
    score = brain_score.load_metric("internal_consistency")(theirs)
    raw = score.attrs["raw"].sortby("neuroid_id") if "raw" in score.attrs else score.raw
    splits = raw.transpose("split", "neuroid").values
    found = calc_site_reliability(assembly, 40, np.random.default_rng(17))
    spread = splits.std(axis=0, ddof=1) / np.sqrt(len(splits))
    order = np.argsort(assembly["neuroid_id"].values)
    np.testing.assert_array_less(np.abs(splits.mean(axis=0) - found[order]), 4 * spread + 0.01)
    assert found.max() - found.min() > 0.1  # sites differ, so that agreement says something
