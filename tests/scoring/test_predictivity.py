"""Neural predictivity against scikit-learn, Brain-Score and a case that is known."""

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from torch import nn

from tgas_neuro.scoring.predictivity import calc_predictivity, correlate_held_out
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.scoring.scoring import build_targets
from tgas_neuro.teacher.held_out import draw_held_out
from tgas_neuro.teacher.teacher import Teacher


def draw_case(n_rows, n_units, n_sites, seed=0, factors=8):
    """Rectified features and responses with common factors, float32."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_rows, factors))
    features = signal @ rng.normal(size=(factors, n_units)) + rng.normal(size=(n_rows, n_units))
    responses = signal @ rng.normal(size=(factors, n_sites)) + rng.normal(size=(n_rows, n_sites))
    return np.maximum(features, 0).astype(np.float32), responses.astype(np.float32)


def predict(features, responses, held_out, method):
    flags = {"all": held_out.astype(np.int8)}
    regions = {"IT": torch.from_numpy(responses)}
    return correlate_held_out(torch.from_numpy(features), regions, flags, method)["IT"]["all"]


def predict_by_sklearn(features, responses, held_out, method):
    x, y = features.astype(float), responses.astype(float)
    found = np.empty((len(held_out), y.shape[1]))
    for split, test in enumerate(held_out):
        if method == "ridge":
            regression = Ridge(alpha=1)
        else:
            regression = PLSRegression(n_components=min(25, x.shape[1]), scale=False)
        predicted = regression.fit(x[~test], y[~test]).predict(x[test])
        predicted = predicted.reshape(y[test].shape)
        found[split] = [pearsonr(a, b)[0] for a, b in zip(predicted.T, y[test].T, strict=True)]
    return found


SIZES = {
    "more units than stimuli": (100, 300, 30),
    "fewer units than stimuli": (200, 60, 20),
    "as many": (64, 64, 7),
    "fewer units than components": (120, 10, 6),
    "one site": (90, 130, 1),
    "more sites than stimuli": (50, 80, 70),
    "more units than a block": (70, 5000, 5),
    "more stimuli than a block": (600, 700, 3),
}


@pytest.mark.parametrize("method", ["ridge", "pls"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_equals_scikit_learn(size, method):
    features, responses = draw_case(*size)
    held_out = draw_held_out(len(features))[:4]
    found = predict(features, responses, held_out, method)
    expected = predict_by_sklearn(features, responses, held_out, method)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("method", ["ridge", "pls"])
@settings(max_examples=25)
@given(
    n_rows=st.integers(32, 60),
    n_units=st.integers(1, 90),
    n_sites=st.integers(1, 9),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    shift=st.sampled_from([0.0, 50.0]),
    seed=st.integers(0, 2**16),
)
def test_equals_scikit_learn_at_any_size(method, n_rows, n_units, n_sites, scale, shift, seed):
    features, responses = draw_case(n_rows, n_units, n_sites, seed)
    features = np.float32(scale) * features + np.float32(shift)
    held_out = draw_held_out(n_rows)[:2]
    found = predict(features, responses, held_out, method)
    expected = predict_by_sklearn(features, responses, held_out, method)
    # a unit that is zero but for one stimulus may be constant where the map is fitted
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.fixture
def brainscore(monkeypatch, tmp_path):
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    for name in ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return pytest.importorskip("brainscore_vision")


@pytest.mark.parametrize("method", ["ridge", "pls"])
@pytest.mark.parametrize("stratified", [True, False])
def test_equals_brainscore(brainscore, method, stratified):
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    features, responses = draw_case(160, 220, 12)
    objects = np.array([f"object_{number % 8}" for number in range(160)])
    stimuli = [f"stimulus_{number:04d}" for number in range(160)]

    def build(values):
        names = [f"n_{number:04d}" for number in range(values.shape[1])]
        return NeuroidAssembly(
            values.astype(float),
            coords={
                "stimulus_id": ("presentation", stimuli),
                "object_name": ("presentation", objects),
                "neuroid_id": ("neuroid", names),
                "region": ("neuroid", ["IT"] * len(names)),
            },
            dims=["presentation", "neuroid"],
        )

    settings = {} if stratified else {"stratification_coord": None}
    metric = brainscore.load_metric(method, crossvalidation_kwargs=settings)
    expected = metric(build(features), build(responses))
    found = predict(
        features, responses, draw_held_out(160, objects if stratified else None), method
    )
    assert calc_predictivity(found) == pytest.approx(float(expected), abs=1e-8)
    assert calc_predictivity(found[:1]) != pytest.approx(float(expected), abs=1e-4)


def test_a_noisy_site_is_predicted_up_to_its_ceiling():
    """Responses that are linear in the features, with noise of a known share."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(3000, 20)).astype(np.float32)
    reliability = np.array([0.2, 0.5, 0.8, 1.0])
    signal = features @ rng.normal(size=(20, 4)).astype(np.float32)
    signal = (signal - signal.mean(axis=0)) / signal.std(axis=0)
    noise = np.sqrt(1 / reliability - 1) * rng.normal(size=signal.shape)
    responses = (signal + noise).astype(np.float32)
    held_out = draw_held_out(3000)
    for method in ("ridge", "pls"):
        found = predict(features, responses, held_out, method)
        np.testing.assert_allclose(found.mean(axis=0), np.sqrt(reliability), atol=0.03)
        assert calc_predictivity(found, np.sqrt(reliability)) == pytest.approx(1, abs=0.02)


