"""The final network compared with the teacher, against scipy."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import list_modules
from tgas_neuro.final.evaluation.teacher_guidance import measure_teacher_guidance
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.teacher import Teacher, load_teacher, write_teacher

N, SIZE = 20, 24
LARGE = Skeleton(filters=4, cells_per_stage=2, stages=2, n_classes=5, image_size=SIZE)
CEILINGS = {"all": 0.9, "half_0": 0.8, "half_1": 0.7}
COMPUTING = {"device": "cpu", "threads": 1, "batch_size": 9, "micro_batch": None}
SCORING = {"max_units": None, "spatial_mean": False, "exact": False}


@pytest.fixture
def stimuli(tmp_path):
    """Noise of SIZE pixels, so that the network sees each pixel as it is in the file."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "recordings" / "noise"
    (folder / "stimuli").mkdir(parents=True)
    pixels = generator.integers(0, 256, (N, SIZE, SIZE, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / "stimuli" / f"{number}.png")
    names = [f"{number}.png" for number in range(N)]
    table = {
        "stimulus_id": [f"s{number}" for number in range(N)],
        "filename": names,
        "sha256": [calc_sha256(folder / "stimuli" / name) for name in names],
        "degrees": 8.0,
    }
    pd.DataFrame(table).to_csv(folder / "stimuli.csv", index=False)
    return folder, pixels


@pytest.fixture
def teacher(tmp_path):
    """Two regions whose RDMs have nothing to do with the images; candidates saw 8 pixels."""
    generator = np.random.default_rng(1)
    region = xr.Dataset(
        {
            "images": (("stimulus", "y", "x", "rgb"), np.zeros((N, 8, 8, 3), np.uint8)),
            "row": ("stimulus", np.arange(N)),
            "half": ("row_name", generator.permutation(N) % 2),
        },
        coords={"stimulus": [f"s{number}" for number in range(N)]},
        attrs={
            "distance": "correlation",
            "comparison": "spearman",
            "corrected_for_noise": 1,
            "ceiling": CEILINGS["all"],
            "ceiling_half_0": CEILINGS["half_0"],
            "ceiling_half_1": CEILINGS["half_1"],
        },
    )
    regions = {
        name: region.assign(
            rdm=("pair", pdist(generator.normal(size=(N, 9)), "correlation").astype(np.float32))
        )
        for name in ("V4", "IT")
    }
    path = tmp_path / "teacher.nc"
    write_teacher(path, Teacher(regions, {}))
    write_ranks(tmp_path / "ranks", load_teacher(path))
    return path, tmp_path / "ranks", regions


@pytest.fixture
def network(genotype, tmp_path):
    built = build_network(genotype, LARGE, torch.Generator().manual_seed(2)).eval()
    torch.save(built.state_dict(), tmp_path / "weights.pt")
    return built, tmp_path / "weights.pt"


def measure(genotype, network, teacher, folder, skeleton=LARGE):
    path, ranks, _ = teacher
    sources = {name: Source({folder.name: folder}) for name in ("V4", "IT")}
    return measure_teacher_guidance(
        genotype.to_json(), skeleton, network[1], path, ranks, sources, 8, COMPUTING, SCORING, 0
    )


def record(network, pixels):
    """Module to (stimulus, unit), by hooks of its own."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((pixels / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    found, modules = {}, dict(network.named_modules())
    names = ["stem", *(f"cells.{name}" for name in network.cells)]
    for name in names:
        modules[name].register_forward_hook(
            lambda m, i, output, name=name: found.update({name: output.flatten(1).numpy()})
        )
    with torch.no_grad():
        network(torch.from_numpy(x).float())
    return found


def test_every_layer_of_the_large_network_is_compared(genotype, network, teacher, stimuli):
    folder, pixels = stimuli
    score = measure(genotype, network, teacher, folder)
    assert score["image_size"] == SIZE
    outputs = record(network[0], pixels)
    assert list(outputs) == list_modules(genotype, LARGE)
    values = []
    for name, region in teacher[2].items():
        half = region["half"].values
        keeps = {"all": half >= 0, "half_0": half == 0, "half_1": half == 1}
        first, second = np.triu_indices(N, 1)
        similarity = {
            layer: {
                subset: spearmanr(
                    pdist(output[keep].astype(float), "correlation"),
                    region["rdm"].values[keep[first] & keep[second]],
                )[0]
                for subset, keep in keeps.items()
            }
            for layer, output in outputs.items()
        }
        found = score["regions"][name]
        assert list(found["layers"]) == list(outputs)
        for layer, expected in similarity.items():
            assert found["layers"][layer] == pytest.approx(expected, abs=1e-3), (name, layer)
        best = max(similarity, key=lambda layer: similarity[layer]["all"])
        assert found["paper"]["layer"] == best
        chosen = [max(similarity, key=lambda n: similarity[n][h]) for h in ("half_0", "half_1")]
        assert found["crossed"]["layers"] == chosen
        corrected = np.mean(
            [
                similarity[layer][other] / CEILINGS[other]
                for layer, other in zip(chosen, ("half_1", "half_0"), strict=True)
            ]
        )
        assert found["crossed"]["corrected"] == pytest.approx(corrected, abs=2e-3)
        values.append(corrected)
    assert score["TG"]["crossed"] == pytest.approx(np.mean(values), abs=2e-3)


def test_a_network_that_tells_nothing_apart_has_no_value(genotype, network, teacher, stimuli):
    state = {name: torch.zeros_like(value) for name, value in network[0].state_dict().items()}
    torch.save(state, network[1])
    score = measure(genotype, network, teacher, stimuli[0])
    assert score["TG"] == {"crossed": None, "paper": None}
    assert {region["paper"] for region in score["regions"].values()} == {None}


def test_weights_of_another_network_are_named(genotype, network, teacher, stimuli):
    other = Skeleton(filters=8, cells_per_stage=2, stages=2, n_classes=5, image_size=SIZE)
    with pytest.raises(UserError, match=r"weights\.pt: not the weights of the final network"):
        measure(genotype, network, teacher, stimuli[0], other)
