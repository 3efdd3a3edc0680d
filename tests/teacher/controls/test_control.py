"""Controls: what they keep of the recordings, and that the relation to the images is gone."""

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from tgas_neuro.config.teacher import ControlOptions, NetworkOptions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.build import draw_matched, shuffle_rows
from tgas_neuro.teacher.teacher import build_title, show_stimuli


def choose(type_, seed=0, **changes):
    return {"kind": "control", "control": ControlOptions(type=type_, seed=seed), **changes}


@pytest.fixture(scope="module")
def recorded(simulated, build):
    return build(simulated).regions


def test_every_output_says_that_it_is_a_control(simulated, build):
    for type_ in ("shuffled", "matched", "pixels"):
        lines = []
        region = build(simulated, ["IT"], lines=lines, **choose(type_)).regions["IT"]
        assert f"control {type_}" in lines[0]
        assert build_title("IT", region) == f"IT, control {type_}"
        assert region.attrs["kind"] == "control"


@pytest.fixture(scope="module")
def shuffled(simulated, build):
    return build(simulated, **choose("shuffled")).regions


class TestShuffled:
    def test_what_was_measured_stays(self, shuffled, recorded):
        for name, region in shuffled.items():
            for variable in ("rdm", "responses", "half", "split_correlations"):
                np.testing.assert_array_equal(region[variable], recorded[name][variable])
            for key in ("ceiling", "ceiling_half_0", "ceiling_half_1"):
                assert region.attrs[key] == recorded[name].attrs[key]

    def test_no_stimulus_keeps_its_row_and_images_keep_their_names(self, shuffled, recorded):
        for name, region in shuffled.items():
            before = recorded[name]
            assert (region["stimulus"].values != before["stimulus"].values).all()
            np.testing.assert_array_equal(region["row"], np.arange(64))
            np.testing.assert_array_equal(region["row_name"], region["stimulus"])
            place = {key: number for number, key in enumerate(before["stimulus"].values)}
            order = [place[key] for key in region["stimulus"].values]
            np.testing.assert_array_equal(region["images"], before["images"].values[order])
            categories = before["category_name"].values[order]
            np.testing.assert_array_equal(region["category_name"], categories)

    def test_the_rdm_has_the_same_values_and_nothing_to_do_with_the_images(
        self, shuffled, recorded
    ):
        """The RDM in the order of the true stimuli: r is 0 on average, and never far from it."""
        true = recorded["IT"]
        similarities = []
        for seed in range(40):
            region = shuffle_rows(true, np.random.default_rng(seed))
            order = [list(region["stimulus"].values).index(key) for key in true["stimulus"].values]
            sorted_back = squareform(region["rdm"].values)[np.ix_(order, order)]
            seen = squareform(sorted_back, checks=False)
            np.testing.assert_array_equal(np.sort(seen), np.sort(true["rdm"].values))
            similarities.append(spearmanr(seen, true["rdm"].values).statistic)
        assert abs(np.mean(similarities)) < 0.03
        assert np.abs(similarities).max() < 0.2

    def test_regions_on_the_same_stimuli_are_shuffled_alike(self, shuffled):
        np.testing.assert_array_equal(shuffled["V4"]["stimulus"], shuffled["IT"]["stimulus"])

    def test_both_seeds_decide(self, simulated, build, shuffled):
        for changes in (choose("shuffled", 1), choose("shuffled") | {"seed": 1}):
            other = build(simulated, ["IT"], **changes).regions["IT"]
            assert (other["stimulus"].values != shuffled["IT"]["stimulus"].values).any()

    def test_objects_move_as_a_whole(self, published, simulated, build):
        true = build(simulated, ["IT"], level="object").regions["IT"]
        doubled = xr.concat([true, true], "stimulus", data_vars="minimal")  # two images an object
        region = shuffle_rows(doubled, np.random.default_rng(0))
        object_of = dict(zip(true["stimulus"].values, true["row"].values, strict=True))
        for row in range(true.sizes["row_name"]):
            inside = region["stimulus"].values[region["row"].values == row]
            (moved,) = {object_of[stimulus] for stimulus in inside}
            assert len(inside) == 2
            assert moved != row
            assert region["row_name"].values[row] == true["row_name"].values[moved]

    def test_a_published_rdm_can_be_shuffled(self, published, build):
        region = build(published, ["IT"], uncorrected=("IT",), **choose("shuffled")).regions["IT"]
        plain = build(published, ["IT"], uncorrected=("IT",)).regions["IT"]
        np.testing.assert_array_equal(region["rdm"], plain["rdm"])
        assert (region["stimulus"].values != plain["stimulus"].values).all()