def test_unrelated_features_predict_nothing():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(400, 500)).astype(np.float32)
    responses = rng.normal(size=(400, 30)).astype(np.float32)
    for method in ("ridge", "pls"):
        found = predict(features, responses, draw_held_out(400), method)
        assert abs(calc_predictivity(found)) < 0.05


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_subsets_and_regions_are_as_if_alone(method):
    features, responses = draw_case(120, 150, 9)
    half = np.random.default_rng(3).permutation(120) % 2
    flags = {
        "all": draw_held_out(120).astype(np.int8),
        "half_0": np.full((10, 120), -1, dtype=np.int8),
    }
    flags["half_0"][:, half == 0] = draw_held_out(60)
    regions = {"V4": torch.from_numpy(responses[:, :4]), "IT": torch.from_numpy(responses[:, 4:])}
    found = correlate_held_out(torch.from_numpy(features), regions, flags, method)
    for name, sites in (("V4", slice(4)), ("IT", slice(4, None))):
        np.testing.assert_allclose(
            found[name]["all"],
            predict_by_sklearn(features, responses[:, sites], draw_held_out(120), method),
            atol=1e-8,
        )
        np.testing.assert_allclose(
            found[name]["half_0"],
            predict_by_sklearn(
                features[half == 0], responses[half == 0, sites], draw_held_out(60), method
            ),
            atol=1e-8,
        )


@pytest.mark.parametrize("method", ["ridge", "pls"])
@pytest.mark.parametrize("n_units", [20, 200])
def test_scale_shift_and_rotation(method, n_units):
    """A shift changes nothing; PLS depends on neither scale nor rotation, ridge on scale."""
    features, responses = draw_case(80, n_units, 6)
    held_out = draw_held_out(80)
    found = predict(features, responses, held_out, method)
    rotation = np.linalg.qr(np.random.default_rng(4).normal(size=(n_units, n_units)))[0]
    turned = (features.astype(float) @ rotation).astype(np.float32)
    assert np.abs(predict(turned, responses, held_out, method) - found).max() < 1e-4
    moved = predict(features + np.float32(8), responses, held_out, method)
    np.testing.assert_allclose(moved, found, atol=1e-4)
    scaled = predict(features * np.float32(0.01), responses, held_out, method)
    assert (np.abs(scaled - found).max() < 1e-6) == (method == "pls")


@pytest.mark.parametrize("method", ["ridge", "pls"])
@pytest.mark.parametrize("n_units", [5, 200])
def test_what_has_no_value(method, n_units):
    features, responses = draw_case(80, n_units, 4)
    held_out = draw_held_out(80)
    responses[:, 1] = 3.7
    found = predict(features, responses, held_out, method)
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_allclose(
        found[:, [0, 2, 3]],
        predict(features, responses[:, [0, 2, 3]], held_out, method),
        atol=1e-8,
    )
    assert calc_predictivity(found) == calc_predictivity(found[:, [0, 2, 3]])
    for broken in (np.full_like(features, 0.1), np.where(features > 1, np.nan, features)):
        undefined = predict(broken.astype(np.float32), responses, held_out, method)
        assert np.isnan(undefined).all()
        assert np.isnan(calc_predictivity(undefined))


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_awkward_features_stay_finite(method):
    """Units that repeat, a rank below the number of components, and huge values."""
    features, responses = draw_case(80, 4, 5)
    held_out = draw_held_out(80)
    repeated = np.tile(features, (1, 30))
    alone = predict_by_sklearn(features, responses, held_out, method)
    found = predict(repeated, responses, held_out, method)
    assert np.isfinite(found).all()
    if method == "pls":  # the same axes, in the same order
        np.testing.assert_allclose(found, alone, atol=1e-6)
    wide, _ = draw_case(80, 300, 5)
    huge = predict(wide * np.float32(1e12), responses, held_out, method)
    assert np.isfinite(huge).all()
    assert np.abs(huge).max() <= 1 + 1e-12


def test_predictivity_by_hand():
    correlations = np.array([[0.2, 0.4, np.nan, 0.9], [0.4, 0.4, 0.8, 0.6]])
    assert calc_predictivity(correlations) == pytest.approx((0.4 + 0.5) / 2)
    ceilings = np.array([0.5, 0.8, 0.8, 1.0])
    assert calc_predictivity(correlations, ceilings) == pytest.approx((0.5 + 0.7) / 2)


