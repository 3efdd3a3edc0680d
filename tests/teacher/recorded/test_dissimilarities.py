"""Distances of recorded responses and agreement between animals, against scipy by hand."""

from shutil import copytree

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr, zscore

from tgas_neuro.rdm import calc_crossnobis
from tgas_neuro.recordings.assembly import load_assembly, write_assembly
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.region import describe_region


def load_kept(folder, region):
    """Responses of the sites that the teacher kept, sorted by stimulus as it is."""
    assembly = load_assembly(folder / "assembly.nc")
    place = {name: number for number, name in enumerate(assembly["neuroid_id"].values)}
    return assembly.isel(neuroid=[place[name] for name in region["neuroid_id"].values])


def average(assembly, region):
    means = assembly.astype(float).groupby("stimulus_id").mean("presentation")
    return means.sel(stimulus_id=region["stimulus"].values).values


def keep_one(assembly):
    """All presentations but those of the first stimulus after its first."""
    first = assembly["stimulus_id"].values == assembly["stimulus_id"].values[0]
    return ~first | (np.cumsum(first) == 1)


def copy_recordings(folder, target, change=None, keep=None):
    """The data set with other responses, or fewer presentations, in a folder of its own."""
    copied = target / "simulated"
    copytree(folder, copied)
    assembly = load_assembly(folder / "assembly.nc")
    if change is not None:
        values = change(assembly, np.random.default_rng(0))
        assembly = assembly.copy(data=values.astype(np.float32))
    if keep is not None:
        assembly = assembly.isel(presentation=np.flatnonzero(keep(assembly)))
    write_assembly(copied / "assembly.nc", assembly)
    return copied


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_distances_equal_scipy(simulated, build, distance):
    teacher = build(simulated, distance=distance, uncorrected=("V4", "IT"))
    for region in teacher.regions.values():
        means = average(load_kept(simulated, region), region)
        expected = pdist(zscore(means, axis=0), distance)
        np.testing.assert_allclose(region["rdm"], expected, rtol=1e-5, atol=1e-5)
        assert region.attrs["distance"] == distance
        assert np.isnan(region.attrs["ceiling"])


class TestCrossnobis:
    def test_sites_are_scaled_by_their_deviation(self, simulated, build):
        region = build(simulated, ["IT"], distance="crossnobis", uncorrected=("IT",)).regions["IT"]
        assembly = load_kept(simulated, region)
        deviation = average(assembly, region).std(axis=0)
        scaled = assembly.copy(data=(assembly.values / deviation).astype(np.float32))
        expected = calc_crossnobis(scaled, region["stimulus"].values)
        np.testing.assert_allclose(region["rdm"], expected, rtol=1e-3, atol=1e-5)

    def test_noise_adds_nothing_to_equal_responses(self, build, tmp_path, simulated):
        """All stimuli answered alike: crossnobis is 0 on average, Euclidean far above."""
        folder = copy_recordings(
            simulated, tmp_path, lambda assembly, generator: generator.poisson(5.0, assembly.shape)
        )
        kept = {"min_site_reliability": -1.0, "uncorrected": ("IT",), "normalise": "none"}
        found = {
            distance: build(folder, ["IT"], distance=distance, **kept).regions["IT"]["rdm"].values
            for distance in ("crossnobis", "euclidean")
        }
        assert abs(found["crossnobis"].mean()) < 0.02
        assert (found["euclidean"] ** 2).mean() / 50 > 0.5  # 2 * 5 / repetitions

    def test_a_single_presentation_is_named(self, build, tmp_path, simulated):
        folder = copy_recordings(simulated, tmp_path, keep=keep_one)
        with pytest.raises(UserError, match=r"region IT: 63 of 2016 .*shown only once"):
            build(folder, ["IT"], distance="crossnobis", uncorrected=("IT",))


class TestOtherComparisons:
    @pytest.mark.parametrize("comparison", ["pearson", "kendall", "cka"])
    def test_a_recorded_region_has_no_ceiling_and_says_why(self, simulated, build, comparison):
        with pytest.raises(
            UserError, match=rf"ceilings for distance correlation with .*with {comparison}; add V4"
        ):
            build(simulated, comparison=comparison)
        named = build(simulated, comparison=comparison, uncorrected=("V4", "IT"))
        assert named.regions["V4"].attrs["comparison"] == comparison
        assert named.regions["V4"].attrs["corrected_for_noise"] == 0


class TestAnimals:
    def calc_rdms(self, folder, region):
        means = zscore(average(load_kept(folder, region), region), axis=0)
        animals = np.unique(region["animal"].values)
        return [pdist(means[:, region["animal"].values == name], "correlation") for name in animals]

    def test_bounds_equal_scipy(self, simulated, build):
        for name, region in build(simulated).regions.items():
            rdms = self.calc_rdms(simulated, region)
            assert len(rdms) == region.attrs["n_animals"] == 2
            assert region.attrs["animal_lower"] == pytest.approx(spearmanr(*rdms)[0], abs=1e-4)
            mean = np.mean([rankdata(rdm) for rdm in rdms], axis=0)
            upper = np.mean([spearmanr(rdm, mean)[0] for rdm in rdms])
            assert region.attrs["animal_upper"] == pytest.approx(upper, abs=1e-4)
            assert "across animals" in describe_region(name, region)

    def test_one_animal_has_none(self, simulated, build):
        region = build(simulated, ["IT"], {"animal": ["simulated_1"]}).regions["IT"]
        assert np.isnan(region.attrs["animal_lower"])
        assert np.isnan(region.attrs["animal_upper"])
        assert "across animals" not in describe_region("IT", region)


def test_the_interval_of_the_ceiling_contains_it(simulated, build):
    region = build(simulated, ["IT"], splits=40).regions["IT"]
    correlations = region["split_correlations"].values[0]
    low, high = np.percentile(correlations, [2.5, 97.5])
    for key, r in (("ceiling_low", low), ("ceiling_high", high)):
        ratio = np.sqrt(r / (1 + r) / (correlations.mean() / (1 + correlations.mean())))
        assert region.attrs[key] == pytest.approx(ratio * region.attrs["ceiling"])
    assert region.attrs["ceiling_low"] < region.attrs["ceiling"] < region.attrs["ceiling_high"]
