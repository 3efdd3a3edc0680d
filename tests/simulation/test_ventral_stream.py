import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tgas_neuro.recordings.readers.simulated import label_responses
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.stimuli import simulate_stimuli
from tgas_neuro.simulation.ventral_stream import SITES, simulate_responses


def simulate(images, table, seed, *args, **options):
    """Responses as the assembly that the reader of simulated recordings makes of them."""
    return label_responses(simulate_responses(images, table, seed, *args, **options), table, seed)


@pytest.fixture(scope="module")
def stimuli():
    return simulate_stimuli(0, {"V0": 1, "V3": 2, "V6": 2}, 48)


@pytest.fixture(scope="module")
def simulated(stimuli):
    return simulate(*stimuli, seed=0)


def calc_zscored_rdm(responses):
    return pdist((responses - responses.mean(axis=0)) / responses.std(axis=0), "correlation")


def average(assembly, n_stimuli, rng=None):
    """Mean per stimulus over all rows, or over two random halves of each stimulus's rows."""
    values = assembly.values.astype(float)
    row = np.unique(assembly["stimulus_id"].values, return_inverse=True)[1]
    half = np.zeros(len(row), dtype=int)
    if rng is not None:
        order = np.lexsort((rng.random(len(row)), row))
        half[order] = np.arange(len(row)) % 2
    means = []
    for number in np.unique(half):
        total = np.zeros((n_stimuli, values.shape[1]))
        np.add.at(total, row[half == number], values[half == number])
        means.append(total / np.bincount(row[half == number], minlength=n_stimuli)[:, None])
    return means


def test_form_of_the_assembly(stimuli, simulated):
    _, table = stimuli
    assembly, noise_free = simulated
    assert assembly.dims == ("presentation", "neuroid") and assembly.dtype == np.float32
    assert assembly.name == "response"
    assert (assembly.values >= 0).all() and (assembly.values % 1 == 0).all()
    for region, count in SITES.items():
        animals = assembly["animal"].values[assembly["region"].values == region]
        assert {name: np.sum(animals == name) for name in set(animals)} == {
            "simulated_1": count // 2,
            "simulated_2": count // 2,
        }
    assert len(set(assembly["neuroid_id"].values)) == 296
    known = table.set_index("stimulus_id")
    for coord in ("object_name", "category_name", "variation"):
        expected = known.loc[assembly["stimulus_id"].values, coord]
        np.testing.assert_array_equal(assembly[coord].values, expected.to_numpy(str))
    assert assembly.attrs["dataset"] == "simulated"
    assert assembly.attrs["source"] == "simulated, seed 0"
    assert assembly.attrs["unit"] == "spikes" and assembly.attrs["time_window_ms"] == [70, 170]
    assert noise_free.dims == ("stimulus", "neuroid") and (noise_free.values > 0).all()
    np.testing.assert_array_equal(noise_free["stimulus_id"], table["stimulus_id"])
    np.testing.assert_array_equal(noise_free["neuroid_id"], assembly["neuroid_id"])


def test_repetitions_are_unequal_and_within_their_range(simulated):
    assembly, _ = simulated
    ids, counts = np.unique(assembly["stimulus_id"].values, return_counts=True)
    assert (counts.min(), counts.max()) == (8, 16)
    repetition = assembly["repetition"].values
    for stimulus_id, count in zip(ids[:20], counts[:20], strict=True):
        own = repetition[assembly["stimulus_id"].values == stimulus_id]
        np.testing.assert_array_equal(own, np.arange(count))


def test_averages_come_from_the_true_means(simulated):
    assembly, noise_free = simulated
    (mean,) = average(assembly, noise_free.sizes["stimulus"])
    counts = np.unique(assembly["stimulus_id"].values, return_counts=True)[1][:, None]
    true = noise_free.values
    deviation = np.sqrt((true + 0.04 * true**2) / counts)
    normal = (mean - true) / deviation
    assert np.mean(normal) == pytest.approx(0.0, abs=0.05)
    assert np.std(normal) == pytest.approx(1.0, abs=0.03)