class TestNetwork:
    """A network scored as a candidate is, against scikit-learn on its own features."""

    @pytest.fixture
    def shown(self):
        rng = np.random.default_rng(5)
        images = rng.integers(0, 256, size=(72, 8, 8, 3), dtype=np.uint8)
        torch.manual_seed(0)
        layers = {"wide": nn.Conv2d(3, 6, 3), "narrow": nn.Conv2d(6, 2, 5), "dead": nn.ReLU()}
        with torch.no_grad():
            layers["narrow"].bias.fill_(-1e6)
        network = nn.Sequential(*layers.values()).eval()
        half = rng.permutation(72) % 2
        flags = np.full((3, 10, 72), -1, dtype=np.int8)
        for subset, rows in zip(flags, (half >= 0, half == 0, half == 1), strict=True):
            subset[:, rows] = draw_held_out(rows.sum())
        return network, layers, images, half, flags

    def build(self, shown, method, **changes):
        _, _, images, half, flags = shown
        rng = np.random.default_rng(6)
        pixels = images.reshape(72, -1).astype(float)
        regions = {}
        for name, n_sites in (("V4", 5), ("IT", 8)):
            signal = pixels @ rng.normal(size=(pixels.shape[1], n_sites))
            responses = signal / signal.std(axis=0) + rng.normal(size=signal.shape)
            regions[name] = xr.Dataset(
                {
                    "images": (("stimulus", "y", "x", "rgb"), images),
                    "row": ("stimulus", np.arange(72)),
                    "half": ("row_name", half.astype(np.int8)),
                    "held_out": (("subset", "prediction_split", "row_name"), flags),
                    "responses": (("row_name", "neuroid"), responses.astype(np.float32)),
                    "site_reliability": ("neuroid", rng.uniform(0.3, 0.9, n_sites)),
                },
                attrs={
                    **{"distance": "correlation", "comparison": method, "noise_free": 0},
                    **dict.fromkeys(("ceiling", "ceiling_half_0", "ceiling_half_1"), 0.7),
                    **{"corrected_for_noise": 1, **changes},
                },
            )
        return Teacher(regions, {})

    def score(self, shown, teacher, **options):
        network, layers, *_ = shown
        return score_network(network, layers, teacher, None, torch.device("cpu"), 0, **options)

    @pytest.mark.parametrize("method", ["ridge", "pls"])
    def test_equals_scikit_learn(self, shown, method):
        network, _, images, half, flags = shown
        teacher = self.build(shown, method)
        score = self.score(shown, teacher)
        assert [target.regions for target in build_targets(teacher)] == [("V4", "IT")]
        x = (images / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
        with torch.no_grad():
            wide = network[0](torch.from_numpy(x.transpose(0, 3, 1, 2)).float()).flatten(1).numpy()
        for name, region in teacher.regions.items():
            found = score["regions"][name]["layers"]["wide"]
            ceilings = np.sqrt(region["site_reliability"].values)
            corrected = {}
            for subset, rows in (("all", half >= 0), ("half_0", half == 0), ("half_1", half == 1)):
                held_out = flags[("all", "half_0", "half_1").index(subset)][:, rows] == 1
                r = predict_by_sklearn(
                    wide[rows], region["responses"].values[rows], held_out, method
                )
                assert found[subset] == pytest.approx(np.median(r, axis=1).mean(), abs=1e-6)
                corrected[subset] = np.median(r / ceilings, axis=1).mean()
                assert found[f"{subset}_corrected"] == pytest.approx(corrected[subset], abs=1e-6)
            assert score["regions"][name]["paper"] == {
                "raw": found["all"],
                "corrected": found["all_corrected"],
                "layer": "wide",
            }
            crossed = score["regions"][name]["crossed"]
            assert crossed["corrected"] == pytest.approx(
                (corrected["half_0"] + corrected["half_1"]) / 2, abs=1e-6
            )
            assert score["regions"][name]["layers"]["dead"] is None
            assert score["regions"][name]["ceiling"] == 0.7
        guidance = [found["paper"]["corrected"] for found in score["regions"].values()]
        assert score["TG"]["paper"] == pytest.approx(np.mean(guidance))

    def test_without_ceilings(self, shown):
        score = self.score(shown, self.build(shown, "ridge", corrected_for_noise=0))
        region = score["regions"]["IT"]
        assert set(region["layers"]["wide"]) == {"all", "half_0", "half_1"}
        assert region["ceiling"] is None
        assert region["paper"]["corrected"] == region["paper"]["raw"]
        free = self.score(shown, self.build(shown, "ridge", noise_free=1))["regions"]["IT"]
        assert free["paper"]["corrected"] == free["paper"]["raw"] == region["paper"]["raw"]

    def test_a_projected_layer_is_alike(self, shown):
        teacher = self.build(shown, "ridge")
        exact, near = (
            self.score(shown, teacher, max_units=units)["regions"]["IT"]["layers"]["wide"]["all"]
            for units in (None, 150)
        )
        assert exact != near
        assert near == pytest.approx(exact, abs=0.1)

    def test_other_splits_are_another_target(self, shown):
        teacher = self.build(shown, "ridge")
        flags = teacher.regions["IT"]["held_out"]
        teacher.regions["IT"]["held_out"] = (flags.dims, flags.values[:, ::-1])
        assert [target.regions for target in build_targets(teacher)] == [("V4",), ("IT",)]
