"""RDMs and their comparison beside Brain-Score and rsatoolbox, on easy and on awkward inputs."""

import inspect
import json
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from tgas_neuro.rdm import calc_rdm, compare_rdms
from tgas_neuro.rdm.streaming.ranked import rank_rdms
from tgas_neuro.rdm.streaming.streaming import compare_features


def build_inputs():
    """Patterns of a layer and of a region, (stimulus, unit), float32, by the kind of the layer.

    40 stimuli are sorted exactly; 700 go through the bins of the streaming scorer.
    """
    rng = np.random.default_rng(20)
    inputs = {}
    for n_rows in (40, 700):
        shared = rng.normal(size=(n_rows, 30))
        region = shared[:, :20] + rng.normal(size=(n_rows, 20))
        layer = shared + rng.normal(size=(n_rows, 30))
        one_constant = layer.copy()
        one_constant[3] = 0.5
        layers = {
            "random": layer,
            "rounded": np.round(layer[:, :12]),
            # six units in an order: 36 different dissimilarities at most
            "ranked": np.argsort(np.argsort(layer[:, :6], axis=1), axis=1),
            # all correlations within 1e-4 of each other
            "tiny variance": shared[0] + 0.003 * layer,
            "constant": np.full_like(layer, 0.7),
            "one constant": one_constant,
            "single unit": layer[:, :1],
        }
        for kind, patterns in layers.items():
            inputs[f"{kind}, {n_rows}"] = patterns.astype(np.float32), region.astype(np.float32)
    inputs["two stimuli"] = layer[:2].astype(np.float32), region[:2].astype(np.float32)
    return inputs


INPUTS = build_inputs()
TIED = {name for name in INPUTS if name.startswith(("rounded", "ranked"))}
UNDEFINED = {name for name in INPUTS if "constant" in name or "single" in name} | {"two stimuli"}
DEFINED = sorted(INPUTS.keys() - UNDEFINED)

# Made by FROM_RSATOOLBOX, run by `run_rsatoolbox` with rsatoolbox 0.3.2 (numpy 2.4.6): Spearman's
# r, and mean and first value of the layer's RDM; or the message of the error.
RSATOOLBOX = {
    "random, 40": [0.19607077187579458, 0.9957805234394469, 1.0309190192962898],
    "rounded, 40": [0.2420407871459994, 1.0001422713567276, 0.8277018833197971],
    "ranked, 40": [0.1502777618067695, 0.9797069597069598, 0.6285714285714286],
    "tiny variance, 40": [0.17277227103114393, 1.559270595882234e-05, 1.589445656180466e-05],
    "constant, 40": "rdm1 and rdm2 have different nan positions",
    "one constant, 40": "rdm1 and rdm2 have different nan positions",
    "single unit, 40": "rdm1 and rdm2 have different nan positions",
    "random, 700": [0.19485545925023617, 0.9995100363266028, 0.9198081395116569],
    "rounded, 700": [0.16213192515284228, 0.9995682852413444, 0.6640315795473536],
    "ranked, 700": [0.09724254683140524, 1.0010769904528334, 1.2],
    "tiny variance, 700": [0.13663555427018712, 2.478937967423222e-05, 1.7799097111304008e-05],
    "constant, 700": "rdm1 and rdm2 have different nan positions",
    "one constant, 700": "rdm1 and rdm2 have different nan positions",
    "single unit, 700": "rdm1 and rdm2 have different nan positions",
    "two stimuli": [0.0, 0.9198081395116569, 0.9198081395116569],
}
FROM_RSATOOLBOX = """
import json, warnings
import numpy as np
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import calc_rdm, compare

warnings.simplefilter("ignore")  # divisions by zero
found = {}
for name, patterns in build_inputs().items():
    layer, region = (
        calc_rdm(Dataset(part.astype(np.float64)), method="correlation") for part in patterns
    )
    try:
        r = compare(layer, region, method="spearman").item()
    except ValueError as error:
        found[name] = str(error)
    else:
        vector = layer.get_vectors()[0]
        found[name] = [r, vector.mean(), vector[0]]
print(json.dumps(found))
"""


