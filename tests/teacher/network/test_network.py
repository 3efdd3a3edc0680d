"""A network as the teacher, against features by hand, and its electrodes against Poisson's laws."""

import importlib

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from support.resizing import resize_by_torchvision

from tgas_neuro.config.section import dump_decisive
from tgas_neuro.config.teacher import Electrodes, NetworkOptions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256
from tgas_neuro.teacher.identity import identify_teacher
from tgas_neuro.teacher.noise_free import narrow_features
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.teacher import get_ceiling, load_teacher, write_teacher
from tgas_neuro.teacher.variants import Variant, build_variants

MEAN, DEVIATION = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
TOO_MANY = Electrodes(units=9999, repetitions=2, mean_count=1.0)


pytestmark = pytest.mark.usefixtures("tiny_networks")


def describe(model="tiny_networks:build_seeded", layers=None, **changes):
    layers = layers or {"V4": "early", "IT": "late"}
    settings = {"size": 24, "mean": list(MEAN), "deviation": list(DEVIATION), "batch_size": 10}
    checked = NetworkOptions(model=model, layers=layers, **settings)
    # not checked again: what no configuration holds is refused here too
    return {"kind": "network", "network": checked.model_copy(update=changes)}


def make_variant(folder, **changes):
    """What `build` of the fixture builds, with one's own hands."""
    options = {"level": "image", "splits": 10, "uncorrected": (), "size": 16, "visual_degrees": 8}
    options |= {"min_site_reliability": 0.2, "normalise": "zscore", "threads": 1, "seed": 0}
    sources = {name: Source({folder.name: folder}, {}) for name in ("V4", "IT")}
    return Variant(sources, TeacherOptions(**options | changes), {})


def look(folder, size):
    """The stimuli as arrays in [0, 1], (stimulus, rgb, y, x), by torchvision alone."""
    table = pd.read_csv(folder / "stimuli.csv")
    assert (table["degrees"] == 8).all()
    images = []
    for name in table["filename"]:
        with Image.open(folder / "stimuli" / name) as image:
            images.append(resize_by_torchvision(image, size, size) / 255)
    return np.stack(images).transpose(0, 3, 1, 2)


@torch.no_grad()
def run_by_hand(folder):
    network = importlib.import_module("tiny_networks").build_seeded()
    images = look(folder, 24)
    for colour in range(3):
        images[:, colour] = (images[:, colour] - MEAN[colour]) / DEVIATION[colour]
    early = network.early(torch.from_numpy(images).float())
    return {"V4": early.flatten(1), "IT": network.late(early).flatten(1)}


def test_rdms_equal_features_by_hand(simulated, build):
    teacher = build(simulated, **describe())
    for name, features in run_by_hand(simulated).items():
        region = teacher.regions[name]
        expected = pdist(features.double().numpy(), "correlation")
        np.testing.assert_allclose(region["rdm"].values, expected, atol=1e-5)
        assert region.attrs["n_sites"] == features.shape[1]
        assert region.attrs["noise_free"] == region.attrs["corrected_for_noise"] == 1
        assert get_ceiling(region) == get_ceiling(region, "ceiling_half_1") == 1.0
        assert np.isnan(region["split_correlations"].values).all()
        assert "responses" not in region


def test_objects_are_means_over_their_images(published, build):
    region = build(published, ["IT"], level="object", **describe(layers={"IT": "late"}))
    features = run_by_hand(published)["IT"].double().numpy().reshape(6, 2, -1).mean(axis=1)
    expected = pdist(features, "correlation")
    np.testing.assert_allclose(region.regions["IT"]["rdm"].values, expected, atol=1e-5)


def test_any_stimuli_will_do_and_responses_are_not_read(published, build, tmp_path):
    lines = []
    teacher = build(published, ["early"], lines=lines, **describe(layers={"early": "early"}))
    assert teacher.regions["early"].sizes["stimulus"] == 12
    assert "network tiny_networks:build_seeded, the function's own weights" in lines[0]
    write_teacher(tmp_path / "teacher.nc", teacher)
    loaded = load_teacher(tmp_path / "teacher.nc").regions["early"]
    np.testing.assert_equal(loaded.attrs, teacher.regions["early"].attrs)


def test_select_takes_stimuli(simulated, build):
    kept = build(simulated, ["IT"], {"variation": ["V0"]}, **describe(layers={"IT": "late"}))
    assert kept.regions["IT"].sizes["stimulus"] == 64
    with pytest.raises(UserError, match=r"select.variation: 'V3' is not in simulated.*V0"):
        build(simulated, ["IT"], {"variation": ["V3"]}, **describe(layers={"IT": "late"}))
    with pytest.raises(UserError, match=r"select.animal: this teacher uses only the stimuli"):
        build(simulated, ["IT"], {"animal": ["A"]}, **describe(layers={"IT": "late"}))