def test_split_halves_have_the_reliabilities_that_were_meant(simulated):
    assembly, noise_free = simulated
    rng, measured = np.random.default_rng(0), []
    for _ in range(4):
        halves = average(assembly, noise_free.sizes["stimulus"], rng)
        one, other = ((half - half.mean(axis=0)) / half.std(axis=0) for half in halves)
        r = (one * other).mean(axis=0)
        measured.append(2 * r / (1 + r))
    error = np.mean(measured, axis=0) - noise_free["target_reliability"].values
    # With 320 stimuli a reliability near 0.3 is known to about 0.05.
    assert abs(error.mean()) < 0.015
    assert error.std() < 0.05
    targets = noise_free["target_reliability"].values
    assert targets.min() >= 0.2 and targets.max() <= 0.95
    assert np.quantile(targets, 0.1) < 0.5 and np.quantile(targets, 0.9) > 0.82


def test_it_is_about_categories_and_v4_is_not(simulated):
    _, noise_free = simulated
    category = np.unique(noise_free["category_name"].values, return_inverse=True)[1]
    other_category = pdist(category[:, None].astype(float)) > 0
    structure = {}
    for region in ("V4", "IT"):
        rdm = calc_zscored_rdm(noise_free.values[:, noise_free["region"].values == region])
        structure[region] = spearmanr(rdm, other_category)[0]
        gap = rdm[other_category].mean() - rdm[~other_category].mean()
        assert gap > 0.35 if region == "IT" else gap < 0.12
    assert structure["IT"] > 0.45
    assert structure["V4"] < 0.2


@pytest.mark.parametrize("reliability", [(0.2, 0.8), (0.2, 0.95), (0.6, 0.95)])
def test_split_halves_of_rdms_tell_the_true_ceiling(stimuli, reliability):
    assembly, noise_free = simulate(*stimuli, seed=1, reliability=reliability)
    n_stimuli, rng = noise_free.sizes["stimulus"], np.random.default_rng(0)
    halves = [average(assembly, n_stimuli, rng) for _ in range(2)]
    (mean,) = average(assembly, n_stimuli)
    for region in ("V4", "IT"):
        own = noise_free["region"].values == region
        r = np.mean(
            [
                spearmanr(calc_zscored_rdm(one[:, own]), calc_zscored_rdm(other[:, own]))[0]
                for one, other in halves
            ]
        )
        true = spearmanr(
            calc_zscored_rdm(noise_free.values[:, own]), calc_zscored_rdm(mean[:, own])
        )[0]
        assert np.sqrt(2 * r / (1 + r)) == pytest.approx(true, abs=0.03)


def test_same_seed_same_counts_and_regions_do_not_touch_each_other(stimuli):
    images, table = stimuli[0][::5], stimuli[1][::5]
    both, _ = simulate(images, table, 3, {"V4": 6, "IT": 5}, (2, 3))
    again, _ = simulate(images, table, 3, {"IT": 5, "V4": 6}, (2, 3))
    assert both.identical(again)
    only_it, _ = simulate(images, table, 3, {"IT": 5}, (2, 3))
    assert only_it.identical(both[:, 6:])
    other, _ = simulate(images, table, 4, {"V4": 6, "IT": 5}, (2, 3))
    assert other.shape != both.shape or (other.values != both.values).mean() > 0.1


def test_targets_beyond_the_shared_gain_are_lowered(stimuli):
    images, table = stimuli[0][::5], stimuli[1][::5]
    assembly, noise_free = simulate(images, table, 0, {"V4": 40}, (1, 1), (0.9, 0.95))
    assert np.isfinite(noise_free.values).all()
    assert noise_free["target_reliability"].values.min() < 0.9
    assert assembly.sizes["presentation"] == noise_free.sizes["stimulus"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sites": {"V1": 3}}, "sites: 'V1' is not one of: V4, IT"),
        ({"sites": {"V4": -3}}, "sites: V4: -3"),
        ({"sites": {"V4": 0}}, "asks for no site"),
        ({"repetitions": [0, 4]}, r"repetitions: \[0, 4\]"),
        ({"repetitions": [5, 4]}, r"repetitions: \[5, 4\]"),
        ({"repetitions": [4]}, r"repetitions: \[4\]"),
        ({"reliability": (0.5, 1.0)}, r"reliability: \(0.5, 1.0\)"),
    ],
)
def test_mistakes_are_named(stimuli, options, message):
    with pytest.raises(UserError, match=message):
        simulate_responses(*stimuli, 0, **options)