def run_rsatoolbox(python):
    script = "import numpy as np\n" + inspect.getsource(build_inputs) + FROM_RSATOOLBOX
    ended = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def brainscore(tmp_path_factory):
    """Brain-Score's metric, kept from installing, caching and asking the network."""
    home = str(tmp_path_factory.mktemp("brainscore"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BS_INSTALL_DEPENDENCIES", "no")
        for name in ("RESULTCACHING_DISABLE", "BRAINSCORE_SKIP_MEMORY_CHECK"):
            patch.setenv(name, "1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME"):
            patch.setenv(name, home)
        reason = "Brain-Score is not installed: pip install tgas-neuro[brainscore]"
        yield pytest.importorskip("brainscore_vision.metrics.rdm.metric", reason=reason)


@pytest.fixture(scope="module")
def calc_brainscore(brainscore):
    """Brain-Score's RDM of patterns, (stimulus, unit), as its own assembly."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    def calc(patterns):
        stimuli = [f"s{number:04d}" for number in range(len(patterns))]
        units = [f"n{number}" for number in range(patterns.shape[1])]
        coords = {
            "stimulus_id": ("presentation", stimuli),
            "object_name": ("presentation", stimuli),
            "neuroid_id": ("neuroid", units),
            "region": ("neuroid", units),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # divisions by zero
            dims = ["presentation", "neuroid"]
            return brainscore.RDM()(NeuroidAssembly(patterns.astype(float), coords, dims))

    return calc


def compare_streaming(layer, region):
    """Ours as a search does it: coefficients of all rows and of both crossed halves."""
    half = np.arange(len(layer)) % 2
    ranked = rank_rdms({"IT": calc_rdm(region)}, half)
    return compare_features(torch.from_numpy(layer), ranked)["IT"]


@pytest.mark.parametrize("name", INPUTS)
def test_rdm_equals_brainscore(name, calc_brainscore):
    layer = INPUTS[name][0]
    expected = calc_brainscore(layer).values[np.triu_indices(len(layer), k=1)]
    # also where all dissimilarities are tiny
    largest = np.nanmax(expected) if not np.isnan(expected).all() else 0
    np.testing.assert_allclose(calc_rdm(layer), expected, rtol=1e-5, atol=2e-6 * largest)


@pytest.mark.parametrize("name", DEFINED)
@pytest.mark.parametrize("subset", ["all", "half_0", "half_1"])
def test_similarity_equals_brainscore(name, subset, brainscore, calc_brainscore):
    """A crossed half is what Brain-Score finds for its stimuli alone."""
    layer, region = INPUTS[name]
    rows = {"all": slice(None), "half_0": slice(0, None, 2), "half_1": slice(1, None, 2)}[subset]
    rdms = [calc_brainscore(patterns[rows]) for patterns in (layer, region)]
    if name in TIED:
        # where equal dissimilarities differ by rounding, Brain-Score orders them by chance
        rdms[0] = rdms[0].round(12)
        assert len(np.unique(rdms[0])) < len(rdms[0]) * (len(rdms[0]) - 1) // 2
    expected = brainscore.RDMSimilarity()(*rdms)
    assert compare_streaming(layer, region)[subset] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", DEFINED)
def test_whole_rdms_compared_equal_brainscore(name, brainscore, calc_brainscore):
    """Rounding to float32 makes or breaks a few ties; only the streaming scorer avoids that."""
    layer, region = INPUTS[name]
    expected = brainscore.RDMSimilarity()(calc_brainscore(layer), calc_brainscore(region))
    found = compare_rdms(calc_rdm(layer), calc_rdm(region))
    assert found == pytest.approx(expected, abs=5e-4 if name in TIED else 5e-5)


@pytest.mark.parametrize("name", sorted(UNDEFINED))
@pytest.mark.filterwarnings("ignore")
def test_undefined_is_nan_as_in_brainscore(name, brainscore, calc_brainscore):
    """A pattern that does not vary, or a single pair of stimuli: no correlation exists.

    rsatoolbox refuses the one ("different nan positions") and calls the other 0.
    """
    layer, region = INPUTS[name]
    expected = brainscore.RDMSimilarity()(calc_brainscore(layer), calc_brainscore(region))
    assert np.isnan(expected)
    assert np.isnan(list(compare_streaming(layer, region).values())).all()
    assert np.isnan(compare_rdms(calc_rdm(layer), calc_rdm(region)))
    assert RSATOOLBOX[name] == "rdm1 and rdm2 have different nan positions" or (
        name == "two stimuli" and RSATOOLBOX[name][0] == 0
    )


@pytest.mark.parametrize("name", DEFINED)
def test_equals_rsatoolbox(name):
    layer, region = INPUTS[name]
    r, mean, first = RSATOOLBOX[name]
    rdm = calc_rdm(layer)
    assert rdm.mean(dtype=float) == pytest.approx(mean, rel=1e-5)
    assert rdm[0] == pytest.approx(first, rel=1e-5)
    # rsatoolbox too orders ties by the chance of rounding
    tolerance = 5e-4 if name in TIED else 1e-6
    assert compare_streaming(layer, region)["all"] == pytest.approx(r, abs=tolerance)


def test_recorded_values_are_those_of_rsatoolbox():
    environment = Path(__file__).parents[2] / "benchmarks" / ".venv-rsatoolbox"
    if not (environment / "ready").exists():
        pytest.skip("no environment with rsatoolbox: benchmarks/rdm.py makes one")
    found = run_rsatoolbox(environment / "bin" / "python")
    assert found.keys() == RSATOOLBOX.keys()
    for name, values in RSATOOLBOX.items():
        assert found[name] == (values if isinstance(values, str) else pytest.approx(values))