class TestMatched:
    def test_covariance_and_means_of_the_sites_are_the_recordings(self, simulated, build):
        matched = build(simulated, normalise="none", **choose("matched")).regions
        for name, region in build(simulated, normalise="none").regions.items():
            np.testing.assert_array_equal(region["neuroid_id"], matched[name]["neuroid_id"])
            true, found = region["responses"].values, matched[name]["responses"].values
            covariance = np.cov(true.T.astype(float))
            scale = np.abs(covariance).max()
            np.testing.assert_allclose(np.cov(found.T.astype(float)), covariance, atol=1e-5 * scale)
            np.testing.assert_allclose(found.mean(axis=0), true.mean(axis=0), rtol=1e-4)

    def test_sites_and_rdm_are_as_reliable(self, simulated, build, recorded):
        for name, region in build(simulated, **choose("matched")).regions.items():
            true = recorded[name]
            mean = true["site_reliability"].values.mean()
            assert region.attrs["recorded_site_reliability"] == pytest.approx(mean)
            assert region["site_reliability"].values.mean() == pytest.approx(mean, abs=0.05)
            assert region.attrs["recorded_reliability"] == true.attrs["reliability"]
            assert region.attrs["reliability"] == pytest.approx(true.attrs["reliability"], abs=0.05)

    def test_the_rdm_has_nothing_to_do_with_the_recorded_one(self, simulated, build, recorded):
        similarities = [
            spearmanr(region["rdm"], recorded[name]["rdm"]).statistic
            for seed in range(5)
            for name, region in build(simulated, **choose("matched", seed)).regions.items()
        ]
        assert abs(np.mean(similarities)) < 0.05
        assert np.abs(similarities).max() < 0.15

    def test_it_needs_responses(self, published, build):
        with pytest.raises(
            UserError, match=r"teacher.control.type: 'matched' needs responses.*region IT.*shuffled"
        ):
            build(published, ["IT"], uncorrected=("IT",), **choose("matched"))

    @given(st.integers(2, 12), st.integers(1, 12), st.integers(0, 2**31))
    def test_covariance_of_any_shape_is_kept(self, n_rows, n_sites, seed):
        generator = np.random.default_rng(seed)
        means = generator.gamma(2, 3, (n_rows, n_sites))
        drawn = draw_matched(torch.from_numpy(means), generator).numpy() - means.mean(axis=0)
        centred = means - means.mean(axis=0)
        np.testing.assert_allclose(drawn.T @ drawn, centred.T @ centred, atol=1e-8)
        np.testing.assert_allclose(drawn.sum(axis=0), 0, atol=1e-8)

    def test_the_draw_is_uniform_over_rotations(self):
        """Any two rows are as likely close as far: the mean of many draws is the site means."""
        generator = np.random.default_rng(0)
        means = generator.gamma(2, 3, (10, 4))
        drawn = np.stack(
            [draw_matched(torch.from_numpy(means), generator).numpy() for _ in range(2000)]
        )
        expected = np.broadcast_to(means.mean(axis=0), (10, 4))
        deviation = means.std(axis=0) / np.sqrt(2000)
        assert (np.abs(drawn.mean(axis=0) - expected) < 5 * deviation).all()
        np.testing.assert_allclose(drawn.var(axis=0), np.tile(means.var(axis=0), (10, 1)), rtol=0.2)


def test_pixels_equal_scipy(simulated, build):
    regions = build(simulated, **choose("pixels")).regions
    for region in regions.values():
        pixels = region["images"].values.reshape(64, -1).astype(float)
        np.testing.assert_allclose(region["rdm"], pdist(pixels, "correlation"), atol=1e-5)
        assert region.attrs["noise_free"] == 1
        assert region.attrs["ceiling"] == 1.0
    euclidean = build(simulated, ["IT"], distance="euclidean", **choose("pixels")).regions["IT"]
    np.testing.assert_allclose(
        euclidean["rdm"], pdist(pixels / 255, "euclidean"), rtol=1e-4, atol=1e-4
    )


def test_pixels_of_a_published_data_set(published, build):
    region = build(published, ["anything"], **choose("pixels")).regions["anything"]
    assert region.sizes["pair"] == 66


def test_an_image_without_contrast_is_named(published, build, monkeypatch):
    def show_grey(stimuli, folder, size, visual_degrees):
        seen = show_stimuli(stimuli, folder, size, visual_degrees)
        seen[3] = 128
        return seen

    monkeypatch.setattr("tgas_neuro.teacher.build.show_stimuli", show_grey)
    with pytest.raises(UserError, match=r"region IT: 11 of 66 dissimilarities are not defined"):
        build(published, ["IT"], **choose("pixels"))


def test_a_random_network_follows_its_seed(published, build, tiny_networks):
    network = NetworkOptions(model="tiny_networks:build_tiny", layers={"IT": "late"}, size=24)
    rdms = [
        build(published, ["IT"], **choose("random_network", seed, network=network)).regions["IT"]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(rdms[0]["rdm"], rdms[1]["rdm"])
    assert (rdms[0]["rdm"].values != rdms[2]["rdm"].values).any()
    assert rdms[0].attrs["description"].startswith("control random_network: network tiny_networks")