class TestComparedByCKA:
    """Responses are kept, a wide layer in as many units as rows with the same inner products."""

    def test_inner_products_are_kept(self, simulated, build):
        teacher = build(simulated, comparison="cka", **describe())
        for name, features in run_by_hand(simulated).items():
            kept = teacher.regions[name]["responses"].values.astype(float)
            assert kept.shape[1] == min(64, features.shape[1])
            products = features.double() @ features.double().T
            np.testing.assert_allclose(kept @ kept.T, products, rtol=1e-4, atol=1e-4)

    def test_a_narrow_layer_stays_as_it_is(self):
        features = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
        assert narrow_features(features) is features


def test_a_state_dict_is_loaded_and_its_digest_kept(published, build, tmp_path, tiny_networks):
    path = tmp_path / "weights.pth"
    torch.save(tiny_networks.build_seeded().state_dict(), path)
    given = describe("tiny_networks:build_tiny", {"IT": "late"}, weights=str(path))
    teacher = build(published, ["IT"], **given)
    own = build(published, ["IT"], **describe(layers={"IT": "late"}))
    np.testing.assert_array_equal(teacher.regions["IT"]["rdm"], own.regions["IT"]["rdm"])
    assert teacher.provenance["weights"]["sha256"] == calc_sha256(path)
    assert "weights weights.pth" in teacher.regions["IT"].attrs["description"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "resnet81"}, r"'resnet81' is not a classification .*did you mean 'resnet18'"),
        ({"model": "maskrcnn_resnet50_fpn"}, r"is not a classification network of torchvision"),
        ({"model": "absent_package:build"}, r"'absent_package' .*cannot be imported .*PYTHONPATH"),
        ({"model": ":build"}, r"cannot be imported"),
        ({"model": "tiny_networks:build_tinny"}, r"no 'build_tinny', did you mean 'build_tiny'"),
        ({"model": "tiny_networks:NOT_A_FUNCTION"}, r"is a int, not a function"),
        ({"model": "tiny_networks:build_list"}, r"returns a list, expected a torch.nn.Module"),
        ({"model": "tiny_networks:fail"}, r"fail\(\) raised KeyError: 'my own mistake'"),
        ({"weights": "download"}, r"weights: 'download' is for torchvision's models"),
        ({"layers": {"IT": "latte"}}, r"layers.IT: .* no module 'latte', did you mean 'late'\?"),
        ({"layers": {"IT": "unused"}}, r"layers.IT: 'unused' is not used when an image is shown"),
        (
            {"model": "tiny_networks:build_in_place", "layers": {"IT": "0"}},
            r"layers.IT: the network writes into the output of '0' \(an operation in place",
        ),
        ({"layers": {"IT": "pair"}}, r"layers.IT: 'pair' gives a tuple, not a tensor"),
        ({"size": 2}, r"cannot process images of shape \(10, 3, 2, 2\) .*teacher.network.size"),
        ({"deviation": (0.2, 1e-45, 0.2)}, r"gives values that are not finite"),
        (
            {"electrodes": Electrodes(units=9999, repetitions=2, mean_count=1.0)},
            r"electrodes.units: 9999, but .*region IT has",
        ),
        ({"device": "tpu"}, r"teacher.network.device: 'tpu' is not one of"),
    ],
)
def test_user_errors(published, build, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        build(published, ["IT"], **describe(**{"layers": {"IT": "late"}, **changes}))
    assert "\n" not in str(caught.value)


class TestElectrodes:
    def measure(self, build, folder, units=60, repetitions=10, mean_count=5.0, **changes):
        electrodes = Electrodes(units=units, repetitions=repetitions, mean_count=mean_count)
        found = describe(layers={"V4": "early"}, electrodes=electrodes)
        return build(folder, ["V4"], **found, **changes).regions["V4"]

    def test_they_are_treated_as_recordings(self, simulated, build):
        region = self.measure(build, simulated)
        assert region.attrs["n_sites_measured"] == 60
        assert region.attrs["repetitions_min"] == region.attrs["repetitions_max"] == 10
        assert region.attrs["noise_free"] == 0
        assert 0.3 < region.attrs["ceiling"] < 1
        assert (region["site_reliability"].values >= 0.2).all()
        np.testing.assert_allclose(region["responses"].values.std(axis=0), 1, atol=1e-4)
        assert "electrodes" in region.attrs["description"]

    def test_counts_approach_the_rectified_units(self, simulated, build):
        region = self.measure(
            build, simulated, 40, 200, 50.0, normalise="none", min_site_reliability=-1
        )
        units = [int(name.removeprefix("V4_")) for name in region["neuroid_id"].values]
        assert len(set(units)) == len(units) <= 40
        chosen = run_by_hand(simulated)["V4"].clamp(min=0).double().numpy()[:, units]
        counts = region["responses"].values
        scale = counts.mean() / chosen.mean()
        error = (counts - chosen * scale) / np.sqrt(np.maximum(chosen * scale, 1) / 200)
        assert np.abs(error).max() < 6  # Poisson: variance of a mean over n is rate / n
        assert np.sqrt((error**2).mean()) < 1.1

    def test_the_mean_count_is_the_one_asked_for(self, simulated, build):
        region = self.measure(
            build, simulated, 400, 20, 2.5, normalise="none", min_site_reliability=-1
        )
        silent = 400 - region.attrs["n_sites"]  # never fired: nothing repeats, left out
        mean = region["responses"].values.sum() / (64 * (region.attrs["n_sites"] + silent))
        assert mean == pytest.approx(2.5, rel=0.01)

    def test_ceilings_rise_with_repetitions_and_rdms_approach_the_layer(self, simulated, build):
        features = run_by_hand(simulated)["V4"].double().numpy()
        ceilings, similarities = [], []
        for repetitions in (4, 16, 64):
            region = self.measure(build, simulated, 100, repetitions, uncorrected=("V4",))
            ceilings.append(region.attrs["ceiling"])
            similarities.append(
                spearmanr(pdist(features, "correlation"), region["rdm"].values).statistic
            )
        assert ceilings == sorted(ceilings)
        assert ceilings[-1] > 0.9
        assert similarities == sorted(similarities)

    def test_variants_are_those_that_are_built_alone(self, simulated, build, monkeypatch):
        """Also beside the whole layer, and the stimuli go through the network once."""
        draws = [(12, 4, 0), (30, 2, 0), (12, 4, 1), None]
        found = {}
        for number, one in enumerate(draws):
            electrodes = one and Electrodes(units=one[0], repetitions=one[1], draw=one[2])
            network = describe(layers={"V4": "early", "IT": "late"}, electrodes=electrodes)
            found[f"variant_{number}"] = network
        alone = {key: build(simulated, **options) for key, options in found.items()}
        passes = []
        record = importlib.import_module("tgas_neuro.teacher.network.network").record_layers
        monkeypatch.setattr(
            "tgas_neuro.teacher.network.network.record_layers",
            lambda *given: passes.append(1) or record(*given),
        )
        some = dict(list(found.items())[:-1])
        for chosen in (found, some):  # all units are kept, or those that are needed
            passes.clear()
            together = build_variants(
                {key: make_variant(simulated, **options) for key, options in chosen.items()},
                lambda line: None,
            )
            assert len(passes) == 1 and list(together) == list(chosen)
            for key, teacher in together.items():
                assert identify_teacher(teacher) == identify_teacher(alone[key])
        names = [set(alone[key].regions["V4"]["neuroid_id"].values) for key in some]
        assert names[0] != names[2]  # other units, and so other sites
        assert alone["variant_3"].regions["V4"].attrs["noise_free"] == 1

    def test_the_first_draw_is_that_of_older_configurations(self):
        assert "draw" not in dump_decisive(Electrodes(units=3))
        assert dump_decisive(Electrodes(units=3, draw=2))["draw"] == 2

    def test_a_silent_layer_is_refused(self, published, build, monkeypatch, tiny_networks):
        def build_silent():
            network = tiny_networks.build_seeded()
            torch.nn.init.constant_(network.late.weight, 0)
            torch.nn.init.constant_(network.late.bias, -1)
            return network

        monkeypatch.setattr(tiny_networks, "build_silent", build_silent, raising=False)
        found = describe(
            "tiny_networks:build_silent",
            {"IT": "late"},
            electrodes=Electrodes(units=5, repetitions=4, mean_count=5.0),
        )
        with pytest.raises(UserError, match=r"none of the 5 units of region IT is above 0"):
            build(published, ["IT"], **found)


def test_regions_on_the_same_stimuli_share_halves_whatever_the_kind(simulated, build):
    network = build(simulated, **describe())
    recorded = build(simulated)
    halves = [region["half"].values for region in (network.regions | recorded.regions).values()]
    halves.append(network.regions["V4"]["half"].values)
    assert all((half == halves[0]).all() for half in halves)
    other = build(simulated, ["IT"], seed=1).regions["IT"]["half"].values
    assert (other != halves[0]).any()


def test_a_region_with_itself_is_at_its_ceiling(simulated, build):
    """What a candidate with the teacher's own features would reach, in both crossed halves."""
    region = build(simulated, ["V4"], **describe(layers={"V4": "early"})).regions["V4"]
    own = squareform(pdist(run_by_hand(simulated)["V4"].double().numpy(), "correlation"))
    for half in (0, 1):
        keep = np.flatnonzero(region["half"].values == half)
        square = squareform(region["rdm"].values)[np.ix_(keep, keep)]
        mine = squareform(own[np.ix_(keep, keep)], checks=False)
        r = spearmanr(mine, squareform(square, checks=False)).statistic
        assert r / get_ceiling(region, f"ceiling_half_{half}") == pytest.approx(1, abs=1e-4)
